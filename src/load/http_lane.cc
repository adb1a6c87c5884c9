// The lane's loop.
#include "load/http_lane.h"

#include <sys/epoll.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "net/socket.h"

namespace mw::load {
namespace {

constexpr std::size_t kScratchBytes = std::size_t{256} << 10;
constexpr std::size_t kPiecesMax = 64;
constexpr std::chrono::milliseconds kSweep{100};

}  // namespace

HttpLane::HttpLane(HttpLaneOptions options, Pacer pacer)
    : Lane(std::move(pacer)),
      options_(std::move(options)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      scratch_(kScratchBytes) {
  MW_ASSERT(epoll_.valid() && options_.connections > 0 && options_.in_flight_max > 0);
}

Status HttpLane::Open() {
  const auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout);
  for (int i = 0; i < options_.connections; ++i) {
    auto channel = std::make_unique<Channel>();
    channel->socket = TRY(net::ConnectTcp(options_.host, options_.port, patience));
    epoll_event event{};
    event.events = channel->interest = EPOLLIN;
    event.data.ptr = channel.get();
    MW_ASSERT(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, channel->socket.get(), &event) == 0);
    ListFree(*channel);
    channels_.push_back(std::move(channel));
  }
  peer_size_ = sizeof peer_;
  if (getpeername(channels_.front()->socket.get(), reinterpret_cast<sockaddr*>(&peer_), &peer_size_) != 0) {
    return ErrnoError(errno, "asking for the server's address");
  }
  return Ok();
}

void HttpLane::Run(Duration start) {
  pacer_.Start(start);
  now_ = clock_.Elapsed();
  next_sweep_ = start + kSweep;
  while (true) {
    pacer_.Advance(now_);
    Dispatch();
    if (Finished()) return;
    if (now_ > pacer_.end() + options_.drain) return GiveUp();
    Wait();
    if (now_ < next_sweep_) continue;
    next_sweep_ = now_ + kSweep;
    Sweep();
  }
}

bool HttpLane::Finished() const { return pacer_.Finished() && in_flight_ == 0; }

void HttpLane::Wait() {
  std::array<epoll_event, 128> events;
  const Duration until = std::min(pacer_.NextDue(), next_sweep_);
  // What is due on a connection that is not free waits for an answer, not for the clock.
  const Duration wait = std::max(Duration(0), until - clock_.Elapsed());
  const timespec patience{wait.count() / 1'000'000, wait.count() % 1'000'000 * 1000};
  const int count = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &patience, nullptr);
  now_ = clock_.Elapsed();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    Serve(*static_cast<Channel*>(event.data.ptr), event.events);
  }
}

void HttpLane::Watch(Channel& channel, std::uint32_t interest) {
  if (channel.interest == interest) return;
  channel.interest = interest;
  epoll_event event{};
  event.events = interest;
  event.data.ptr = &channel;
  MW_ASSERT(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, channel.socket.get(), &event) == 0);
}

void HttpLane::ListFree(Channel& channel) {
  const bool full = channel.in_flight.size() >= static_cast<std::size_t>(options_.in_flight_max);
  if (channel.listed || full || channel.connecting || !channel.socket.valid()) return;
  channel.listed = true;
  free_.push_back(&channel);
}

void HttpLane::Dispatch() {
  while (pacer_.HasWork() && !free_.empty()) {
    Channel& channel = *free_.front();
    const bool usable = channel.socket.valid() && !channel.connecting;
    if (usable) {
      const Shot shot = pacer_.Take(now_);
      channel.out.push_back(pacer_.BytesOf(shot));
      channel.in_flight.push_back(shot);
      ++in_flight_;
      if (!channel.touched) touched_.push_back(&channel);
      channel.touched = true;
    }
    if (usable && channel.in_flight.size() < static_cast<std::size_t>(options_.in_flight_max)) continue;
    free_.pop_front();
    channel.listed = false;
  }
  for (Channel* channel : touched_) {
    channel->touched = false;
    Flush(*channel);
  }
  touched_.clear();
}

