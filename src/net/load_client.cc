// The load client's loop.
#include "net/load_client.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "base/assert.h"
#include "base/file.h"
#include "net/answer_reader.h"
#include "net/socket.h"

namespace mw::net {
namespace {

constexpr double kBurstSeconds = 0.02;  // of a pause, what is made up for all the same
constexpr std::size_t kAnswerBytesAtOnce = std::size_t{256} << 10;
constexpr std::chrono::milliseconds kSweep{100};

struct Pending {
  std::uint64_t index = 0;
  std::string bytes;
  Duration sent{0};
};

struct Channel {
  FileDescriptor socket;
  std::deque<Pending> in_flight;  // in order of sending
  std::string out;
  std::size_t out_sent = 0;
  std::string in;  // an answer that is not whole yet
  bool watching_output = false;
  Duration last_answer{0};
};

class Load {
 public:
  Load(const LoadOptions& options, const NextRequest& next, const AnswerSink& sink)
      : options_(options),
        next_(next),
        sink_(sink),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        scratch_(kAnswerBytesAtOnce) {}
  Result<LoadReport> Run();

 private:
  Status Connect(Channel& channel);
  Status Reopen(Channel& channel);
  [[nodiscard]] bool IsDue() const;
  [[nodiscard]] double Due() const;
  void ForgetPause();
  [[nodiscard]] int WaitMillis() const;
  bool TakeNext(Pending& out);
  void Refill(Channel& channel);
  void Flush(Channel& channel);
  enum class Outcome : std::uint8_t { kOpen, kClosing, kLost };
  Outcome Receive(Channel& channel);
  Outcome TakeAnswers(Channel& channel, std::string_view bytes, std::size_t& used);
  Outcome TakeOne(Channel& channel, std::string_view bytes, std::size_t& used);
  Status Serve(Channel& channel, std::uint32_t events);
  Status SendDue();
  Status Sweep();
  void Report(Pending& pending, int status, std::string_view body);
  void Lose(Channel& channel);
  void SendAgain(Channel& channel);

  const LoadOptions& options_;
  const NextRequest& next_;
  const AnswerSink& sink_;
  FileDescriptor epoll_;
  std::vector<std::unique_ptr<Channel>> channels_;
  std::deque<Pending> again_;
  std::vector<std::string> spare_;  // request texts whose memory is used again
  std::vector<char> scratch_;
  AnswerReader reader_;
  bool exhausted_ = false;
  std::uint64_t taken_ = 0;
  std::uint64_t in_flight_ = 0;
  LoadReport report_;
  RealClock clock_;
  Duration began_{0};
  Duration paced_from_{0};
  Duration now_{0};
};

Status Load::Connect(Channel& channel) {
  channel.socket = TRY(ConnectTcp(options_.host, options_.port, options_.timeout));
  channel.last_answer = now_ = clock_.Elapsed();
  channel.watching_output = false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &channel;
  MW_ASSERT(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, channel.socket.get(), &event) == 0);
  return Ok();
}

bool Load::IsDue() const { return options_.rate <= 0 || static_cast<double>(taken_) <= Due(); }

double Load::Due() const { return static_cast<double>((now_ - paced_from_).count()) * 1e-6 * options_.rate; }

/// What is overdue by more than a moment need not be sent any more in its time.
void Load::ForgetPause() {
  const double late_s = (Due() - static_cast<double>(taken_)) / options_.rate - kBurstSeconds;
  if (late_s > 0) paced_from_ += Duration(static_cast<std::int64_t>(late_s * 1e6));
}

int Load::WaitMillis() const { return options_.rate > 0 && !exhausted_ ? 1 : static_cast<int>(kSweep.count()); }

bool Load::TakeNext(Pending& out) {
  if (!again_.empty()) {
    out = std::move(again_.front());
    again_.pop_front();
    return true;
  }
  if (exhausted_ || !IsDue()) return false;
  if (!spare_.empty()) {
    out.bytes = std::move(spare_.back());
    spare_.pop_back();
    out.bytes.clear();
  }
  exhausted_ = !next_(out.bytes);
  if (exhausted_) return false;
  out.index = taken_++;
  return true;
}

void Load::Refill(Channel& channel) {
  if (channel.in_flight.empty()) channel.last_answer = now_;
  while (channel.in_flight.size() < static_cast<std::size_t>(options_.in_flight_max)) {
    Pending pending;
    if (!TakeNext(pending)) return;
    pending.sent = now_;
    channel.out.append(pending.bytes);
    channel.in_flight.push_back(std::move(pending));
    ++in_flight_;
  }
}

// A connection that cannot be written to is noticed by the next read, after the answers it still holds.
void Load::Flush(Channel& channel) {
  while (channel.out_sent < channel.out.size()) {
    const ssize_t count = send(channel.socket.get(), channel.out.data() + channel.out_sent,
                               channel.out.size() - channel.out_sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0 && errno != EINTR) return;
    if (count > 0) channel.out_sent += static_cast<std::size_t>(count);
  }
  if (channel.out_sent == channel.out.size()) {
    channel.out.clear();
    channel.out_sent = 0;
  }
  const bool waiting = !channel.out.empty();
  if (waiting != channel.watching_output) {
    channel.watching_output = waiting;
    epoll_event event{};
    event.events = waiting ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.ptr = &channel;
    MW_ASSERT(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, channel.socket.get(), &event) == 0);
  }
}

