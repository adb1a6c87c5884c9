// The stream server: its thread, its acceptor and its sessions. Asio carries the bytes.
#include "net/stream_server.h"

#include <sys/socket.h>

#include <list>
#include <thread>

#include "base/assert.h"
#include "net/asio.h"
#include "net/http_codec.h"
#include "net/session.h"
#include "net/socket.h"
#include "net/tcp_stream.h"

namespace mw::net {

using asio::ip::tcp;

class StreamServer::Core final : public Executor, public std::enable_shared_from_this<Core> {
 public:
  Core(StreamServerOptions options, RouteTable routes, Authenticator& authenticator, MetricsRegistry& metrics)
      : host_(std::move(options), std::move(routes), authenticator, metrics),
        work_(io_.get_executor()),
        acceptor_(io_),
        retry_(io_),
        grace_(io_) {}

  void Begin(FileDescriptor listener);
  void Stop();
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] const RouteTable& routes() const { return host_.routes; }
  void Post(std::function<void()> work) override { asio::post(io_, std::move(work)); }

 private:
  void Accept();
  void Welcome(tcp::socket socket);
  void TurnAway(tcp::socket socket);
  Task<void> Serve(std::list<Session>::iterator session);
  void BeginStop();

  asio::io_context io_{1};
  SessionHost host_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  asio::steady_timer grace_;
  std::list<Session> sessions_;
  std::thread thread_;
  int port_ = 0;
};

void StreamServer::Core::Begin(FileDescriptor listener) {
  port_ = LocalPort(listener.get());
  host_.executor = weak_from_this();
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  MW_ASSERT(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  acceptor_.assign(bound.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), listener.Release());
  Accept();
  thread_ = std::thread([this] {
    const Executor::Scope scope(this);
    io_.run();
  });
}

void StreamServer::Core::Accept() {
  acceptor_.async_accept([this](const asio::error_code& error, tcp::socket socket) {
    if (host_.stopping) return;
    if (!error) {
      Welcome(std::move(socket));
      return Accept();
    }
    if (error == asio::error::connection_aborted || error == asio::error::interrupted) return Accept();
    // No descriptors left: accepting again at once would spin.
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](const asio::error_code& cancelled) {
      if (!cancelled) Accept();
    });
  });
}

void StreamServer::Core::Welcome(tcp::socket socket) {
  host_.metrics.accepted.Add();
  if (sessions_.size() >= host_.options.connections_max) return TurnAway(std::move(socket));
  SetNoDelay(socket.native_handle());
  sessions_.emplace_back(host_, MakeTcpStream(std::move(socket)));
  host_.metrics.open.Set(static_cast<double>(sessions_.size()));
  Spawn(*this, Serve(std::prev(sessions_.end())));
}

void StreamServer::Core::TurnAway(tcp::socket socket) {
  host_.metrics.refused.Add();
  std::string answer;
  AppendRefusal(answer, {503, "too many connections; try again later"});
  ::send(socket.native_handle(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(socket.native_handle(), SHUT_WR);
}

Task<void> StreamServer::Core::Serve(std::list<Session>::iterator session) {
  co_await session->Run();
  sessions_.erase(session);
  host_.metrics.open.Set(static_cast<double>(sessions_.size()));
  if (host_.stopping && sessions_.empty()) {
    grace_.cancel();
    work_.reset();
  }
}

void StreamServer::Core::BeginStop() {
  host_.stopping = true;
  asio::error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
  if (sessions_.empty()) return work_.reset();
  for (Session& session : sessions_) session.Stop();
  grace_.expires_after(host_.options.stop_grace);
  grace_.async_wait([this](const asio::error_code& cancelled) {
    if (cancelled) return;
    for (Session& session : sessions_) session.Cut();
  });
}

void StreamServer::Core::Stop() {
  if (!thread_.joinable()) return;
  Post([this] { BeginStop(); });
  thread_.join();
}

StreamServer::StreamServer(std::shared_ptr<Core> core) : core_(std::move(core)) {}

StreamServer::~StreamServer() { Stop(); }

int StreamServer::port() const { return core_->port(); }

const RouteTable& StreamServer::routes() const { return core_->routes(); }

Executor& StreamServer::executor() const { return *core_; }

void StreamServer::Stop() { core_->Stop(); }

Result<std::unique_ptr<StreamServer>> StreamServer::Start(StreamServerOptions options, RouteTable routes,
                                                          Authenticator& authenticator, MetricsRegistry& metrics) {
  FileDescriptor listener = TRY(ListenTcp(options.host, options.port));
  auto core = std::make_shared<Core>(std::move(options), std::move(routes), authenticator, metrics);
  core->Begin(std::move(listener));
  return std::unique_ptr<StreamServer>(new StreamServer(std::move(core)));
}

}  // namespace mw::net
