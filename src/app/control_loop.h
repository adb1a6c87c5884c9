// The one thread on which every reconciler ticks. A reconciler is ticked at start, when the time it
// asked for comes, and soon after Wake; its ticks never overlap, those of different reconcilers
// interleave where they wait.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/reconciler.h"
#include "base/task.h"

namespace mw::app {

class ControlLoop final : public Executor {
 public:
  explicit ControlLoop(const Clock& clock) : clock_(clock) {}
  ~ControlLoop() override { Stop(); }
  ControlLoop(const ControlLoop&) = delete;
  ControlLoop& operator=(const ControlLoop&) = delete;

  /// Before Start. Returns the function that wakes it, callable from any thread while the loop lives.
  std::function<void()> Add(Reconciler& reconciler);
  void Start();
  /// Lets ticks under way come to their end and starts no more, then runs `last` on the loop (what
  /// reconcilers still have under way), then joins the thread. Idempotent: the first call counts.
  void Stop(std::function<Task<void>()> last = nullptr);

  void Post(std::function<void()> work) override;

 private:
  struct Entry {
    Reconciler* reconciler;
    bool ticking = false;
    bool woken = true;  // the first tick is at start
    Timestamp next = kNever;
  };

  void Run();
  void Wake(std::size_t entry);
  Task<void> TickOnce(std::size_t entry);
  Task<void> RunLast(std::function<Task<void>()> last);
  void StartDueTicks();
  /// How long until the next reconciler is due; nothing when one is due now.
  Duration Idle() MW_REQUIRES(mutex_);
  bool AnyTicking() MW_REQUIRES(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  CondVar wake_;
  std::vector<Entry> entries_ MW_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> work_ MW_GUARDED_BY(mutex_);
  bool stopping_ MW_GUARDED_BY(mutex_) = false;
  bool last_done_ MW_GUARDED_BY(mutex_) = true;
  std::function<Task<void>()> last_ MW_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace mw::app
