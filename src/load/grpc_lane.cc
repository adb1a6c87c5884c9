// Calls, and the two threads.
#include "load/grpc_lane.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <deque>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "load/grpc_message.h"
#include "net/socket.h"

namespace mw::load {
namespace {

constexpr int kMessageBytesMax = 64 << 20;
constexpr std::size_t kBeginningBytes = 4096;

std::shared_ptr<grpc::Channel> Connect(const std::string& host, int port) {
  grpc::ChannelArguments arguments;
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);  // a connection of its own
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt("grpc.enable_http_proxy", 0);
  return grpc::CreateCustomChannel(net::HostPort(host, port), grpc::InsecureChannelCredentials(), arguments);
}

gpr_timespec In(Duration time) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(time.count(), GPR_TIMESPAN));
}

/// The request's bytes where they lie.
grpc::ByteBuffer BufferOf(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size(), grpc::Slice::STATIC_SLICE);
  return {&slice, 1};
}

/// An answer may come in pieces that are cut anywhere; its outputs stand in the beginning.
bool Fits(const RequestKind& kind, const grpc::ByteBuffer& answer) {
  std::vector<grpc::Slice> slices;
  if (!answer.Valid() || !answer.Dump(&slices).ok() || slices.empty()) return false;
  const auto view = [](const grpc::Slice& slice) {
    return std::string_view(reinterpret_cast<const char*>(slice.begin()), slice.size());
  };
  if (slices.size() == 1) return AnswerFits(kind, {}, view(slices[0]));
  std::string beginning;
  for (std::size_t i = 0; i < slices.size() && beginning.size() < kBeginningBytes; ++i) beginning += view(slices[i]);
  return AnswerFits(kind, {}, beginning);
}

struct Call {
  explicit Call(grpc::GenericStub& by) : stub(by) {}
  void Start(const RequestKind& kind, grpc::CompletionQueue& queue, Duration timeout) {
    context.emplace();
    context->set_deadline(In(timeout));
    answer.Clear();
    reader = stub.PrepareUnaryCall(&*context, kModelInferMethod, BufferOf(kind.requests[shot.number]), &queue);
    reader->StartCall();
    reader->Finish(&answer, &status, this);
  }

  grpc::GenericStub& stub;
  Shot shot;
  std::optional<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer answer;
  grpc::Status status;
};

}  // namespace

struct GrpcLane::Parts {
  GrpcLaneOptions options;
  RealClock clock;
  grpc::CompletionQueue queue;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  std::vector<std::unique_ptr<Call>> calls;
  Mutex mutex;  // of the lane's pacer too
  CondVar changed;
  std::deque<Call*> free MW_GUARDED_BY(mutex);
  std::size_t in_flight MW_GUARDED_BY(mutex) = 0;
  bool given_up MW_GUARDED_BY(mutex) = false;

  /// Calls for what waits.
  void Take(Pacer& pacer, Duration now, std::vector<Call*>& out) MW_REQUIRES(mutex) {
    while (!given_up && pacer.HasWork() && !free.empty()) {
      Call* const call = free.front();
      free.pop_front();
      call->shot = pacer.Take(now);
      ++in_flight;
      out.push_back(call);
    }
  }
  void Start(const Pacer& pacer, std::vector<Call*>& due) {
    for (Call* const call : due) call->Start(pacer.KindOf(call->shot), queue, options.timeout);
    due.clear();
  }
};

GrpcLane::GrpcLane(GrpcLaneOptions options, Pacer pacer) : Lane(std::move(pacer)), parts_(std::make_unique<Parts>()) {
  parts_->options = std::move(options);
}

GrpcLane::~GrpcLane() = default;

Status GrpcLane::Open() {
  Parts& p = *parts_;
  const Lock lock(p.mutex);
  for (int i = 0; i < p.options.connections; ++i) {
    p.channels.push_back(Connect(p.options.host, p.options.port));
    if (!p.channels.back()->WaitForConnected(In(p.options.timeout))) {
      return Unavailable("cannot connect by gRPC to ", net::HostPort(p.options.host, p.options.port));
    }
    p.stubs.push_back(std::make_unique<grpc::GenericStub>(p.channels.back()));
  }
  // Calls take turns over the connections.
  for (int i = 0; i < p.options.in_flight_max * p.options.connections; ++i) {
    p.calls.push_back(std::make_unique<Call>(
        *p.stubs[static_cast<std::size_t>(i) % static_cast<std::size_t>(p.options.connections)]));
    p.free.push_back(p.calls.back().get());
  }
  return Ok();
}

void GrpcLane::Run(Duration start) {
  Parts& p = *parts_;
  std::vector<Call*> due;
  {
    const Lock lock(p.mutex);
    pacer_.Start(start);
  }
  std::thread answers([this] { TakeAnswers(); });
  while (true) {
    {
      const Lock lock(p.mutex);
      Duration now = p.clock.Elapsed();
      pacer_.Advance(now);
      p.Take(pacer_, now, due);
      if (due.empty()) {
        if (pacer_.Finished() && p.in_flight == 0) break;
        const Duration patience = pacer_.end() + p.options.drain;
        if (now > patience) {
          p.given_up = true;
          break;
        }
        p.changed.WaitFor(p.mutex, std::max(Duration(0), std::min(pacer_.NextDue(), patience + Duration(1)) - now));
        continue;
      }
    }
    p.Start(pacer_, due);
  }
  for (const auto& call : p.calls) {
    const Lock lock(p.mutex);
    if (p.given_up && call->context) call->context->TryCancel();
  }
  p.queue.Shutdown();
  answers.join();
  pacer_.GiveUpWaiting();
}

void GrpcLane::TakeAnswers() {
  Parts& p = *parts_;
  std::vector<Call*> due;
  void* tag = nullptr;
  bool ok = false;
  while (p.queue.Next(&tag, &ok)) {
    const Duration now = p.clock.Elapsed();
    Call* const call = static_cast<Call*>(tag);
    const RequestKind& kind = pacer_.KindOf(call->shot);
    const bool right = call->status.ok() && Fits(kind, call->answer);
    const Lock lock(p.mutex);
    --p.in_flight;
    if (p.given_up) {
      pacer_.Lost(call->shot);
      continue;
    }
    pacer_.Answered(call->shot, now,
                    call->status.ok() ? kStatusOk : HttpStatus(static_cast<Code>(call->status.error_code())), right);
    p.free.push_back(call);
    pacer_.Advance(now);
    p.Take(pacer_, now, due);
    p.Start(pacer_, due);
    if (p.in_flight == 0) p.changed.NotifyOne();
  }
}

Status CheckFirstGrpcAnswer(const std::string& host, int port, const RequestKind& kind,
                            std::chrono::milliseconds timeout) {
  const std::shared_ptr<grpc::Channel> channel = Connect(host, port);
  if (!channel->WaitForConnected(In(timeout))) {
    return Unavailable("cannot connect by gRPC to ", net::HostPort(host, port));
  }
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  Call call(stub);
  call.Start(kind, queue, timeout);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  if (!call.status.ok()) {
    return Error{static_cast<Code>(call.status.error_code()),
                 Cat("the server answered the first request (", kind.name, ") with ",
                     CodeName(static_cast<Code>(call.status.error_code())), ": ", call.status.error_message()),
                 {}};
  }
  if (Fits(kind, call.answer)) return Ok();
  return Internal("asked with ", kind.rows, " rows (", kind.name, "), the server answered another number of rows");
}

}  // namespace mw::load
