// One epoll loop of the loop server: its connections, their buffers and their deadlines. Private to
// loop_server.cc, loop.cc, loop_connections.cc and loop_deferred.cc. Everything runs on the loop's own thread but Adopt
// and Wake.
//
//   kIdle --bytes--> kHead --head whole--> kBody --body whole--> handler --> kIdle
//     handler --deferred--> kWaiting --all answered--> kIdle
//     any --answers not taken--> kAnswering --all taken--> what was pending
//     any --refused, or to be closed--> kLingering (answer sent, input thrown away so that no reset
//                                       overtakes it) --> closed
//
// Answers are written to out_, which all share, moved to the connection's own output and sent when the sweep ends;
// large ones at once. From its first deferred one on every answer of a connection has a slot in the order of the
// requests until its turn comes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"
#include "net/host_guard.h"
#include "net/http_codec.h"
#include "net/loop_deferred.h"
#include "net/loop_heads.h"
#include "net/loop_mailbox.h"
#include "net/loop_server.h"
#include "net/receive_buffer.h"
#include "net/server_metrics.h"

namespace mw::net {

/// What the loops of one server share.
struct LoopShared {
  LoopShared(LoopServerOptions options_in, MetricsRegistry& registry);
  const LoopServerOptions options;
  const HostGuard guard;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> in_flight_bytes{0};  // capacity of all connections' buffers
  std::atomic<bool> stopping{false};
  std::atomic<bool> accepting{true};  // false: no loop is given another connection
  ServerMetrics metrics;
};

struct LoopConnection;

/// The place of one answer among those of its connection that are not in its output yet.
struct LoopSlot {
  LoopConnection* connection = nullptr;
  LoopSlot* next = nullptr;  // of the connection's next request
  std::uint32_t index = 0;
  bool answered = false;
  AnswerForm form;
  std::uint64_t serial = 0;  // of the ticket that is waited for; 0: none
  Continuation continuation;
  std::string text;  // an answer that was ready before its turn
};

struct LoopConnection {
  enum class Phase : std::uint8_t { kIdle, kHead, kBody, kWaiting, kAnswering, kLingering };
  struct ChunkedBody {
    BodyDecoder decoder;
    std::size_t read_at;   // the next byte to decode; decoded bytes are moved down to
    std::size_t write_at;  // here, right behind the head
  };
  /// How far the first request in the buffer has come.
  struct Arrival {
    explicit Arrival(std::size_t head_bytes_max) : scanner(head_bytes_max) {}
    HeadScanner scanner;
    std::size_t head_size = 0;  // once head_done
    bool head_done = false;
    bool continued = false;  // 100 Continue was sent
    std::size_t needed = 0;  // fewer bytes are not worth a look
    std::optional<ChunkedBody> chunked;
  };

  LoopConnection(FileDescriptor socket_in, LoopShared& shared)
      : socket(std::move(socket_in)),
        in(shared.in_flight_bytes, shared.options.in_flight_bytes_max),
        arrival(shared.options.head_bytes_max) {}

  FileDescriptor socket;
  ReceiveBuffer in;  // begins with the first byte of a request
  std::string out;   // answers that the socket did not take yet, or is to take when the sweep ends
  std::size_t sent = 0;
  Arrival arrival;
  Phase phase = Phase::kIdle;
  bool closing = false;  // no further request is taken
  bool held = false;     // `in` may hold whole requests, but enough answers are outstanding
  bool dirty = false;    // in dirty_ or flushing_
  std::uint32_t interest = 0;
  Duration deadline{0};
  std::size_t index = 0;       // in connections_
  std::size_t head_place = 0;  // in the loop's HeadMemory
  LoopSlot* first = nullptr;   // oldest answer outstanding
  LoopSlot* last = nullptr;
  std::size_t waiting = 0;  // slots from first to last
};

class Loop {
 public:
  Loop(LoopShared& shared, std::unique_ptr<LoopHandler> handler);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Calls `accept` when `listener` has clients; it returns false when there are no descriptors left.
  void Listen(FileDescriptor listener, std::function<bool(int)> accept);
  /// Until the server is stopping and the last connection is closed.
  void Run();
  /// Any thread.
  void Adopt(FileDescriptor socket);
  void Wake() { mailbox_->Ring(); }
  /// For ResponseWriter: the request that it would answer is answered later.
  Deferred Defer(ResponseWriter& writer, Continuation continuation);
  /// On the loop's thread: calls the continuation, if its connection is still there.
  void Redeem(const DeferredTicket& ticket);
  [[nodiscard]] std::size_t load() const { return load_.load(std::memory_order_relaxed); }

