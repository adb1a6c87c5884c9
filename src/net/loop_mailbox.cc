// The loop's mailbox: a lock, two lists and one event descriptor.
#include "net/loop_mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"

namespace mw::net {
namespace {

thread_local LoopMailbox* own_mailbox = nullptr;

}  // namespace

LoopMailbox::LoopMailbox(Loop& loop) : loop_(loop), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  MW_ASSERT(wake_.valid());
}

Loop* LoopMailbox::OwnLoop() { return own_mailbox == this ? &loop_ : nullptr; }

void LoopMailbox::SetOwn(LoopMailbox* mailbox) { own_mailbox = mailbox; }

void LoopMailbox::Ring() {
  const std::uint64_t one = 1;
  // A full counter wakes as well, so the outcome does not matter.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

// Whether the caller is the first since the loop looked and has to wake it.
bool LoopMailbox::IsFirst() { return !std::exchange(rung_, true); }

void LoopMailbox::Post(FileDescriptor socket) {
  bool wake = false;
  {
    const Lock lock(mutex_);
    if (closed_) return;
    sockets_.push_back(std::move(socket));
    wake = IsFirst();
  }
  if (wake) GatheredBells::Ring(shared_from_this());
}

void LoopMailbox::Post(DeferredTicket ticket) {
  bool wake = false;
  {
    const Lock lock(mutex_);
    if (closed_) return;
    tickets_.push_back(ticket);
    wake = IsFirst();
  }
  if (wake) GatheredBells::Ring(shared_from_this());
}

void LoopMailbox::Take(std::vector<FileDescriptor>& sockets, std::vector<DeferredTicket>& tickets) {
  const Lock lock(mutex_);
  rung_ = false;
  sockets.swap(sockets_);
  tickets.swap(tickets_);
}

bool LoopMailbox::HasSockets() {
  const Lock lock(mutex_);
  return !sockets_.empty();
}

void LoopMailbox::Close() {
  const Lock lock(mutex_);
  closed_ = true;
  sockets_.clear();
  tickets_.clear();
}

}  // namespace mw::net
