// One epoll loop: read, take every whole request, write once.
#include "net/loop.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "net/loop_refusal.h"
#include "net/socket.h"

namespace mw::net {
namespace {

constexpr std::size_t kScratchBytes = std::size_t{256} << 10;
constexpr std::size_t kOutputHigh = std::size_t{256} << 10;  // answers pending before requests wait
constexpr std::size_t kOutputKept = std::size_t{1} << 20;    // capacity that out_ keeps between wake-ups
constexpr std::size_t kPromptBytes = std::size_t{16} << 10;  // requests and answers; more do not wait for others
constexpr std::size_t kRoomMin = std::size_t{4} << 10;
constexpr std::size_t kSweepMax = 64;  // sockets: their answers wait for each other
constexpr Duration kForever = std::chrono::hours(24 * 365);

// Often enough for the shortest timeout.
Duration SweepInterval(const LoopServerOptions& options) {
  const Duration shortest = std::min({options.header_timeout, options.body_timeout, options.idle_timeout});
  return std::clamp<Duration>(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(500));
}

}  // namespace

LoopShared::LoopShared(LoopServerOptions options_in, MetricsRegistry& registry)
    : options(std::move(options_in)),
      guard(options.host, options.allowed_hosts, "--allow-host"),
      metrics(options.name, registry) {}

Loop::Loop(LoopShared& shared, std::unique_ptr<LoopHandler> handler)
    : shared_(shared),
      options_(shared.options),
      handler_(std::move(handler)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      mailbox_(std::make_shared<LoopMailbox>(*this)),
      scratch_(kScratchBytes),
      heads_(options_.head_bytes_max),
      sweep_interval_(SweepInterval(options_)) {
  MW_ASSERT(epoll_.valid());
  Register(EPOLL_CTL_ADD, mailbox_->wake_descriptor(), EPOLLIN | EPOLLET, nullptr);
}

Loop::~Loop() = default;

void Loop::Run() {
  LoopMailbox::SetOwn(mailbox_.get());
  std::array<epoll_event, kSweepMax> events;
  while (!Finished()) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), WaitMillis());
    now_ = clock_.Elapsed();
    RefreshCommonFields();
    for (int i = 0; i < count; ++i) {
      void* tag = events[static_cast<std::size_t>(i)].data.ptr;
      if (tag == nullptr) {
        OpenMail();
      } else if (tag == this) {
        AcceptReady();
      } else {
        Serve(*static_cast<Connection*>(tag));
      }
    }
    if (now_ >= next_sweep_ || shared_.stopping) Sweep();
    EndSweep();
    Tell();
  }
  mailbox_->Close();
  LoopMailbox::SetOwn(nullptr);
}

bool Loop::Finished() {
  return shared_.stopping && !shared_.accepting && connections_.empty() && !mailbox_->HasSockets();
}

int Loop::WaitMillis() const {
  if (shared_.stopping) return 5;
  if (connections_.empty() && !accept_paused_) return -1;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(sweep_interval_).count());
}

void Loop::RefreshCommonFields() {
  const Timestamp now = clock_.Now();
  const std::int64_t second = ToMicros(now) / 1'000'000;
  if (second == date_second_) return;
  date_second_ = second;
  common_fields_ = Cat("Date: ", FormatHttpDate(now), "\r\nX-Content-Type-Options: nosniff\r\n");
}

// Writes and closes nothing, so every connection of this sweep is still there.
void Loop::OpenMail() {
  mailbox_->Take(arrived_, tickets_);
  for (const DeferredTicket& ticket : tickets_) Redeem(ticket);
  tickets_.clear();
  AdoptInbox();
}

void Loop::Serve(Connection& c) {
  if (c.phase == Phase::kLingering) return Discard(c);
  if (!c.out.empty()) return Flush(c);
  if ((c.interest & EPOLLIN) == 0) return Close(c);  // it waits for answers only, and its peer has hung up
  const std::span<char> window = Receive(c);
  if (!window.empty()) Pump(c, window);
}

