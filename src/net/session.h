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
#include <span>
#include <string_view>

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

/// Bytes that arrived and are not used yet. Room is not cleared before it is given: most of it stays empty.
class SessionInput {
 public:
  [[nodiscard]] std::string_view bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  void Use(std::size_t count) { begin_ += count; }
  /// Room for `count` bytes behind those that are there. Invalidates bytes().
  std::span<char> Room(std::size_t count);
  /// `count` bytes of the last room have arrived.
  void Commit(std::size_t count) { end_ += count; }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
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
  /// What comes next, at least a byte; 0 when the peer has finished.
  Task<Result<std::size_t>> Receive(std::span<char> room, std::chrono::milliseconds timeout);
  Task<Status> Send(std::string_view bytes);

  SessionHost& host_;
  std::unique_ptr<Stream> stream_;
  SessionInput in_;
  bool idle_ = false;
  bool closing_ = false;
};

}  // namespace mw::net
