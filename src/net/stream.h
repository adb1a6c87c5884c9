// What a session reads from and writes to, without saying what carries it: TCP now, TLS later behind the
// same five calls. Belongs to one session; its executor's thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/task.h"

namespace mw::net {

class Stream {
 public:
  virtual ~Stream() = default;
  /// At least one byte, or 0 when the peer has finished sending. Errors: kDeadlineExceeded; kUnavailable
  /// connection lost or Close.
  virtual Task<Result<std::size_t>> Read(std::span<char> buffer, std::chrono::milliseconds timeout) = 0;
  /// All of it. The timeout is for each piece the peer takes, not for the whole. Errors: as Read.
  virtual Task<Status> Write(std::string_view bytes, std::chrono::milliseconds timeout) = 0;
  /// False when Close or Interrupt cut it short.
  virtual Task<bool> Sleep(std::chrono::milliseconds duration) = 0;
  /// Ends a Sleep that is going on.
  virtual void Interrupt() = 0;
  /// Tells the peer that nothing more comes; reading goes on.
  virtual void FinishWriting() = 0;
  /// Ends everything that is going on. Idempotent.
  virtual void Close() = 0;
  [[nodiscard]] virtual bool PeerIsLoopback() const = 0;
};

}  // namespace mw::net
