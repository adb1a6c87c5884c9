// The data plane's HTTP server: one epoll loop per core, each on a thread of its own, run to completion.
// A loop reads what a socket has, calls the handler for every complete request in it (pipelining), and
// answers all of them with one write. The connection with the fewest neighbours wins a new client, so the
// cores stay even with six connections as with six thousand.
//
// A handler that cannot answer yet defers (net/loop_deferred.h); what it gathers of all sockets of a wake-up it
// may answer together in EndOfSweep.
//
// Ownership: the server owns its threads, one handler per loop (made by the factory, used by that loop
// alone: no locks) and all connections. A RequestView points into the receive buffer and is valid only
// during Handle. Invariant: answers leave in the order of their requests; nothing is read from a
// connection that has not taken its answers yet or waits for many, so every buffer is bounded.
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
#include "net/http_codec.h"
#include "net/loop_deferred.h"

namespace mw::net {

/// One whole request. Nothing is copied and nothing is decoded: `path` is as it stood in the target.
struct RequestView {
  Method method = Method::kGet;
  std::string_view target;  ///< path and query
  std::string_view path;
  std::string_view query;  ///< without the '?'
  std::string_view body;   ///< chunks are joined already
  std::span<const HeaderView> headers;
  const KnownHeaders* known = nullptr;
  int descriptor = -1;  ///< of the connection, for PeerAddress (socket.h)
  /// The first value, or empty; costs nothing.
  [[nodiscard]] std::string_view Header(KnownHeader header) const { return (*known)[static_cast<std::size_t>(header)]; }
  /// The first value of that name (ASCII case does not matter), or empty.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

/// What an answer says beside what its handler writes.
struct AnswerForm {
  bool head_only = false;
  bool close = false;
  bool keep_alive_line = false;  ///< HTTP/1.0 wants to be told
};

/// Appends the one answer of a request to its connection's output. A HEAD request is answered like GET;
/// its body is dropped here. Valid during the call that it was given to.
class ResponseWriter {
 public:
  /// 200, application/json.
  void Json(std::string_view body) { Send(200, "application/json", body); }
  void Send(int status, std::string_view content_type, std::string_view body, std::span<const HeaderView> extra = {});
  /// For bodies built in place: append to the string that this returns (never remove from it), then Finish.
  std::string& Begin(int status, std::string_view content_type, std::span<const HeaderView> extra = {});
  void Finish();
  /// Instead of an answer: `continuation` is called with another writer once the Deferred is resumed, and
  /// answers (or defers again). Copy what is needed of the request first.
  [[nodiscard]] Deferred Defer(Continuation continuation);

 private:
  friend class Loop;
  ResponseWriter(Loop& loop, std::string& out, std::string_view common_fields, AnswerForm form)
      : loop_(loop), out_(out), common_fields_(common_fields), form_(form) {}

  Loop& loop_;
  std::string& out_;
  std::string_view common_fields_;
  AnswerForm form_;
  bool answered_ = false;
  bool deferred_ = false;
  std::size_t length_at_ = 0;  // of the Content-Length digits in out_
  std::size_t body_at_ = 0;
  LoopSlot* slot_ = nullptr;  // where the answer waits for its turn, if it has to
};

class LoopHandler {
 public:
  virtual ~LoopHandler() = default;
  /// On the loop's thread; answers by exactly one Send, Json, or Begin and Finish, or defers. Other connections
  /// of the loop wait meanwhile.
  virtual void Handle(const RequestView& request, ResponseWriter& out) = 0;
  /// At each wake-up, after the requests of all ready sockets were handled and before the loop sleeps: the
  /// place to answer what was deferred in Handle with one computation. Resume costs tens of nanoseconds here,
  /// and all answers of a connection leave with one write.
  virtual void EndOfSweep() {}
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
  std::size_t deferred_max = 64;  ///< answers outstanding on one connection; beyond them it is not read from
  std::chrono::milliseconds header_timeout{10'000};  ///< from first byte to the end of the head; 408
  std::chrono::milliseconds body_timeout{60'000};    ///< from head to the body's end; 408
  std::chrono::milliseconds idle_timeout{
      60'000};  ///< without a request, or without taking answers; deferring is not idling
  std::chrono::milliseconds stop_linger{200};    ///< Stop: how long idle clients may still send
  std::chrono::milliseconds stop_grace{10'000};  ///< Stop: after this connections are cut, deferred answers dropped
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
