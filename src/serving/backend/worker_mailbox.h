// Memory that a server and one worker share, so that a batch crosses without the kernel copying it: one place for the
// run, one for its answer, and a bell (a futex) for each. Part of the worker protocol (worker_protocol.h has the
// layout).
//
// One thread on each side. The server made the memory and sealed its size; the worker may still write anything into it
// at any time, so the server copies a frame out before it looks at it, and the worker, who trusts its server, reads in
// place. Invariant: what lies in the server's half is written by the server alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace mw::serving {

/// The descriptor that a worker finds the memory at.
inline constexpr int kWorkerMemory = 5;
/// What one frame's payload may have to cross this way; larger ones go over the socket.
inline constexpr std::size_t kMailboxBytes = std::size_t{4} << 20;

enum class MailboxSide : std::uint8_t { kServer, kWorker };

class WorkerMailbox {
 public:
  /// New memory, for the server. Errors: from errno.
  static Result<FileDescriptor> MakeMemory();
  /// Maps it. Errors: from errno; kInvalidArgument when it has not the right size.
  static Result<WorkerMailbox> Open(int memory, MailboxSide side);
  WorkerMailbox(WorkerMailbox&& other) noexcept;
  WorkerMailbox& operator=(WorkerMailbox&& other) noexcept;
  ~WorkerMailbox();

  /// Writes a frame and rings; false, and nothing happens, when it is too large. `head`: of kFrameHeadBytes.
  bool Post(std::string_view head, std::span<const std::string_view> pieces);
  /// Rings for a frame that comes over the socket.
  void PostBySocket();

  /// Waits at most `slice` (Duration::max(): for ever) for the other side's bell. True when it has rung since the last
  /// time.
  bool Await(Duration slice);
  /// The frame it rang for, head and payload, at a multiple of 16; empty when it comes over the socket. The server's
  /// lies in `copy`. Errors: kDataLoss.
  Result<std::string_view> Take(std::vector<char>& copy);

 private:
  WorkerMailbox(char* memory, MailboxSide side) : memory_(memory), side_(side) {}
  char* memory_ = nullptr;
  MailboxSide side_ = MailboxSide::kServer;
  std::uint32_t heard_ = 0;
};

}  // namespace mw::serving
