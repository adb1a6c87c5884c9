// One thread of the gRPC server: its completion queue, the calls that it took, and what they share: runner, decoder,
// buffers. Private to this folder. Everything runs on the lane's own thread but Post.
//
//   event from the queue -> the operation it ends -> its call goes on
//
// A call is owned by its lane and lives until it says Drop, when none of its operations is under way any more.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/inference/grpc/infer_message.h"
#include "api/inference/inference_runner.h"
#include "api/inference/tensor_request.h"
#include "base/mutex.h"

namespace mw::api::inference {

/// How often counts are brought together and calls that watch look, also when nothing happens.
inline constexpr Duration kTickInterval = std::chrono::milliseconds(100);

/// An operation whose end the completion queue reports: what is passed to gRPC as its tag.
class Operation {
 public:
  explicit Operation(std::function<void(bool ok)> done) : done_(std::move(done)) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  void Done(bool ok) { done_(ok); }

 private:
  std::function<void(bool ok)> done_;
};

class Call {
 public:
  virtual ~Call() = default;
  /// Once, when the server begins to stop: a call that lasts is to end.
  virtual void BeginStop() {}
  /// When the grace is over: what waits for a late answer is to wait no longer.
  virtual void GiveUp() {}
  /// Every kTickInterval or so.
  virtual void Tick() {}
};

/// ModelInfer apart from all other methods: its request comes with the call, which saves a turn of the queue.
class InferService final : public ::grpc::Service {
 public:
  InferService();
  void Request(::grpc::ServerContext* context, ::grpc::ByteBuffer* request,
               ::grpc::ServerAsyncResponseWriter<::grpc::ByteBuffer>* writer, ::grpc::ServerCompletionQueue* queue,
               Operation* operation) {
    RequestAsyncUnary(0, context, request, writer, queue, queue, operation);
  }
};

struct Services {
  InferService infer;
  ::grpc::AsyncGenericService others;
};

/// Where other threads leave work for a lane. Shared, because they may do so after the server is gone.
class Mailbox {
 public:
  explicit Mailbox(::grpc::ServerCompletionQueue& queue) : queue_(queue) {}
  /// Has `work` run on the lane's thread; destroys it when the lane is closed.
  void Post(std::function<void()> work);
  /// Nothing is taken any more.
  void Close();

 private:
  void RunAll();

  ::grpc::ServerCompletionQueue& queue_;
  Mutex mutex_;
  ::grpc::Alarm wake_ MW_GUARDED_BY(mutex_);
  Operation woken_{[this](bool) { RunAll(); }};
  std::vector<std::function<void()>> work_ MW_GUARDED_BY(mutex_);
  bool closed_ MW_GUARDED_BY(mutex_) = false;
};

class Lane {
 public:
  /// `message_bytes_max`: of a message that comes compressed, when it is whole; others gRPC bounds.
  Lane(const InferenceContext& context, Services& services, std::unique_ptr<::grpc::ServerCompletionQueue> queue,
       std::size_t message_bytes_max);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Takes calls until Close.
  void Run();
  [[nodiscard]] const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }
  [[nodiscard]] ::grpc::ServerCompletionQueue& queue() { return *queue_; }

  // By the mailbox. BeginStop before the server is shut down: calls that last end now, those that wait for a late
  // answer do within `grace`. Close after it: Run returns when the last call is gone.
  void BeginStop(Duration grace);
  void Close();

  // Of the lane's calls.
  [[nodiscard]] Services& services() { return services_; }
  /// Calls of ModelInfer that wait for a client.
  [[nodiscard]] int& infer_calls_armed() { return infer_calls_armed_; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  void Keep(std::unique_ptr<Call> call);
  void Drop(Call* call);
  /// Parses a request of that call and has it answered. Errors go to the reply too. All three outlive a late answer.
  void Infer(const ::grpc::ByteBuffer& request, const ::grpc::ServerContext& context, Reply& reply);
  /// While Infer runs: the request's id, as far as it was read.
  [[nodiscard]] std::string_view last_id() const { return message_.request().id; }
  /// Of a method that looks at what is served.
  Result<std::string> AnswerCatalog(std::string_view method, const ::grpc::ByteBuffer& request);
  [[nodiscard]] serving::ModelControl* control() { return context_.control; }  ///< may be null
  /// A message as one. Errors: those of Decompress.
  Result<std::string> Whole(const ::grpc::ByteBuffer& message);
  [[nodiscard]] bool ready();
  /// Empty, for an answer to be written into.
  std::string& scratch() {
    scratch_.clear();
    return scratch_;
  }

 private:
  Result<std::span<const std::string_view>> PiecesOf(const ::grpc::ByteBuffer& buffer);
  class AwaitedRequest;
  void InferNow(const ::grpc::ByteBuffer& request, const ::grpc::ServerContext& context, Reply& reply);
  void Await(const ::grpc::ByteBuffer& request, const ::grpc::ServerContext& context, std::shared_ptr<ModelWait> wait,
             Reply& reply);
  void Release();
  void Settle();
  void GiveUp();
  void ShutDownWhenDone();
  [[nodiscard]] std::vector<Call*> Calls() const;

  const InferenceContext context_;
  Services& services_;
  const std::unique_ptr<::grpc::ServerCompletionQueue> queue_;
  const std::shared_ptr<Mailbox> mailbox_;
  const std::size_t message_bytes_max_;
  InferenceRunner runner_;
  InferMessage message_;
  TensorResolver resolver_;
  std::vector<::grpc::Slice> slices_;
  std::vector<std::string_view> pieces_, decompressed_pieces_;
  RequestArena decompressed_;
  std::string scratch_;
  std::unordered_map<Call*, std::unique_ptr<Call>> calls_;
  int infer_calls_armed_ = 0;
  bool stopping_ = false;
  bool closing_ = false;
  bool shut_down_ = false;
  ::grpc::Alarm grace_over_;
  Operation on_grace_over_{[this](bool ok) {
    if (ok) GiveUp();
  }};
  Duration settled_{0};
};

/// A status as gRPC sends it: the code is the same number.
::grpc::Status StatusOf(const Error& error);
::grpc::ByteBuffer BufferOf(std::string_view bytes);

}  // namespace mw::api::inference
