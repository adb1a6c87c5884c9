// The event loop, and what happens between the bytes of a request and the runner.
#include "api/inference/grpc/grpc_lane.h"

#include <grpcpp/impl/rpc_service_method.h>

#include <algorithm>

#include "api/inference/grpc/call_metadata.h"
#include "api/inference/grpc/catalog_methods.h"
#include "api/inference/grpc/compressed_message.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

constexpr std::size_t kScratchBytesKept = std::size_t{1} << 20;

/// Until a call's deadline: at least one microsecond; 0 when there is none.
Duration TimeLeft(gpr_timespec deadline) {
  if (gpr_time_cmp(deadline, gpr_inf_future(deadline.clock_type)) == 0) return Duration{0};
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  return std::max(Duration{1}, std::chrono::duration_cast<Duration>(std::chrono::seconds(left.tv_sec) +
                                                                    std::chrono::nanoseconds(left.tv_nsec)));
}

/// The tensors of a message that is gone.
class KeptMessage final : public RequestBody {
 public:
  explicit KeptMessage(const TensorRequest& request) {
    for (const serving::TensorView& input : request.inputs) inputs_.Append(input);
  }
  Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) override {
    thread_local TensorResolver resolver;
    TensorRequest request;
    for (std::size_t i = 0; i < inputs_.size(); ++i) request.inputs.push_back(inputs_[i]);
    return resolver.Resolve(request, model, limits, out);
  }

 private:
  serving::TensorList inputs_;
};

/// The message was parsed already; what is left is to fit it to the model.
class MessageSource final : public RequestSource {
 public:
  MessageSource(InferMessage& message, gpr_timespec deadline, TensorResolver& resolver)
      : message_(message), deadline_(deadline), resolver_(resolver) {}
  Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) override {
    TRY(resolver_.Resolve(message_.request(), model, limits, out));
    const Duration left = TimeLeft(deadline_);
    if (left > Duration{0} && (out.timeout == Duration{0} || left < out.timeout)) out.timeout = left;
    return Ok();
  }
  [[nodiscard]] std::int64_t event_time_us() const override { return resolver_.event_time_us(); }
  [[nodiscard]] std::string_view Parameter(std::string_view name) override { return message_.FindParameter(name); }
  [[nodiscard]] std::size_t bytes() const override {
    std::size_t sum = 0;
    for (const serving::TensorView& input : message_.request().inputs) sum += input.bytes.size();
    return sum;
  }
  [[nodiscard]] std::unique_ptr<RequestBody> Keep() const override {
    return std::make_unique<KeptMessage>(message_.request());
  }

 private:
  InferMessage& message_;
  const gpr_timespec deadline_;
  TensorResolver& resolver_;
};

std::string_view ViewOf(const ::grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

}  // namespace

::grpc::Status StatusOf(const Error& error) { return {static_cast<::grpc::StatusCode>(error.code), error.ToString()}; }

::grpc::ByteBuffer BufferOf(std::string_view bytes) {
  const ::grpc::Slice slice(bytes.data(), bytes.size());
  return {&slice, 1};
}

InferService::InferService() {
  // Without a handler a method is an asynchronous one.
  AddMethod(new ::grpc::internal::RpcServiceMethod("/inference.GRPCInferenceService/ModelInfer",
                                                   ::grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
}

void Mailbox::Post(std::function<void()> work) {
  const Lock lock(mutex_);
  if (closed_) return;
  work_.push_back(std::move(work));
  if (work_.size() == 1) wake_.Set(&queue_, gpr_time_0(GPR_CLOCK_MONOTONIC), &woken_);
}

void Mailbox::Close() {
  const Lock lock(mutex_);
  closed_ = true;
}

void Mailbox::RunAll() {
  std::vector<std::function<void()>> work;
  {
    const Lock lock(mutex_);
    work.swap(work_);
  }
  for (const std::function<void()>& one : work) one();
}

Lane::Lane(const InferenceContext& context, Services& services, std::unique_ptr<::grpc::ServerCompletionQueue> queue,
           std::size_t message_bytes_max)
    : context_(context),
      services_(services),
      queue_(std::move(queue)),
      mailbox_(std::make_shared<Mailbox>(*queue_)),
      message_bytes_max_(message_bytes_max),
      runner_(context) {}

Lane::~Lane() = default;

void Lane::Run() {
  using Next = ::grpc::CompletionQueue::NextStatus;
  const gpr_timespec interval = gpr_time_from_micros(kTickInterval.count(), GPR_TIMESPAN);
  for (;;) {
    ShutDownWhenDone();
    void* tag = nullptr;
    bool ok = false;
    const Next next = queue_->AsyncNext(&tag, &ok, gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), interval));
    if (next == Next::SHUTDOWN) break;
    if (next == Next::GOT_EVENT) static_cast<Operation*>(tag)->Done(ok);
    Settle();
  }
  runner_.Flush();
}

void Lane::Settle() {
  const Duration now = context_.clock.Elapsed();
  if (now - settled_ < kTickInterval) return;
  settled_ = now;
  runner_.Flush();
  for (Call* const call : Calls()) call->Tick();
}

