// The one machine that scheduler, job queue and rollout are made of: remember (a store), decide (a pure
// function), act (a reconciler). The control loop calls Tick at start, at the time it asked for, and
// after Wake. A restart is nothing but another Tick.
#pragma once

#include "base/clock.h"
#include "base/task.h"

namespace mw {

class Reconciler {
 public:
  virtual ~Reconciler() = default;
  /// Applies what is due at `now`; returns when it wants to be called again (kNever: only when woken).
  /// Never overlaps itself. Blocks no thread: waits by co_await.
  virtual Task<Timestamp> Tick(Timestamp now) = 0;
};

}  // namespace mw
