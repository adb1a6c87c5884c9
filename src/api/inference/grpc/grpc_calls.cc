// States of calls, one class each.
#include "api/inference/grpc/grpc_calls.h"

#include <array>
#include <deque>
#include <optional>

#include "api/inference/grpc/catalog_methods.h"
#include "api/inference/grpc/infer_answer.h"
#include "base/text.h"
#include "health.pb.h"

namespace mw::api::inference {
namespace {

using ::grpc::ByteBuffer;
using Health = ::grpc::health::v1::HealthCheckResponse;

constexpr std::string_view kInferencePath = "/inference.GRPCInferenceService/";
constexpr std::string_view kHealthPath = "/grpc.health.v1.Health/";
/// Calls of ModelInfer that one lane waits for at once; those under way come on top.
constexpr int kInferCallsArmed = 16;
/// Answers of one stream that its client has not taken yet; more requests are not read meanwhile.
constexpr std::size_t kStreamAnswersMax = 16;

::grpc::Status Stopping() { return {::grpc::StatusCode::UNAVAILABLE, "the server is stopping"}; }

/// What waits for a late answer, and its way back to the lane's thread.
class LateAnswer {
 public:
  std::unique_ptr<Resumer> Await(Lane& lane, std::unique_ptr<Waiting> waiting, Reply& reply) {
    held_ = std::make_shared<Held>(Held{*this, std::move(waiting), reply});
    return std::make_unique<LaneResumer>(lane.mailbox(), held_);
  }
  [[nodiscard]] bool awaited() const { return held_ != nullptr; }
  /// Destroys what waits.
  void GiveUp() { held_.reset(); }

 private:
  struct Held {
    LateAnswer& owner;
    std::unique_ptr<Waiting> waiting;
    Reply& reply;
  };
  /// Any thread may own it; what it points to is looked at on the lane's thread only, and may be gone by then.
  class LaneResumer final : public Resumer {
   public:
    LaneResumer(std::shared_ptr<Mailbox> mailbox, std::weak_ptr<Held> held)
        : mailbox_(std::move(mailbox)), held_(std::move(held)) {}
    ~LaneResumer() override {
      if (resumed_) return;
      Post([](Held& held) { held.reply.Refuse(Internal("the model gave the request up; try again"), Duration{0}); });
    }
    void Resume() override {
      resumed_ = true;
      Post([](Held& held) { held.waiting->Finish(held.reply); });
    }

   private:
    void Post(void (*end)(Held& held)) {
      mailbox_->Post([weak = held_, end] {
        const std::shared_ptr<Held> held = weak.lock();
        if (held == nullptr) return;
        held->owner.held_.reset();  // it may be put off again
        end(*held);
      });
    }
    const std::shared_ptr<Mailbox> mailbox_;
    const std::weak_ptr<Held> held_;
    bool resumed_ = false;
  };

  std::shared_ptr<Held> held_;
};

class InferCall final : public Call, private Reply {
 public:
  explicit InferCall(Lane& lane) : lane_(lane) { Arm(); }
  void GiveUp() override {
    if (!late_.awaited()) return;
    late_.GiveUp();
    writer_->FinishWithError(Stopping(), &on_finished_);
  }

 private:
  void Arm() {
    request_.Clear();
    writer_.reset();
    context_.emplace();
    writer_.emplace(&*context_);
    ++lane_.infer_calls_armed();
    lane_.services().infer.Request(&*context_, &request_, &*writer_, &lane_.queue(), &on_taken_);
  }
  void OnTaken(bool ok) {
    --lane_.infer_calls_armed();
    if (!ok) return lane_.Drop(this);  // the server is stopping
    if (lane_.infer_calls_armed() < kInferCallsArmed && !lane_.stopping())
      lane_.Keep(std::make_unique<InferCall>(lane_));
    lane_.Infer(request_, *context_, *this);
  }
  void OnFinished() {
    if (lane_.stopping() || lane_.infer_calls_armed() >= 2 * kInferCallsArmed) return lane_.Drop(this);
    Arm();
  }
  void Answer(const InferenceAnswer& answer) override {
    std::string& bytes = lane_.scratch();
    AppendInferResponse(answer, bytes);
    answer_bytes_ = bytes.size();
    writer_->Finish(BufferOf(bytes), ::grpc::Status::OK, &on_finished_);
  }
  void Refuse(const Error& error, Duration retry_after) override {
    // As gRPC's clients want to be told when to come back.
    if (retry_after > Duration{0}) {
      const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(retry_after).count();
      context_->AddTrailingMetadata("grpc-retry-pushback-ms", Cat(milliseconds));
    }
    writer_->FinishWithError(StatusOf(error), &on_finished_);
  }
  std::unique_ptr<Resumer> Defer(std::unique_ptr<Waiting> waiting) override {
    return late_.Await(lane_, std::move(waiting), *this);
  }
  [[nodiscard]] std::uint64_t answer_bytes() const override { return answer_bytes_; }