 private:
  using Connection = LoopConnection;
  using Slot = LoopSlot;
  using Phase = LoopConnection::Phase;
  using Arrival = LoopConnection::Arrival;

  Slot& NewSlot(Connection& c);
  void FreeSlot(Slot& slot);
  void DropSlots(Connection& c);
  void Continue(Slot& slot);
  void PassOn(Connection& c);
  std::string& BacklogOf(Connection& c);
  void FreeBacklog(Connection& c);
  void MarkDirty(Connection& c);
  void EndSweep();
  void Flush(Connection& c);
  void Proceed(Connection& c);

  void OpenMail();
  void AdoptInbox();
  void AcceptReady();
  void CloseListener();
  void Serve(Connection& c);
  std::span<char> Receive(Connection& c);
  bool MakeRoom(Connection& c);
  void Pump(Connection& c, std::span<char> window);
  bool LeaveForSweep(Connection& c, std::size_t used);
  bool TakeRequests(Connection& c, std::span<char> window, std::size_t& used);
  std::size_t TakeOne(Connection& c, std::span<char> bytes);
  std::optional<Refusal> TakeHead(Connection& c, std::string_view text);
  std::optional<Refusal> Admit(std::string& reason);
  std::optional<std::string_view> PlainBody(Connection& c, std::span<char> bytes, std::size_t& used);
  std::optional<std::string_view> ChunkedBodyOf(Connection& c, std::span<char> bytes, std::size_t& used);
  void SayContinue(Connection& c);
  std::string& OwnWords(Connection& c);
  std::string& OutputFor(Connection& c) { return c.out.empty() ? out_ : c.out; }
  void Answer(Connection& c, std::string_view body, bool last);
  void Refuse(Connection& c, const Refusal& refusal);
  void Keep(Connection& c, std::span<char> window, std::size_t used);
  bool SendOut(Connection& c);
  bool SendBacklog(Connection& c);
  void Settle(Connection& c, bool progress);
  void Linger(Connection& c);
  void Discard(Connection& c);
  void Expire(Connection& c);
  void Close(Connection& c);
  void Watch(Connection& c, std::uint32_t interest);
  void Register(int operation, int descriptor, std::uint32_t events, void* tag);
  void Sweep();
  void Tell();
  [[nodiscard]] bool Finished();
  [[nodiscard]] int WaitMillis() const;
  void RefreshCommonFields();

  LoopShared& shared_;
  const LoopServerOptions& options_;
  std::unique_ptr<LoopHandler> handler_;
  FileDescriptor epoll_;
  const std::shared_ptr<LoopMailbox> mailbox_;
  FileDescriptor listener_;
  std::function<bool(int)> accept_;
  bool accept_paused_ = false;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::atomic<std::size_t> load_{0};

  std::vector<char> scratch_;  // what is read lands here first; most requests never leave it
  std::string out_;            // answers of the connection at hand, when none before them is outstanding
  HeadMemory heads_;
  const RequestHead* head_ = nullptr;  // of the request at hand
  std::size_t next_head_place_ = 0;
  std::string last_host_;      // passed the guard
  std::string common_fields_;  // what stands in every answer, made anew each second for its date
  std::int64_t date_second_ = -1;
  RealClock clock_;
  Duration now_{0};
  Duration sweep_interval_;
  Duration next_sweep_{0};
  std::optional<Duration> stop_began_;
  std::uint64_t served_ = 0, refused_ = 0, received_ = 0, sent_ = 0;  // since the last Tell

  Connection* current_ = nullptr;  // whose request Handle has
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_slots_;
  std::uint64_t last_serial_ = 0;
  std::vector<std::string> spares_;    // empty, their memory used again
  std::vector<Connection*> dirty_;     // to be written to when the sweep ends
  std::vector<Connection*> flushing_;  // the part of it that is being written
  std::vector<FileDescriptor> arrived_;
  std::vector<DeferredTicket> tickets_;
};

}  // namespace mw::net