// What came, in front of it what was pending; empty when nothing did or the connection is gone.
std::span<char> Loop::Receive(Connection& c) {
  const bool pending = !c.in.empty();
  if (pending && !MakeRoom(c)) {
    Refuse(c, {503, "too many unfinished requests; try again later"});
    Flush(c);
    return {};
  }
  const std::span<char> target = pending ? c.in.free() : std::span<char>(scratch_);
  const ssize_t got = recv(c.socket.get(), target.data(), target.size(), 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) Close(c);
  if (got <= 0) return {};
  received_ += static_cast<std::uint64_t>(got);
  if (!pending) return target.first(static_cast<std::size_t>(got));
  c.in.Commit(static_cast<std::size_t>(got));
  return c.in.bytes();
}

// Doubles, up to what the request is known to need: a claimed length costs nothing before its bytes come.
bool Loop::MakeRoom(Connection& c) {
  const std::size_t doubled = std::max(2 * c.in.size(), kRoomMin);
  const std::size_t needed = c.arrival.needed;
  return c.in.Reserve(needed > c.in.size() ? std::min(needed, doubled) : doubled);
}

void Loop::Pump(Connection& c, std::span<char> window) {
  std::size_t used = 0;
  c.held = TakeRequests(c, window, used);
  while (c.held && c.waiting == 0) {
    if (!SendOut(c)) return Close(c);
    if (!c.out.empty()) break;  // the rest waits until the peer has taken these answers
    c.held = TakeRequests(c, window, used);
  }
  if (!c.closing) Keep(c, window, used);
  // What is held back goes on after the next write: it must not be this one.
  if (c.waiting == 0 && !c.held && !LeaveForSweep(c, used) && !SendOut(c)) return Close(c);
  Settle(c, used > 0);
}

// Small answers leave when the sweep ends: what the client does with the first one would otherwise take turns with what
// is done here for the next, and both cost more. False when they are to be sent at once.
bool Loop::LeaveForSweep(Connection& c, std::size_t used) {
  if (out_.empty() || used + out_.size() > kPromptBytes) return false;
  BacklogOf(c).append(out_);
  out_.clear();
  MarkDirty(c);
  return true;
}

// Answers whole requests until there are none or enough answers are outstanding (true: there may be more).
bool Loop::TakeRequests(Connection& c, std::span<char> window, std::size_t& used) {
  while (used < window.size() && !c.closing) {
    if (c.waiting >= options_.deferred_max || OutputFor(c).size() >= kOutputHigh) return true;
    const std::size_t taken = TakeOne(c, window.subspan(used));
    if (taken == 0) return false;
    used += taken;
    c.arrival = Arrival(options_.head_bytes_max);
  }
  return false;
}

// Answers the first request in `bytes` and returns its length; 0 when it is not whole or was refused.
std::size_t Loop::TakeOne(Connection& c, std::span<char> bytes) {
  if (bytes.size() < c.arrival.needed) return 0;
  std::string reason;
  auto refusal = TakeHead(c, {bytes.data(), bytes.size()});
  if (!refusal && !c.arrival.head_done) return 0;
  if (!refusal) refusal = Admit(reason);
  if (refusal) {
    Refuse(c, *refusal);
    return 0;
  }
  std::size_t used = 0;
  const auto body = head_->framing == Framing::kChunked ? ChunkedBodyOf(c, bytes, used) : PlainBody(c, bytes, used);
  if (!body) return 0;
  Answer(c, *body, used == bytes.size());
  return used;
}

// The head of the first request in `text` into head_, unless it is not whole.
std::optional<Refusal> Loop::TakeHead(Connection& c, std::string_view text) {
  Arrival& arrival = c.arrival;
  if (const HeadMemory::Found known = heads_.Find(c.head_place, text); known.head != nullptr) {
    head_ = known.head;
    arrival.head_size = known.size;
    arrival.head_done = true;
    return std::nullopt;
  }
  if (!arrival.head_done) {
    const Progress progress = arrival.scanner.Scan(text);
    if (progress == Progress::kRefused) return arrival.scanner.refusal();
    if (progress != Progress::kDone) return std::nullopt;
    arrival.head_size = arrival.scanner.size();
    arrival.head_done = true;
  }
  return heads_.Parse(c.head_place, text.substr(0, arrival.head_size), head_);
}