// A connection that cannot be written to is noticed by the next read, after the answers it still holds.
void HttpLane::Flush(Channel& channel) {
  while (channel.out_at < channel.out.size()) {
    std::array<iovec, kPiecesMax> pieces;
    std::size_t count = 0;
    for (std::size_t at = channel.out_at; at < channel.out.size() && count < kPiecesMax; ++at, ++count) {
      const std::string_view bytes = channel.out[at].substr(count == 0 ? channel.out_sent : 0);
      pieces[count] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t taken = sendmsg(channel.socket.get(), &message, MSG_NOSIGNAL);
    if (taken < 0 && errno == EINTR) continue;
    if (taken < 0) break;
    channel.out_sent += static_cast<std::size_t>(taken);
    while (channel.out_at < channel.out.size() && channel.out_sent >= channel.out[channel.out_at].size()) {
      channel.out_sent -= channel.out[channel.out_at++].size();
    }
  }
  const bool waiting = channel.out_at < channel.out.size();
  if (!waiting) {
    channel.out.clear();
    channel.out_at = channel.out_sent = 0;
  }
  Watch(channel, waiting ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void HttpLane::Serve(Channel& channel, std::uint32_t events) {
  if (channel.connecting) return FinishConnecting(channel);
  Outcome outcome = Outcome::kOpen;
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) outcome = Receive(channel);
  if (outcome != Outcome::kOpen) return Drop(channel, outcome);
  if ((events & EPOLLOUT) != 0) Flush(channel);
  ListFree(channel);
}

HttpLane::Outcome HttpLane::Receive(Channel& channel) {
  const ssize_t count = recv(channel.socket.get(), scratch_.data(), scratch_.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Outcome::kOpen;
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

HttpLane::Outcome HttpLane::TakeAnswers(Channel& channel, std::string_view bytes, std::size_t& used) {
  using Read = net::AnswerReader::Outcome;
  while (used < bytes.size()) {
    const Read read = reader_.Next(bytes.substr(used));
    if (read == Read::kMore) return Outcome::kOpen;
    if (read == Read::kBroken || channel.in_flight.empty()) return Outcome::kLost;
    used += reader_.used();
    const Shot shot = channel.in_flight.front();
    channel.in_flight.pop_front();
    --in_flight_;
    const int status = reader_.head().status;
    const bool right = status == kStatusOk && AnswerFits(pacer_.KindOf(shot), reader_.head().headers, reader_.body());
    pacer_.Answered(shot, now_, status, right);
    if (!reader_.head().keep_alive) return Outcome::kClosing;
  }
  return Outcome::kOpen;
}

/// What a server left unanswered behind an answer that closes it has not looked at.
void HttpLane::Drop(Channel& channel, Outcome why) {
  in_flight_ -= channel.in_flight.size();
  for (; !channel.in_flight.empty(); channel.in_flight.pop_back()) {
    if (why == Outcome::kClosing) {
      pacer_.PutBack(channel.in_flight.back());
    } else {
      pacer_.Lost(channel.in_flight.back());
    }
  }
  Reconnect(channel);
}

/// Without waiting: the connection is usable once it can be written to.
void HttpLane::Reconnect(Channel& channel) {
  channel.in.clear();
  channel.out.clear();
  channel.out_at = channel.out_sent = 0;
  channel.socket = FileDescriptor(socket(peer_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!channel.socket.valid()) return;
  net::SetNoDelay(channel.socket.get());
  if (connect(channel.socket.get(), reinterpret_cast<const sockaddr*>(&peer_), peer_size_) != 0 &&
      errno != EINPROGRESS) {
    channel.socket.Reset();  // the sweep tries again
    return;
  }
  channel.connecting = true;
  epoll_event event{};
  event.events = channel.interest = EPOLLIN | EPOLLOUT;
  event.data.ptr = &channel;
  MW_ASSERT(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, channel.socket.get(), &event) == 0);
}

void HttpLane::FinishConnecting(Channel& channel) {
  int failure = 0;
  socklen_t size = sizeof failure;
  getsockopt(channel.socket.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
  channel.connecting = false;
  if (failure != 0) return channel.socket.Reset();
  pacer_.Reconnected();
  Watch(channel, EPOLLIN);
  ListFree(channel);
}

void HttpLane::Sweep() {
  for (const auto& channel : channels_) {
    if (!channel->socket.valid()) Reconnect(*channel);
    if (channel->in_flight.empty() || now_ - channel->in_flight.front().sent <= options_.timeout) continue;
    Drop(*channel, Outcome::kLost);
  }
}

void HttpLane::GiveUp() {
  pacer_.GiveUpWaiting();
  for (const auto& channel : channels_) {
    for (const Shot& shot : channel->in_flight) pacer_.Lost(shot);
    channel->in_flight.clear();
  }
}

}  // namespace mw::load
