// How connections come, linger and go.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "net/loop.h"

namespace mw::net {
namespace {

constexpr Duration kLinger = std::chrono::seconds(2);

}  // namespace

void Loop::Register(int operation, int descriptor, std::uint32_t events, void* tag) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = tag;
  MW_ASSERT(epoll_ctl(epoll_.get(), operation, descriptor, &event) == 0);
}

void Loop::Listen(FileDescriptor listener, std::function<bool(int)> accept) {
  listener_ = std::move(listener);
  accept_ = std::move(accept);
  Register(EPOLL_CTL_ADD, listener_.get(), EPOLLIN, this);
}

void Loop::Adopt(FileDescriptor socket) {
  load_.fetch_add(1, std::memory_order_relaxed);
  mailbox_->Post(std::move(socket));
}

void Loop::AdoptInbox() {
  for (FileDescriptor& socket : arrived_) {
    auto connection = std::make_unique<Connection>(std::move(socket), shared_);
    connection->index = connections_.size();
    connection->deadline = now_ + options_.idle_timeout;
    connection->interest = EPOLLIN;
    connection->head_place = next_head_place_++ % HeadMemory::kPlaces;
    Register(EPOLL_CTL_ADD, connection->socket.get(), EPOLLIN, connection.get());
    connections_.push_back(std::move(connection));
  }
  arrived_.clear();
}

void Loop::AcceptReady() {
  if (accept_(listener_.get())) return;
  // No descriptors left: the listener would wake the loop again at once, so it waits for the next sweep.
  accept_paused_ = true;
  Register(EPOLL_CTL_MOD, listener_.get(), 0, this);
}

void Loop::CloseListener() {
  if (!listener_.valid()) return;
  // Clients that the kernel has accepted already would be reset; they are served.
  accept_(listener_.get());
  listener_.Reset();
  OpenMail();
  shared_.accepting = false;
}

void Loop::Linger(Connection& c) {
  c.in.Release();
  c.phase = Phase::kLingering;
  c.deadline = now_ + (stop_began_ ? Duration(options_.stop_linger) : kLinger);
  shutdown(c.socket.get(), SHUT_WR);
  Watch(c, EPOLLIN);
}

void Loop::Discard(Connection& c) {
  const ssize_t got = recv(c.socket.get(), scratch_.data(), scratch_.size(), 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) Close(c);
}

void Loop::Close(Connection& c) {
  DropSlots(c);
  if (c.dirty) std::erase(dirty_, &c);
  // Closing alone would not do while a program that is being started holds a copy of the descriptor.
  Register(EPOLL_CTL_DEL, c.socket.get(), 0, nullptr);
  const std::size_t index = c.index;
  if (index + 1 != connections_.size()) {
    connections_[index].swap(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
  load_.fetch_sub(1, std::memory_order_relaxed);
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);
}

void Loop::Expire(Connection& c) {
  if (c.phase != Phase::kHead && c.phase != Phase::kBody) return Close(c);
  Refuse(c, {408, "the request did not arrive in time"});
  Flush(c);
}

void Loop::Sweep() {
  next_sweep_ = now_ + sweep_interval_;
  if (shared_.stopping && !stop_began_) {
    stop_began_ = now_;
    CloseListener();
  }
  if (accept_paused_ && listener_.valid()) {
    accept_paused_ = false;
    Register(EPOLL_CTL_MOD, listener_.get(), EPOLLIN, this);
  }
  // Backwards, for closing moves the last one into the gap.
  for (std::size_t i = connections_.size(); i-- > 0;) {
    Connection& c = *connections_[i];
    if (stop_began_ && now_ >= *stop_began_ + options_.stop_grace) {
      Close(c);
    } else if (stop_began_ && c.phase == Phase::kIdle && now_ >= *stop_began_ + options_.stop_linger) {
      Close(c);
    } else if (now_ >= c.deadline) {
      Expire(c);
    }
  }
}

}  // namespace mw::net