  Lane& lane_;
  std::optional<::grpc::ServerContext> context_;
  std::optional<::grpc::ServerAsyncResponseWriter<ByteBuffer>> writer_;
  ByteBuffer request_;
  std::uint64_t answer_bytes_ = 0;
  LateAnswer late_;
  Operation on_taken_{[this](bool ok) { OnTaken(ok); }};
  Operation on_finished_{[this](bool) { OnFinished(); }};
};

/// A call of any other method, from the moment that it was taken.
struct TakenCall {
  TakenCall() { context.AsyncNotifyWhenDone(&on_done); }
  ::grpc::GenericServerContext context;
  ::grpc::GenericServerAsyncReaderWriter stream{&context};
  bool done = false;                ///< it is over, or its client is gone
  std::function<void()> when_done;  ///< its owner's
  Operation on_done{[this](bool) {
    done = true;
    if (when_done) when_done();
  }};
};

/// What those calls have in common: at most one read, one write and the end are under way, and when all of that and
/// the call itself are over it is dropped.
class StreamCall : public Call {
 public:
  StreamCall(Lane& lane, std::unique_ptr<TakenCall> taken) : lane_(lane), taken_(std::move(taken)) {
    taken_->when_done = [this] { Go(); };
  }

 protected:
  /// Starts whatever may be started now.
  virtual void Next() = 0;
  virtual void TakeRequest(bool ok) = 0;
  virtual void TakeWritten(bool /*ok*/) {}

  void Go() {
    if (!finished_) Next();
    if (finished_ && !ending_ && !reading_ && !writing_ && taken_->done) lane_.Drop(this);
  }
  void Read() {
    reading_ = true;
    taken_->stream.Read(&request_, &on_read_);
  }
  void Write(const ByteBuffer& message) {
    writing_ = true;
    taken_->stream.Write(message, &on_written_);
  }
  void Finish(const ::grpc::Status& status) {
    finished_ = ending_ = true;
    taken_->stream.Finish(status, &on_finished_);
  }
  void WriteAndFinish(std::string_view message) {
    finished_ = ending_ = true;
    taken_->stream.WriteAndFinish(BufferOf(message), {}, ::grpc::Status::OK, &on_finished_);
  }
  [[nodiscard]] Lane& lane() const { return lane_; }
  [[nodiscard]] const ByteBuffer& request() const { return request_; }
  [[nodiscard]] const ::grpc::ServerContext& context() const { return taken_->context; }
  [[nodiscard]] std::string_view metadata(const char* name) const {
    const auto& all = taken_->context.client_metadata();
    const auto found = all.find(name);
    return found == all.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
  }
  [[nodiscard]] bool reading() const { return reading_; }
  [[nodiscard]] bool writing() const { return writing_; }
  [[nodiscard]] bool client_is_gone() const { return taken_->done; }

 private:
  Lane& lane_;
  const std::unique_ptr<TakenCall> taken_;
  ByteBuffer request_;
  bool reading_ = false, writing_ = false, ending_ = false;
  bool finished_ = false;  // Finish was called
  Operation on_read_{[this](bool ok) {
    reading_ = false;
    if (!finished_) TakeRequest(ok);
    Go();
  }};
  Operation on_written_{[this](bool ok) {
    writing_ = false;
    TakeWritten(ok);
    Go();
  }};
  Operation on_finished_{[this](bool) {
    ending_ = false;
    Go();
  }};
};

class CatalogCall final : public StreamCall {
 public:
  CatalogCall(Lane& lane, std::unique_ptr<TakenCall> taken, std::string_view method)
      : StreamCall(lane, std::move(taken)), method_(method) {
    Read();
  }