void Load::Report(Pending& pending, int status, std::string_view body) {
  --in_flight_;
  ++(status == 0 ? report_.failed : report_.answered);
  sink_(LoadAnswer{pending.index, status, body, now_ - pending.sent});
  spare_.push_back(std::move(pending.bytes));
}

Load::Outcome Load::TakeOne(Channel& channel, std::string_view bytes, std::size_t& used) {
  const AnswerReader::Outcome outcome = reader_.Next(bytes);
  if (outcome == AnswerReader::Outcome::kMore) return Outcome::kOpen;
  if (outcome == AnswerReader::Outcome::kBroken || channel.in_flight.empty()) return Outcome::kLost;
  used += reader_.used();
  channel.last_answer = now_;
  Pending pending = std::move(channel.in_flight.front());
  channel.in_flight.pop_front();
  Report(pending, reader_.head().status, reader_.body());
  return reader_.head().keep_alive ? Outcome::kOpen : Outcome::kClosing;
}

Load::Outcome Load::TakeAnswers(Channel& channel, std::string_view bytes, std::size_t& used) {
  while (used < bytes.size()) {
    const std::size_t before = used;
    const Outcome outcome = TakeOne(channel, bytes.substr(used), used);
    if (outcome != Outcome::kOpen || used == before) return outcome;
  }
  return Outcome::kOpen;
}

Load::Outcome Load::Receive(Channel& channel) {
  const ssize_t count = recv(channel.socket.get(), scratch_.data(), scratch_.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Outcome::kOpen;
  if (count == 0 && channel.in_flight.empty()) return Outcome::kClosing;
  if (count <= 0) return Outcome::kLost;
  std::string_view bytes(scratch_.data(), static_cast<std::size_t>(count));
  const bool pending = !channel.in.empty();
  if (pending) bytes = channel.in.append(bytes);
  std::size_t used = 0;
  const Outcome outcome = TakeAnswers(channel, bytes, used);
  if (pending) {
    channel.in.erase(0, used);
  } else {
    channel.in.assign(bytes.substr(used));
  }
  return outcome;
}

void Load::Lose(Channel& channel) {
  for (Pending& pending : channel.in_flight) Report(pending, 0, {});
  channel.in_flight.clear();
}

void Load::SendAgain(Channel& channel) {
  in_flight_ -= channel.in_flight.size();
  for (Pending& pending : channel.in_flight) again_.push_back(std::move(pending));
  channel.in_flight.clear();
}

Status Load::Reopen(Channel& channel) {
  channel.socket.Reset();
  channel.in.clear();
  channel.out.clear();
  channel.out_sent = 0;
  if (exhausted_ && again_.empty()) return Ok();
  TRY(Connect(channel));
  Refill(channel);
  return Ok();
}

Status Load::Serve(Channel& channel, std::uint32_t events) {
  Outcome outcome = Outcome::kOpen;
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) outcome = Receive(channel);
  if (outcome == Outcome::kOpen) {
    Refill(channel);
    Flush(channel);
    return Ok();
  }
  if (outcome == Outcome::kClosing) SendAgain(channel);
  if (outcome == Outcome::kLost) Lose(channel);
  TRY(Reopen(channel));
  if (channel.socket.valid()) Flush(channel);
  return Ok();
}

// At a given rate answers do not ask for the next request: the clock does.
Status Load::SendDue() {
  for (const auto& channel : channels_) {
    if (!channel->socket.valid()) TRY(Connect(*channel));
    Refill(*channel);
    Flush(*channel);
  }
  return Ok();
}

Status Load::Sweep() {
  for (const auto& channel : channels_) {
    const bool late = !channel->in_flight.empty() && now_ - channel->last_answer > options_.timeout;
    if (late) Lose(*channel);
    // Also where a connection had ended when there was nothing left to send, and now there is again.
    if (late || (!channel->socket.valid() && !again_.empty())) {
      TRY(Reopen(*channel));
      if (channel->socket.valid()) Flush(*channel);
    }
  }
  return Ok();
}

Result<LoadReport> Load::Run() {
  MW_ASSERT(epoll_.valid() && options_.connections > 0 && options_.in_flight_max > 0);
  paced_from_ = began_ = clock_.Elapsed();
  for (int i = 0; i < options_.connections; ++i) {
    channels_.push_back(std::make_unique<Channel>());
    TRY(Connect(*channels_.back()));
  }
  for (const auto& channel : channels_) {
    Refill(*channel);
    Flush(*channel);
  }
  std::array<epoll_event, 64> events;
  Duration next_sweep = began_ + kSweep;
  while (in_flight_ > 0 || !again_.empty() || !exhausted_) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), WaitMillis());
    now_ = clock_.Elapsed();
    if (options_.rate > 0 && !options_.catch_up) ForgetPause();
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      TRY(Serve(*static_cast<Channel*>(event.data.ptr), event.events));
    }
    if (options_.rate > 0) TRY(SendDue());
    if (now_ < next_sweep) continue;
    next_sweep = now_ + kSweep;
    TRY(Sweep());
  }
  report_.elapsed = clock_.Elapsed() - began_;
  return report_;
}

}  // namespace

Result<LoadReport> RunLoad(const LoadOptions& options, const NextRequest& next, const AnswerSink& sink) {
  return Load(options, next, sink).Run();
}

}  // namespace mw::net
