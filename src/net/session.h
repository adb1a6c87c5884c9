// One connection of the stream server: reads heads, decides what may be handled, runs handlers, answers.
// Private to stream_server.cc and session.cc; knows Streams, not what carries them. Everything runs on the
// server's executor.
//
//   idle --first byte--> head --whole--> admitted? --yes--> handler --> rest of the body --> idle
//                          |                 `--no--> denial ------------^
//                          `--malformed, late--> refusal --> closed
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "net/authenticator.h"
#include "net/host_guard.h"
#include "net/http_codec.h"
#include "net/route.h"
#include "net/server_metrics.h"
#include "net/stream.h"
#include "net/stream_server.h"

namespace mw::net {

/// What the sessions of one server share.
struct SessionHost {
  SessionHost(StreamServerOptions options_in, RouteTable routes_in, Authenticator& authenticator_in,
              MetricsRegistry& registry)
      : options(std::move(options_in)),
        routes(std::move(routes_in)),
        authenticator(authenticator_in),
        guard(options.host, options.allowed_hosts),
        metrics(options.name, registry) {}
  const StreamServerOptions options;
  const RouteTable routes;
  Authenticator& authenticator;
  const HostGuard guard;
  ServerMetrics metrics;
  RealClock clock;
  bool stopping = false;
  std::weak_ptr<Executor> executor;  // for Wakers, which may outlive the server
};

class Session {
 public:
  Session(SessionHost& host, std::unique_ptr<Stream> stream);
  /// Until the connection is closed.
  Task<void> Run();
  /// The server is stopping: closes when idle, ends a Sleep.
  void Stop();
  /// Ends everything that is going on.
  void Cut() { stream_->Close(); }

 private:
  friend class Exchange;
  /// False: nothing more is to be served.
  Task<bool> ReadHead(std::size_t& head_size);
  Task<void> ServeOne(std::size_t head_size);
  Task<void> Refuse(Refusal refusal);
  Task<void> Linger();
  /// Appends what comes next to the input; 0 when the peer has finished.
  Task<Result<std::size_t>> Receive(std::chrono::milliseconds timeout);
  Task<Status> Send(std::string_view bytes);
  [[nodiscard]] std::string_view input() const { return std::string_view(in_).substr(in_used_); }
  void Use(std::size_t count) { in_used_ += count; }

  SessionHost& host_;
  std::unique_ptr<Stream> stream_;
  std::string in_;
  std::size_t in_used_ = 0;
  bool idle_ = false;
  bool closing_ = false;
};

}  // namespace mw::net