void Lane::Keep(std::unique_ptr<Call> call) {
  Call* const key = call.get();
  calls_.emplace(key, std::move(call));
}

void Lane::Drop(Call* call) { calls_.erase(call); }

/// A copy: some end while they are walked over.
std::vector<Call*> Lane::Calls() const {
  std::vector<Call*> calls;
  for (const auto& [call, owned] : calls_) calls.push_back(call);
  return calls;
}

void Lane::BeginStop(Duration grace) {
  stopping_ = true;
  grace_over_.Set(queue_.get(),
                  gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(grace.count(), GPR_TIMESPAN)),
                  &on_grace_over_);
  for (Call* const call : Calls()) call->BeginStop();
}

void Lane::GiveUp() {
  for (Call* const call : Calls()) call->GiveUp();
}

void Lane::Close() {
  closing_ = true;
  grace_over_.Cancel();
}

/// A queue that is shut down takes no operation any more.
void Lane::ShutDownWhenDone() {
  if (!closing_ || shut_down_ || !calls_.empty()) return;
  shut_down_ = true;
  mailbox_->Close();
  queue_->Shutdown();
}

Result<std::span<const std::string_view>> Lane::PiecesOf(const ::grpc::ByteBuffer& buffer) {
  slices_.clear();
  pieces_.clear();
  // An empty message may be no buffer at all.
  if (buffer.Valid() && !buffer.Dump(&slices_).ok()) return Internal("the message cannot be read");
  for (const ::grpc::Slice& slice : slices_) pieces_.push_back(ViewOf(slice));
  if (!LooksCompressed(pieces_)) [[likely]]
    return pieces_;
  decompressed_.Clear();
  decompressed_pieces_.clear();
  TRY(Decompress(pieces_, message_bytes_max_, decompressed_, decompressed_pieces_));
  return decompressed_pieces_;
}

/// A request whose model is not in memory: it is read once more when that was loaded, or was not.
class Lane::AwaitedRequest final : public Waiting {
 public:
  AwaitedRequest(Lane& lane, const ::grpc::ByteBuffer& request, const ::grpc::ServerContext& context,
                 std::shared_ptr<const ModelWait> wait)
      : lane_(lane), request_(request), context_(context), wait_(std::move(wait)) {}
  void Finish(Reply& reply) override {
    lane_.runner_.Resume(*wait_, [&] { lane_.InferNow(request_, context_, reply); });
    if (auto again = lane_.runner_.TakeWait()) lane_.Await(request_, context_, std::move(again), reply);
  }

 private:
  Lane& lane_;
  const ::grpc::ByteBuffer& request_;
  const ::grpc::ServerContext& context_;
  const std::shared_ptr<const ModelWait> wait_;
};

void Lane::Await(const ::grpc::ByteBuffer& request, const ::grpc::ServerContext& context,
                 std::shared_ptr<ModelWait> wait, Reply& reply) {
  const std::shared_ptr<Resumer> resumer = reply.Defer(std::make_unique<AwaitedRequest>(*this, request, context, wait));
  runner_.Await(wait, [resumer] { resumer->Resume(); });
}

void Lane::Infer(const ::grpc::ByteBuffer& request, const ::grpc::ServerContext& context, Reply& reply) {
  InferNow(request, context, reply);
  if (auto wait = runner_.TakeWait()) [[unlikely]]
    Await(request, context, std::move(wait), reply);
}

void Lane::InferNow(const ::grpc::ByteBuffer& request, const ::grpc::ServerContext& context, Reply& reply) {
  const gpr_timespec deadline = context.raw_deadline();
  const auto pieces = PiecesOf(request);
  const Status read = pieces.ok() ? message_.Read(*pieces) : Status(pieces.error());
  MessageSource source(message_, deadline, resolver_);
  if (read.ok()) {
    const CallMetadata headers(context);
    InferenceTarget target = message_.target();
    target.headers = &headers;
    target.timeout = TimeLeft(deadline);
    target.protocol = serving::Protocol::kGrpc;
    target.request_bytes = request.Length();
    runner_.Run(target, source, reply);
  } else {
    reply.Refuse(read.error(), Duration{0});
  }
  Release();
}

/// What was large is not kept for requests that may all be small.
void Lane::Release() {
  slices_.clear();
  message_.Clear();
  decompressed_.Clear();
  if (scratch_.capacity() > kScratchBytesKept) scratch_ = {};
}

Result<std::string> Lane::Whole(const ::grpc::ByteBuffer& message) {
  std::string bytes;
  for (const std::string_view piece : TRY(PiecesOf(message))) bytes += piece;
  return bytes;
}

Result<std::string> Lane::AnswerCatalog(std::string_view method, const ::grpc::ByteBuffer& request) {
  const std::string bytes = TRY(Whole(request));
  return AnswerCatalogMethod({runner_, context_.program_version}, method, bytes);
}

bool Lane::ready() {
  return !stopping_ && runner_.Read([](const serving::Snapshot& snapshot) { return snapshot.ready; });
}

}  // namespace mw::api::inference
