// Deferred answers: the slots in which a connection's answers wait for their turn.
#include "net/loop_deferred.h"

#include "net/loop.h"
#include "net/loop_mailbox.h"
#include "net/loop_refusal.h"

namespace mw::net {
namespace {

constexpr std::size_t kSpareBytesMax = std::size_t{16} << 10;  // larger buffers are freed, not kept
constexpr std::size_t kSparesMax = 256;

}  // namespace

Deferred& Deferred::operator=(Deferred&& other) noexcept {
  Deferred old(std::move(*this));
  mailbox_ = std::move(other.mailbox_);
  ticket_ = other.ticket_;
  return *this;
}

Deferred::~Deferred() {
  if (mailbox_ == nullptr) return;
  ticket_.abandoned = true;
  Give();
}

void Deferred::Resume() {
  if (mailbox_ != nullptr) Give();
}

void Deferred::Give() {
  const std::shared_ptr<LoopMailbox> mailbox = std::move(mailbox_);
  if (Loop* const loop = mailbox->OwnLoop()) {
    loop->Redeem(ticket_);
  } else {
    mailbox->Post(ticket_);
  }
}

LoopSlot& Loop::NewSlot(Connection& c) {
  if (free_slots_.empty()) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->index = static_cast<std::uint32_t>(slots_.size() - 1);
    free_slots_.push_back(slots_.back().get());
  }
  Slot& slot = *free_slots_.back();
  free_slots_.pop_back();
  slot.connection = &c;
  (c.first == nullptr ? c.first : c.last->next) = &slot;
  c.last = &slot;
  ++c.waiting;
  return slot;
}

void Loop::FreeSlot(Slot& slot) {
  slot.connection = nullptr;
  slot.next = nullptr;
  slot.serial = 0;
  slot.answered = false;
  slot.text.clear();
  if (slot.text.capacity() > kSpareBytesMax) slot.text.shrink_to_fit();
  free_slots_.push_back(&slot);
}

Deferred Loop::Defer(ResponseWriter& writer, Continuation continuation) {
  if (writer.slot_ == nullptr) {
    Connection& c = *current_;
    if (!out_.empty()) {  // answers of its older requests
      BacklogOf(c).append(out_);
      out_.clear();
      MarkDirty(c);
    }
    writer.slot_ = &NewSlot(c);
  }
  Slot& slot = *writer.slot_;
  slot.form = writer.form_;
  slot.continuation = std::move(continuation);
  slot.serial = ++last_serial_;
  return {mailbox_, {.slot = slot.index, .serial = slot.serial}};
}

void Loop::Redeem(const DeferredTicket& ticket) {
  if (ticket.slot >= slots_.size()) return;
  Slot& slot = *slots_[ticket.slot];
  if (slot.serial != ticket.serial) return;  // the connection is gone
  if (ticket.abandoned) {
    slot.continuation = [](ResponseWriter& out) {
      out.Send(500, "application/json", RefusalBody(500, "the server gave this request up; try again"));
    };
  }
  Continue(slot);
}

// Calls the slot's continuation. The oldest of a connection writes where the socket's bytes are, any other
// into the slot.
void Loop::Continue(Slot& slot) {
  Connection& c = *slot.connection;
  slot.serial = 0;
  Continuation continuation = std::move(slot.continuation);
  const bool last = slot.next == nullptr && c.in.empty() && &c != current_;
  if (last && shared_.stopping) c.closing = slot.form.close = true;
  ResponseWriter writer(*this, c.first == &slot ? BacklogOf(c) : slot.text, common_fields_, slot.form);
  writer.slot_ = &slot;
  continuation(writer);
  MW_ASSERT(writer.answered_ || writer.deferred_);
  if (writer.deferred_) return;
  slot.answered = true;
  PassOn(c);
}

// Moves answers whose turn has come behind what the socket is to take.
void Loop::PassOn(Connection& c) {
  while (c.first != nullptr && c.first->answered) {
    Slot& slot = *c.first;
    if (!slot.text.empty()) BacklogOf(c).append(slot.text);
    c.first = slot.next;
    if (c.first == nullptr) c.last = nullptr;
    --c.waiting;
    FreeSlot(slot);
  }
  MarkDirty(c);
}

// The connection is going: nobody wants its answers any more.
void Loop::DropSlots(Connection& c) {
  std::vector<Continuation> dropped;  // what they destroy may resume others: only once this is done
  while (c.first != nullptr) {
    Slot& slot = *c.first;
    c.first = slot.next;
    if (slot.continuation) dropped.push_back(std::move(slot.continuation));
    FreeSlot(slot);
  }
  c.last = nullptr;
  c.waiting = 0;
}

// The connection's own output; its memory is one that another connection has used before.
std::string& Loop::BacklogOf(Connection& c) {
  if (c.out.empty() && !spares_.empty()) {
    c.out = std::move(spares_.back());
    spares_.pop_back();
  }
  return c.out;
}

void Loop::FreeBacklog(Connection& c) {
  c.sent = 0;
  if (c.out.capacity() <= kSpareBytesMax && spares_.size() < kSparesMax) {
    c.out.clear();
    spares_.push_back(std::move(c.out));
  }
  std::string().swap(c.out);
}

void Loop::MarkDirty(Connection& c) {
  if (c.dirty) return;
  c.dirty = true;
  dirty_.push_back(&c);
}

// The handler's turn, then one write for each connection that has answers. What was held back while those
// were outstanding may be taken now, and is the handler's again.
void Loop::EndSweep() {
  handler_->EndOfSweep();
  while (!dirty_.empty()) {
    const std::uint64_t handled = served_;
    flushing_.swap(dirty_);
    for (Connection* const c : flushing_) {
      c->dirty = false;
      Flush(*c);
    }
    flushing_.clear();
    if (served_ != handled) handler_->EndOfSweep();
  }
}

void Loop::Flush(Connection& c) {
  if (!SendOut(c)) return Close(c);
  Proceed(c);
}

// After a write: on with what waits in the buffer, if there is room for its answers.
void Loop::Proceed(Connection& c) {
  const bool room = c.out.empty() && c.waiting < options_.deferred_max;
  if (c.held && room && !c.closing) return Pump(c, c.in.bytes());
  Settle(c, true);
}

}  // namespace mw::net
