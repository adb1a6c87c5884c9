// The gRPC front of the data plane: the Open Inference Protocol with Triton's extensions (open_inference.proto) and
// the standard health service, over the same models and the same InferenceRunner as REST.
//
//   threads: one of our own for each core, with a completion queue, a runner and buffers of its own; gRPC's own
//   threads only accept connections and run timers
//   LISTENING --Stop--> DRAINING (no new calls, streams ended, calls at hand finished) --all done or grace over--> gone
//
// Nothing of gRPC or protobuf shows in this header. Plain text, as the HTTP side: TLS is the proxy's in front.
// Invariant: each call is answered exactly once, on the thread that took it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "api/inference/inference_runner.h"
#include "base/result.h"

namespace mw::api::inference {

struct GrpcServerOptions {
  std::string host = "127.0.0.1";
  int port = 8081;  ///< 0: a free one
  int threads = 0;  ///< 0: one for each core
  /// 64 MiB of tensors and what goes around them; more is answered RESOURCE_EXHAUSTED.
  std::size_t message_bytes_max = std::size_t{65} << 20;
  std::size_t buffers_bytes_max = std::size_t{256} << 20;  ///< of all connections together: then reading waits
  int streams_max = 1'000;                                 ///< concurrent calls of one connection
  std::chrono::milliseconds stop_grace{10'000};            ///< Stop: after this calls are cut
};

class GrpcServer {
 public:
  /// Listens and answers. `new_thread` is called once for each thread before any runs; what it gives outlives the
  /// server. Errors: kUnavailable when the address cannot be listened on.
  static Result<std::unique_ptr<GrpcServer>> Start(GrpcServerOptions options,
                                                   const std::function<InferenceContext()>& new_thread);
  ~GrpcServer();  ///< stops
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  [[nodiscard]] int port() const;
  [[nodiscard]] std::string address() const;  ///< "127.0.0.1:8081", as gRPC clients want it
  /// Graceful, within the grace. Idempotent; any thread but the server's own.
  void Stop();

 private:
  struct Parts;
  explicit GrpcServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace mw::api::inference