std::optional<Refusal> Loop::Admit(std::string& reason) {
  if (head_->content_length > options_.body_bytes_max) return Refusal{413, "the body is larger than allowed"};
  if (head_->host == last_host_ && head_->origin.empty()) return std::nullopt;
  const Status allowed = shared_.guard.Check(head_->method, head_->host, head_->origin);
  if (!allowed.ok()) {
    reason = allowed.error().message;
    return Refusal{403, reason};
  }
  last_host_ = head_->host;
  return std::nullopt;
}

std::optional<std::string_view> Loop::PlainBody(Connection& c, std::span<char> bytes, std::size_t& used) {
  const std::size_t head_size = c.arrival.head_size;
  const std::size_t length = static_cast<std::size_t>(head_->content_length);
  if (bytes.size() < head_size + length) {
    c.arrival.needed = head_size + length;
    if (bytes.size() == head_size) SayContinue(c);
    return std::nullopt;
  }
  used = head_size + length;
  return std::string_view(bytes.data() + head_size, length);
}

// Joins the chunks in place, behind the head.
std::optional<std::string_view> Loop::ChunkedBodyOf(Connection& c, std::span<char> bytes, std::size_t& used) {
  const std::size_t head_size = c.arrival.head_size;
  if (!c.arrival.chunked) {
    c.arrival.chunked =
        LoopConnection::ChunkedBody{BodyDecoder(Framing::kChunked, 0, options_.body_bytes_max), head_size, head_size};
    if (bytes.size() == head_size) SayContinue(c);
  }
  LoopConnection::ChunkedBody& chunked = *c.arrival.chunked;
  while (chunked.read_at < bytes.size()) {
    const auto step = chunked.decoder.Next({bytes.data() + chunked.read_at, bytes.size() - chunked.read_at});
    if (step.consumed == 0) break;
    if (!step.data.empty()) std::memmove(bytes.data() + chunked.write_at, step.data.data(), step.data.size());
    chunked.write_at += step.data.size();
    chunked.read_at += step.consumed;
  }
  if (chunked.decoder.progress() == Progress::kRefused) Refuse(c, chunked.decoder.refusal());
  if (chunked.decoder.progress() != Progress::kDone) return std::nullopt;
  used = chunked.read_at;
  return std::string_view(bytes.data() + head_size, chunked.write_at - head_size);
}

void Loop::SayContinue(Connection& c) {
  if (!head_->expect_continue || c.arrival.continued) return;
  c.arrival.continued = true;
  OwnWords(c).append(kContinue);
}

// Where the loop itself writes what the handler has no part in: its turn comes like any answer's.
std::string& Loop::OwnWords(Connection& c) {
  if (c.waiting == 0) return OutputFor(c);
  Slot& slot = NewSlot(c);
  slot.answered = true;
  return slot.text;
}

// `last`: no byte of a further request is here, so a stopping server can end the connection with this one.
void Loop::Answer(Connection& c, std::string_view body, bool last) {
  RequestView request;
  request.method = head_->method;
  request.target = head_->target;
  request.path = head_->path;
  request.query = head_->query;
  request.body = body;
  request.headers = head_->headers;
  request.known = &head_->known;
  request.descriptor = c.socket.get();
  c.closing = !head_->keep_alive || (last && shared_.stopping);
  const AnswerForm form{.head_only = head_->method == Method::kHead,
                        .close = c.closing,
                        .keep_alive_line = head_->minor_version == 0 && !c.closing};
  current_ = &c;
  Slot* const slot = c.waiting == 0 ? nullptr : &NewSlot(c);
  ResponseWriter writer(*this, slot == nullptr ? OutputFor(c) : slot->text, common_fields_, form);
  writer.slot_ = slot;
  handler_->Handle(request, writer);
  current_ = nullptr;
  MW_ASSERT(writer.answered_ || writer.deferred_);
  ++served_;
  if (slot == nullptr || writer.deferred_) return;
  slot->answered = true;
  PassOn(c);  // what was outstanding may be answered meanwhile
}

