// What other threads have for a loop: new sockets, and answers that can be given now. Private to the loop
// server. Shared by the loop and every Deferred of it, so it outlives both; any thread.
//
// Invariant: the loop is woken once for all that is posted until it takes it; after Close nothing is kept.
#pragma once

#include <memory>
#include <vector>

#include "base/file.h"
#include "base/gathered_bells.h"
#include "base/mutex.h"
#include "net/loop_deferred.h"

namespace mw::net {

class Loop;

class LoopMailbox final : public Bell, public std::enable_shared_from_this<LoopMailbox> {
 public:
  explicit LoopMailbox(Loop& loop);
  /// Becomes readable, for an edge-triggered epoll: it is never read.
  [[nodiscard]] int wake_descriptor() const { return wake_.get(); }
  void Ring() override;
  void Post(FileDescriptor socket);
  void Post(DeferredTicket ticket);
  /// Swaps what was posted into empty vectors.
  void Take(std::vector<FileDescriptor>& sockets, std::vector<DeferredTicket>& tickets);
  [[nodiscard]] bool HasSockets();
  void Close();

  /// The loop, if this is called on its own thread while it runs; else null.
  [[nodiscard]] Loop* OwnLoop();
  /// The calling thread is the loop's from now on; null ends that.
  static void SetOwn(LoopMailbox* mailbox);

 private:
  bool IsFirst() MW_REQUIRES(mutex_);

  Loop& loop_;
  const FileDescriptor wake_;
  Mutex mutex_;
  std::vector<FileDescriptor> sockets_ MW_GUARDED_BY(mutex_);
  std::vector<DeferredTicket> tickets_ MW_GUARDED_BY(mutex_);
  bool rung_ MW_GUARDED_BY(mutex_) = false;
  bool closed_ MW_GUARDED_BY(mutex_) = false;
};

}  // namespace mw::net