 private:
  void Next() override {}
  void TakeRequest(bool ok) override {
    const Result<std::string> answer =
        ok ? lane().AnswerCatalog(method_, request()) : InvalidArgument("the call of ", method_, " brought no request");
    if (!answer.ok()) return Finish(StatusOf(answer.error()));
    WriteAndFinish(*answer);
  }
  const std::string method_;
};

/// A model is loaded or unloaded, on another thread.
class ControlCall final : public StreamCall {
 public:
  ControlCall(Lane& lane, std::unique_ptr<TakenCall> taken, std::string_view method)
      : StreamCall(lane, std::move(taken)), method_(method) {
    Read();
  }
  void GiveUp() override {
    if (waiting_) End(Unavailable("the server is stopping"));
  }

 private:
  void Next() override {}
  void TakeRequest(bool ok) override {
    const Result<std::string> bytes = ok ? lane().Whole(request()) : Result<std::string>("");
    if (!bytes.ok()) return Finish(StatusOf(bytes.error()));
    waiting_ = true;
    StartControlMethod(lane().control(), method_, metadata("authorization"), *bytes,
                       [mailbox = lane().mailbox(), call = std::weak_ptr(self_)](const Status& status) {
                         mailbox->Post([call, status] {
                           if (const auto self = call.lock(); self != nullptr && (*self)->waiting_)
                             (*self)->End(status);
                         });
                       });
  }
  void End(const Status& status) {
    waiting_ = false;
    status.ok() ? WriteAndFinish("") : Finish(StatusOf(status.error()));
  }

  const std::string method_;
  const std::shared_ptr<ControlCall*> self_ = std::make_shared<ControlCall*>(this);  // who ends it may outlive it
  bool waiting_ = false;
};

class InferStreamCall final : public StreamCall, private Reply {
 public:
  InferStreamCall(Lane& lane, std::unique_ptr<TakenCall> taken) : StreamCall(lane, std::move(taken)) { Go(); }
  void BeginStop() override {
    last_ = true;
    end_ = Stopping();
    Go();
  }
  void GiveUp() override {
    if (!late_.awaited()) return;
    late_.GiveUp();
    answering_ = late_is_next_ = false;
    Go();
  }

 private:
  void Next() override {
    if (!writing() && !answers_.empty()) Write(answers_.front());
    if (!reading() && !answering_ && !last_ && answers_.size() < kStreamAnswersMax) Read();
    if (last_ && !answering_ && !writing() && answers_.empty()) Finish(end_);
  }
  void TakeRequest(bool ok) override {
    if (!ok) last_ = true;
    if (last_) return;
    answering_ = true;
    lane().Infer(request(), context(), *this);
  }
  void TakeWritten(bool ok) override {
    answers_.pop_front();
    if (ok) return;
    last_ = true;  // the client is gone
    answers_.clear();
  }

  void Answer(const InferenceAnswer& answer) override {
    std::string& bytes = lane().scratch();
    AppendStreamResponse(answer, bytes);
    answer_bytes_ = bytes.size();
    Queue(bytes);
  }
  void Refuse(const Error& error, Duration) override {
    std::string& bytes = lane().scratch();
    AppendStreamError(error.ToString(), id_.empty() ? lane().last_id() : std::string_view(id_), bytes);
    Queue(bytes);
  }
  std::unique_ptr<Resumer> Defer(std::unique_ptr<Waiting> waiting) override {
    if (!late_is_next_) id_ = lane().last_id();  // by the time of the answer the lane has read other requests
    late_is_next_ = true;
    return late_.Await(lane(), std::move(waiting), *this);
  }
  [[nodiscard]] std::uint64_t answer_bytes() const override { return answer_bytes_; }
  void Queue(std::string_view bytes) {
    answers_.push_back(BufferOf(bytes));
    id_.clear();
    answering_ = false;
    if (std::exchange(late_is_next_, false)) Go();
  }

  std::uint64_t answer_bytes_ = 0;
  std::deque<ByteBuffer> answers_;  // the first is being written, if any
  std::string id_;                  // of a request whose answer is late
  LateAnswer late_;
  ::grpc::Status end_;
  bool answering_ = false;
  bool late_is_next_ = false;  // the answer at hand is a late one
  bool last_ = false;          // no request is read any more
};

class HealthCall final : public StreamCall {
 public:
  HealthCall(Lane& lane, std::unique_ptr<TakenCall> taken, bool watches)
      : StreamCall(lane, std::move(taken)), watches_(watches) {
    Read();
  }
  void BeginStop() override { Go(); }
  void Tick() override { Go(); }