// Nothing of the connection's input is looked at any more, so its memory is free before the answer leaves.
void Loop::Refuse(Connection& c, const Refusal& refusal) {
  AppendLoopRefusal(OwnWords(c), refusal);
  c.closing = true;
  c.in.Release();
  ++refused_;
}

// Saves the bytes of an unfinished request for the next wake-up.
void Loop::Keep(Connection& c, std::span<char> window, std::size_t used) {
  std::size_t rest = window.size() - used;
  if (auto& chunked = c.arrival.chunked) {
    rest = chunked->write_at;
    chunked->read_at = chunked->write_at;
  }
  if (!c.in.empty()) {
    c.in.DropFront(used);
    c.in.Truncate(rest);
  } else if (rest > 0) {
    if (!c.in.Reserve(std::max(rest, kRoomMin))) {
      return Refuse(c, {503, "too many unfinished requests; try again later"});
    }
    c.in.Append(window.subspan(used, rest));
  }
  if (c.in.empty()) c.in.Release();
}

// Writes the answers that are ready; what the socket does not take waits in c.out. False: the peer is gone.
bool Loop::SendOut(Connection& c) {
  if (!c.out.empty()) return SendBacklog(c);
  if (out_.empty()) return true;
  const ssize_t count = send(c.socket.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
  if (count < 0 && errno != EAGAIN && errno != EINTR) {
    out_.clear();
    return false;
  }
  const std::size_t done = count < 0 ? 0 : static_cast<std::size_t>(count);
  sent_ += done;
  if (done < out_.size()) c.out.append(out_, done);
  out_.clear();
  if (out_.capacity() > kOutputKept) out_.shrink_to_fit();
  return true;
}

bool Loop::SendBacklog(Connection& c) {
  const ssize_t count = send(c.socket.get(), c.out.data() + c.sent, c.out.size() - c.sent, MSG_NOSIGNAL);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  sent_ += static_cast<std::uint64_t>(count);
  c.sent += static_cast<std::size_t>(count);
  if (c.sent == c.out.size()) FreeBacklog(c);
  return true;
}

// Decides what the connection waits for. `progress`: something was finished, so its time starts anew.
void Loop::Settle(Connection& c, bool progress) {
  if (c.dirty) return;  // decided when the sweep ends
  const bool reads = c.waiting == 0 || (!c.closing && !c.held && c.waiting < options_.deferred_max);
  Phase phase = Phase::kIdle;
  Duration limit = options_.idle_timeout;
  if (!c.out.empty()) {
    phase = Phase::kAnswering;
  } else if (c.waiting > 0 && (!reads || c.in.empty())) {
    phase = Phase::kWaiting;
    limit = kForever;
  } else if (c.closing) {
    return Linger(c);
  } else if (c.arrival.head_done) {
    phase = Phase::kBody;
    limit = options_.body_timeout;
  } else if (!c.in.empty()) {
    phase = Phase::kHead;
    limit = options_.header_timeout;
  }
  if (progress || phase != c.phase) c.deadline = now_ + limit;
  c.phase = phase;
  if (phase == Phase::kAnswering) return Watch(c, EPOLLOUT);
  Watch(c, reads ? EPOLLIN : EPOLLRDHUP);
}

void Loop::Watch(Connection& c, std::uint32_t interest) {
  if (c.interest == interest) return;
  c.interest = interest;
  Register(EPOLL_CTL_MOD, c.socket.get(), interest, &c);
}

// Metrics once per wake-up, not once per request.
void Loop::Tell() {
  shared_.metrics.open.Set(static_cast<double>(shared_.connections.load(std::memory_order_relaxed)));
  if (served_ > 0) shared_.metrics.requests.Add(served_);
  if (refused_ > 0) shared_.metrics.refused.Add(refused_);
  if (received_ > 0) shared_.metrics.bytes_in.Add(received_);
  if (sent_ > 0) shared_.metrics.bytes_out.Add(sent_);
  served_ = refused_ = received_ = sent_ = 0;
}

}  // namespace mw::net
