// The data plane's HTTP server: one epoll loop per core, each on a thread of its own, run to completion.
// A loop reads what a socket has, calls the handler for every complete request in it (pipelining), and
// answers all of them with one write. The connection with the fewest neighbours wins a new client, so the
// cores stay even with six connections as with six thousand.
//
// Ownership: the server owns its threads, one handler per loop (made by the factory, used by that loop
// alone: no locks) and all connections. A RequestView points into the receive buffer and is valid only
// during Handle. Invariant: answers leave in the order of their requests; nothing is read from a
// connection that has not taken its answers yet, so every buffer is bounded.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "net/http.h"

namespace mw::net {

/// One whole request. Nothing is copied and nothing is decoded: `path` is as it stood in the target.
struct RequestView {
  Method method = Method::kGet;
  std::string_view target;  ///< path and query
  std::string_view path;
  std::string_view query;  ///< without the '?'
  std::string_view body;   ///< chunks are joined already
  std::span<const HeaderView> headers;
  /// The first value of that name (ASCII case does not matter), or empty.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

/// Appends the one answer of a request to its connection's output. A HEAD request is answered like GET;
/// its body is dropped here.
class ResponseWriter {
 public:
  /// 200, application/json.
  void Json(std::string_view body) { Send(200, "application/json", body); }
  void Send(int status, std::string_view content_type, std::string_view body, std::span<const HeaderView> extra = {});
  /// For bodies built in place: append to the string that this returns (never remove from it), then Finish.
  std::string& Begin(int status, std::string_view content_type, std::span<const HeaderView> extra = {});
  void Finish();

 private:
  friend class Loop;
  ResponseWriter(std::string& out, std::string_view date_line) : out_(out), date_line_(date_line) {}

  std::string& out_;
  std::string_view date_line_;
  std::size_t length_at_ = 0;  // of the Content-Length digits in out_
  std::size_t body_at_ = 0;
  bool head_only_ = false;
  bool close_ = false;
  bool keep_alive_line_ = false;  // HTTP/1.0 wants to be told
  bool answered_ = false;
};

class LoopHandler {
 public:
  virtual ~LoopHandler() = default;
  /// On the loop's thread; answers by exactly one Send, Json, or Begin and Finish. Other connections of the
  /// loop wait meanwhile.
  virtual void Handle(const RequestView& request, ResponseWriter& out) = 0;
};

struct LoopServerOptions {
  std::string name = "inference";  ///< value of the metrics' `server` label
  std::string host = "127.0.0.1";
  int port = 0;                                              ///< 0: a free one
  int loops = 0;                                             ///< 0: one for each core
  std::size_t connections_max = 10'000;                      ///< more are answered 503
  std::size_t head_bytes_max = std::size_t{32} << 10;        ///< request line and headers; 431 above
  std::size_t body_bytes_max = std::size_t{64} << 20;        ///< 413 above
  std::size_t in_flight_bytes_max = std::size_t{256} << 20;  ///< unfinished requests of all connections; 503 above
  std::chrono::milliseconds header_timeout{10'000};          ///< from first byte to the end of the head; 408
  std::chrono::milliseconds body_timeout{60'000};            ///< from head to the body's end; 408
  std::chrono::milliseconds idle_timeout{60'000};            ///< without a request, or without taking answers
  std::chrono::milliseconds stop_linger{200};                ///< Stop: how long idle clients may still send
  std::chrono::milliseconds stop_grace{10'000};              ///< Stop: after this connections are cut
  /// Host headers to accept besides the loopback names and `host`; "*" accepts all (behind a proxy that checks).
  std::vector<std::string> allowed_hosts;
};

class LoopServer {
 public:
  using MakeHandler = std::function<std::unique_ptr<LoopHandler>(int loop_index)>;

  /// Listens and serves. `metrics` outlives the server.
  /// Errors: kUnavailable when the address cannot be listened on, with the address and the reason.
  static Result<std::unique_ptr<LoopServer>> Start(LoopServerOptions options, const MakeHandler& make_handler,
                                                   MetricsRegistry& metrics);
  ~LoopServer();  ///< stops
  LoopServer(const LoopServer&) = delete;
  LoopServer& operator=(const LoopServer&) = delete;

  [[nodiscard]] int port() const;
  /// Graceful: accepts no more, finishes what is in flight, closes, joins the threads. Idempotent; any
  /// thread but a handler's.
  void Stop();

 private:
  struct Shared;
  explicit LoopServer(std::unique_ptr<Shared> shared);
  std::unique_ptr<Shared> shared_;
};

}  // namespace mw::net
