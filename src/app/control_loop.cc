// The control loop's thread.
#include "app/control_loop.h"

#include <algorithm>
#include <utility>

namespace mw::app {

std::function<void()> ControlLoop::Add(Reconciler& reconciler) {
  const Lock lock(mutex_);
  entries_.push_back({&reconciler});
  return [this, entry = entries_.size() - 1] { Wake(entry); };
}

void ControlLoop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void ControlLoop::Stop(std::function<Task<void>()> last) {
  {
    const Lock lock(mutex_);
    if (!stopping_) {
      stopping_ = true;
      last_done_ = last == nullptr || !thread_.joinable();
      last_ = std::move(last);
    }
    wake_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void ControlLoop::Post(std::function<void()> work) {
  const Lock lock(mutex_);
  work_.push_back(std::move(work));
  wake_.NotifyOne();
}

void ControlLoop::Wake(std::size_t entry) {
  const Lock lock(mutex_);
  entries_[entry].woken = true;
  wake_.NotifyOne();
}

Task<void> ControlLoop::TickOnce(std::size_t entry) {
  Reconciler* reconciler = nullptr;
  {
    const Lock lock(mutex_);
    reconciler = entries_[entry].reconciler;
  }
  const Timestamp next = co_await reconciler->Tick(clock_.Now());
  const Lock lock(mutex_);
  entries_[entry].next = next;
  entries_[entry].ticking = false;
}

Task<void> ControlLoop::RunLast(std::function<Task<void>()> last) {
  co_await last();
  const Lock lock(mutex_);
  last_done_ = true;
}

void ControlLoop::StartDueTicks() {
  std::vector<std::size_t> due;
  {
    const Lock lock(mutex_);
    if (stopping_) return;
    const Timestamp now = clock_.Now();
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      Entry& entry = entries_[i];
      if (entry.ticking || !(entry.woken || entry.next <= now)) continue;
      entry.ticking = true;
      entry.woken = false;
      entry.next = kNever;
      due.push_back(i);
    }
  }
  for (const std::size_t entry : due) Spawn(*this, TickOnce(entry));
}

Duration ControlLoop::Idle() {
  // Wall time may jump: looking again each second bounds the harm.
  Duration idle = std::chrono::seconds(1);
  if (stopping_) return idle;
  for (const Entry& entry : entries_) {
    if (entry.ticking) continue;
    if (entry.woken) return Duration(0);
    if (entry.next != kNever) idle = std::clamp<Duration>(entry.next - clock_.Now(), Duration(0), idle);
  }
  return idle;
}

bool ControlLoop::AnyTicking() {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.ticking; });
}

void ControlLoop::Run() {
  const Executor::Scope scope(this);
  while (true) {
    StartDueTicks();
    std::function<void()> work;
    {
      const Lock lock(mutex_);
      if (work_.empty()) {
        if (stopping_ && !AnyTicking()) {
          if (last_done_) return;
          if (last_) work_.push_back([this, last = std::exchange(last_, nullptr)] { Spawn(*this, RunLast(last)); });
        }
        const Duration idle = Idle();
        if (work_.empty() && idle > Duration(0)) wake_.WaitFor(mutex_, idle);
        continue;
      }
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
  }
}

}  // namespace mw::app
