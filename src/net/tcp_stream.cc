// Asio's callbacks made awaitable. An operation that waits has a deadline, which one timer looks at, and resumes its
// coroutine only after its own callback ran, so that the callback may live in the coroutine's frame.
#include "net/tcp_stream.h"

#include <asio/buffer.hpp>
#include <coroutine>

namespace mw::net {
namespace {

using asio::ip::tcp;

using TimerClock = asio::steady_timer::clock_type;  // what timers expire by
using Moment = TimerClock::time_point;
constexpr Moment kNever = Moment::max();

// Outlives the stream until the last timer callback has run.
struct Wire {
  explicit Wire(tcp::socket socket_in) : socket(std::move(socket_in)), timer(socket.get_executor()) {}
  tcp::socket socket;
  asio::steady_timer timer;
  Moment deadline = kNever;  // of the read or write that waits
  Moment looks_at = kNever;  // when the timer looks at the deadline
  bool timed_out = false;
};

void LookLater(const std::shared_ptr<Wire>& wire) {
  wire->looks_at = wire->deadline;
  wire->timer.expires_at(wire->deadline);
  wire->timer.async_wait([wire](const asio::error_code& error) {
    if (error) return;
    wire->looks_at = kNever;
    if (wire->deadline == kNever) return;
    if (TimerClock::now() < wire->deadline) return LookLater(wire);
    wire->timed_out = true;
    asio::error_code ignored;
    wire->socket.cancel(ignored);
  });
}

// A timer that looks earlier finds the deadline then: operations that end in time set none.
void Arm(const std::shared_ptr<Wire>& wire, std::chrono::milliseconds timeout) {
  wire->timed_out = false;
  wire->deadline = TimerClock::now() + timeout;
  if (wire->deadline < wire->looks_at) LookLater(wire);
}

Error Lost(const asio::error_code& error) { return Unavailable("connection lost: ", error.message()); }

// One read or write; `Start` begins it with a callback.
template <typename Start>
class Transfer {
 public:
  Transfer(const std::shared_ptr<Wire>& wire, std::chrono::milliseconds timeout, Start start)
      : wire_(wire), timeout_(timeout), start_(std::move(start)) {}
  [[nodiscard]] bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    Arm(wire_, timeout_);
    start_(wire_->socket, [this, waiting](const asio::error_code& error, std::size_t count) {
      wire_->deadline = kNever;
      error_ = error;
      count_ = count;
      waiting.resume();
    });
  }
  Result<std::size_t> await_resume() const {
    if (error_ == asio::error::eof) return std::size_t{0};
    if (error_ && wire_->timed_out) return DeadlineExceeded("the peer was too slow");
    if (error_) return Lost(error_);
    return count_;
  }

 private:
  const std::shared_ptr<Wire>& wire_;
  std::chrono::milliseconds timeout_;
  Start start_;
  asio::error_code error_;
  std::size_t count_ = 0;
};

bool IsLoopback(const tcp::socket& socket) {
  asio::error_code failed;
  const tcp::endpoint peer = socket.remote_endpoint(failed);
  if (failed) return false;
  const asio::ip::address address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

class TcpStream final : public Stream {
 public:
  explicit TcpStream(tcp::socket socket) : wire_(std::make_shared<Wire>(std::move(socket))) {
    peer_is_loopback_ = IsLoopback(wire_->socket);
    asio::error_code ignored;  // of a socket that is closed already
    wire_->socket.non_blocking(true, ignored);
  }
  ~TcpStream() override { Close(); }

  Task<Result<std::size_t>> Read(std::span<char> buffer, std::chrono::milliseconds timeout) override {
    co_return co_await Transfer(wire_, timeout, [&buffer](tcp::socket& socket, auto done) {
      socket.async_read_some(asio::buffer(buffer.data(), buffer.size()), std::move(done));
    });
  }

  Task<Status> Write(std::string_view bytes, std::chrono::milliseconds timeout) override {
    while (!bytes.empty()) {
      asio::error_code error;  // most answers are taken at once, without a turn of the loop
      std::size_t count = wire_->socket.write_some(asio::buffer(bytes.data(), bytes.size()), error);
      if (error == asio::error::would_block) {
        count = CO_TRY(co_await Transfer(wire_, timeout, [&bytes](tcp::socket& socket, auto done) {
          socket.async_write_some(asio::buffer(bytes.data(), bytes.size()), std::move(done));
        }));
      } else if (error) {
        co_return Lost(error);
      }
      bytes.remove_prefix(count);
    }
    co_return Ok();
  }

  Task<bool> Sleep(std::chrono::milliseconds duration) override {
    struct Nap {
      Wire& wire;
      std::chrono::milliseconds duration;
      bool whole = false;
      [[nodiscard]] bool await_ready() const { return !wire.socket.is_open(); }
      void await_suspend(std::coroutine_handle<> waiting) {
        wire.looks_at = kNever;
        wire.timer.expires_after(duration);
        wire.timer.async_wait([this, waiting](const asio::error_code& error) {
          whole = !error;
          waiting.resume();
        });
      }
      [[nodiscard]] bool await_resume() const { return whole; }
    };
    sleeping_ = true;
    Nap nap{*wire_, duration};
    const bool whole = co_await nap;
    sleeping_ = false;
    co_return whole;
  }

  // Only a Sleep may be cut short: a read or write needs its timer.
  void Interrupt() override {
    if (sleeping_) wire_->timer.cancel();
  }

  void FinishWriting() override {
    asio::error_code ignored;
    wire_->socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  void Close() override {
    asio::error_code ignored;
    wire_->socket.close(ignored);
    wire_->timer.cancel();
  }

  [[nodiscard]] bool PeerIsLoopback() const override { return peer_is_loopback_; }

 private:
  std::shared_ptr<Wire> wire_;
  bool peer_is_loopback_ = false;
  bool sleeping_ = false;
};

}  // namespace

std::unique_ptr<Stream> MakeTcpStream(tcp::socket socket) { return std::make_unique<TcpStream>(std::move(socket)); }

}  // namespace mw::net