 private:
  void Next() override {
    if (!watching_ || writing()) return;
    if (client_is_gone()) return Finish(::grpc::Status::CANCELLED);
    if (const Health::ServingStatus status = Now(); status != told_) return Tell(status);
    if (lane().stopping()) Finish(Stopping());
  }
  [[nodiscard]] Health::ServingStatus Now() const {
    if (!known_) return Health::SERVICE_UNKNOWN;
    return lane().ready() ? Health::SERVING : Health::NOT_SERVING;
  }
  static std::string Serialised(Health::ServingStatus status) {
    Health response;
    response.set_status(status);
    return response.SerializeAsString();
  }
  void TakeRequest(bool ok) override {
    ::grpc::health::v1::HealthCheckRequest message;
    const Result<std::string> bytes = ok ? lane().Whole(request()) : Result<std::string>("");
    if (!ok || !bytes.ok() || !message.ParseFromString(*bytes)) {
      return Finish({::grpc::StatusCode::INVALID_ARGUMENT, "the request is no valid HealthCheckRequest"});
    }
    const std::string& service = message.service();
    known_ = service.empty() || service == "inference.GRPCInferenceService" || service == "grpc.health.v1.Health";
    if (watches_) {
      watching_ = true;  // Next tells
    } else if (known_) {
      WriteAndFinish(Serialised(Now()));
    } else {
      Finish({::grpc::StatusCode::NOT_FOUND, Cat("there is no service ", Quoted(service), " here")});
    }
  }
  void Tell(Health::ServingStatus status) {
    told_ = status;
    Write(BufferOf(Serialised(status)));
  }
  void TakeWritten(bool ok) override {
    if (!ok) watching_ = false, Finish(::grpc::Status::CANCELLED);
  }

  const bool watches_;
  bool known_ = false, watching_ = false;
  Health::ServingStatus told_ = Health::UNKNOWN;
};

/// A method that is none here.
class UnknownCall final : public StreamCall {
 public:
  UnknownCall(Lane& lane, std::unique_ptr<TakenCall> taken) : StreamCall(lane, std::move(taken)) {
    Finish({::grpc::StatusCode::UNIMPLEMENTED, "there is no such service or method here"});
  }

 private:
  void Next() override {}
  void TakeRequest(bool) override {}
};

std::unique_ptr<Call> HandOver(Lane& lane, std::unique_ptr<TakenCall> taken) {
  const std::string path = taken->context.method();
  const std::string_view view = path;
  if (view == Cat(kInferencePath, "ModelStreamInfer")) return std::make_unique<InferStreamCall>(lane, std::move(taken));
  if (view.starts_with(kInferencePath)) {
    const std::string_view method = view.substr(kInferencePath.size());
    if (IsControlMethod(method)) return std::make_unique<ControlCall>(lane, std::move(taken), method);
    return std::make_unique<CatalogCall>(lane, std::move(taken), method);
  }
  const bool watch = view == Cat(kHealthPath, "Watch");
  if (watch || view == Cat(kHealthPath, "Check")) return std::make_unique<HealthCall>(lane, std::move(taken), watch);
  return std::make_unique<UnknownCall>(lane, std::move(taken));
}

class CallAcceptor final : public Call {
 public:
  explicit CallAcceptor(Lane& lane) : lane_(lane) { Arm(); }

 private:
  void Arm() {
    taken_ = std::make_unique<TakenCall>();
    lane_.services().others.RequestCall(&taken_->context, &taken_->stream, &lane_.queue(), &lane_.queue(), &on_taken_);
  }
  void OnTaken(bool ok) {
    if (!ok) return lane_.Drop(this);  // the server is stopping
    lane_.Keep(HandOver(lane_, std::move(taken_)));
    Arm();
  }

  Lane& lane_;
  std::unique_ptr<TakenCall> taken_;
  Operation on_taken_{[this](bool ok) { OnTaken(ok); }};
};

}  // namespace

void ArmLane(Lane& lane) {
  for (int i = 0; i < kInferCallsArmed; ++i) lane.Keep(std::make_unique<InferCall>(lane));
  lane.Keep(std::make_unique<CallAcceptor>(lane));
}

}  // namespace mw::api::inference
