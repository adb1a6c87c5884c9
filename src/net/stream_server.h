// The control plane's HTTP server: one thread, every connection a coroutine on it. Streams bodies in both
// directions, server-sent events, long polls. Requests of one connection are answered in order.
//
// Before a handler sees a request, the server has checked, in this order: syntax, Host and Origin, path,
// route (404, 405), caller (401), permission (403), size (413). A handler that is still running holds the
// server open: Stop ends its Sleep, its reads and its writes, and waits for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "base/task.h"
#include "net/authenticator.h"
#include "net/route.h"

namespace mw::net {

struct StreamServerOptions {
  std::string name = "control";  ///< value of the metrics' `server` label
  std::string host = "127.0.0.1";
  int port = 0;                                        ///< 0: a free one
  std::size_t connections_max = 1000;                  ///< more are answered 503
  std::size_t head_bytes_max = std::size_t{32} << 10;  ///< 431 above
  std::chrono::milliseconds header_timeout{10'000};    ///< from a request's first byte to the end of its head; 408
  std::chrono::milliseconds idle_timeout{60'000};      ///< between requests
  std::chrono::milliseconds transfer_timeout{30'000};  ///< for each piece of a body, in and out
  std::chrono::milliseconds stop_grace{10'000};        ///< Stop: after this connections are cut
  /// Host headers to accept besides the loopback names and `host`; "*" accepts all (behind a proxy that checks).
  std::vector<std::string> allowed_hosts;
  /// The answer to a request of that path that no handler is given; ErrorResponse when there is no function. Its status
  /// is the server's.
  std::function<Response(std::string_view path, const Error& error)> refusal;
};

class StreamServer {
 public:
  /// Listens and serves. `authenticator` and `metrics` outlive the server.
  /// Errors: kUnavailable when the address cannot be listened on, with the address and the reason.
  static Result<std::unique_ptr<StreamServer>> Start(StreamServerOptions options, RouteTable routes,
                                                     Authenticator& authenticator, MetricsRegistry& metrics);
  ~StreamServer();  ///< stops
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  [[nodiscard]] int port() const;
  /// What it answers, unchanged as long as it lives. Any thread.
  [[nodiscard]] const RouteTable& routes() const;
  /// What handlers run on. Lives as long as the server.
  [[nodiscard]] Executor& executor() const;
  /// Accepts no more, lets handlers finish, closes, joins the thread. Idempotent; any thread but a handler's.
  void Stop();

 private:
  class Core;
  explicit StreamServer(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace mw::net
