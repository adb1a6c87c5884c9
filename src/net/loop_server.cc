// The loop server: its threads, the placing of new connections, and the writing of answers.
#include "net/loop_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <thread>

#include "base/assert.h"
#include "net/http_codec.h"
#include "net/loop.h"
#include "net/loop_refusal.h"
#include "net/socket.h"

namespace mw::net {
namespace {

constexpr std::size_t kLengthWidth = 12;  // blanks that Finish overwrites with the body's length

}  // namespace

std::string_view RequestView::Header(std::string_view name) const {
  for (const HeaderView& header : headers) {
    if (EqualsIgnoreCase(header.name, name)) return header.value;
  }
  return {};
}

void ResponseWriter::Send(int status, std::string_view content_type, std::string_view body,
                          std::span<const HeaderView> extra) {
  Begin(status, content_type, extra).append(body);
  Finish();
}

std::string& ResponseWriter::Begin(int status, std::string_view content_type, std::span<const HeaderView> extra) {
  MW_ASSERT(!answered_ && !deferred_ && body_at_ == 0);
  AppendStatusLine(out_, status);
  out_.append(common_fields_).append("Content-Type: ").append(content_type).append("\r\n");
  for (const HeaderView& header : extra) AppendHeader(out_, header.name, header.value);
  if (form_.close) out_.append("Connection: close\r\n");
  if (form_.keep_alive_line) out_.append("Connection: keep-alive\r\n");
  out_.append("Content-Length: ");
  length_at_ = out_.size();
  out_.append(kLengthWidth, ' ').append("\r\n\r\n");
  body_at_ = out_.size();
  return out_;
}

void ResponseWriter::Finish() {
  MW_ASSERT(!answered_ && body_at_ > 0);
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, out_.size() - body_at_);
  const auto count = static_cast<std::size_t>(end.ptr - digits);
  MW_ASSERT(count <= kLengthWidth);
  // Blanks before a value are no part of it (RFC 9112 section 5.1), so the digits stand at the right end.
  std::copy(digits, end.ptr, out_.begin() + static_cast<std::ptrdiff_t>(length_at_ + kLengthWidth - count));
  if (form_.head_only) out_.resize(body_at_);
  answered_ = true;
}

Deferred ResponseWriter::Defer(Continuation continuation) {
  MW_ASSERT(!answered_ && !deferred_ && body_at_ == 0);
  deferred_ = true;
  return loop_.Defer(*this, std::move(continuation));
}

struct LoopServer::Shared : LoopShared {
  using LoopShared::LoopShared;
  bool AcceptFrom(int listener);
  void Place(FileDescriptor socket);

  int port = 0;
  std::vector<std::unique_ptr<Loop>> loops;
  std::vector<std::thread> threads;
};

// On the first loop's thread. False: no descriptors are left.
bool LoopServer::Shared::AcceptFrom(int listener) {
  for (;;) {
    FileDescriptor socket(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket.valid()) {
      Place(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return false;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return true;
    }
  }
}

void LoopServer::Shared::Place(FileDescriptor socket) {
  metrics.accepted.Add();
  if (connections.load(std::memory_order_relaxed) >= options.connections_max) {
    metrics.refused.Add();
    std::string answer;
    AppendLoopRefusal(answer, {503, "too many connections; try again later"});
    send(socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    shutdown(socket.get(), SHUT_WR);
    return;
  }
  connections.fetch_add(1, std::memory_order_relaxed);
  SetNoDelay(socket.get());
  const auto fewer = [](const auto& a, const auto& b) { return a->load() < b->load(); };
  (*std::min_element(loops.begin(), loops.end(), fewer))->Adopt(std::move(socket));
}

LoopServer::LoopServer(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}

LoopServer::~LoopServer() { Stop(); }

int LoopServer::port() const { return shared_->port; }

Result<std::unique_ptr<LoopServer>> LoopServer::Start(LoopServerOptions options, const MakeHandler& make_handler,
                                                      MetricsRegistry& metrics) {
  FileDescriptor listener = TRY(ListenTcp(options.host, options.port));
  if (options.loops <= 0) options.loops = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  auto shared = std::make_unique<Shared>(std::move(options), metrics);
  Shared& state = *shared;
  state.port = LocalPort(listener.get());
  for (int i = 0; i < state.options.loops; ++i) state.loops.push_back(std::make_unique<Loop>(state, make_handler(i)));
  state.loops.front()->Listen(std::move(listener), [&state](int descriptor) { return state.AcceptFrom(descriptor); });
  for (const auto& loop : state.loops) state.threads.emplace_back([&loop] { loop->Run(); });
  return std::unique_ptr<LoopServer>(new LoopServer(std::move(shared)));
}

void LoopServer::Stop() {
  shared_->stopping = true;
  for (const auto& loop : shared_->loops) loop->Wake();
  for (std::thread& thread : shared_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace mw::net
