// Executors and the loop that SyncWait and the control loop run on.
#include "base/task.h"

namespace mw {
namespace {

thread_local Executor* current_executor = nullptr;

task_internal::Detached RunDetached(Task<void> task) { co_await std::move(task); }

}  // namespace

Executor* Executor::Current() { return current_executor; }

Executor::Scope::Scope(Executor* executor) : previous_(current_executor) { current_executor = executor; }
Executor::Scope::~Scope() { current_executor = previous_; }

void RunLoop::Post(std::function<void()> work) {
  const Lock lock(mutex_);
  work_.push_back(std::move(work));
  // Notified under the lock: the loop may be destroyed as soon as its last piece of work was taken.
  wake_.NotifyOne();
}

void RunLoop::Run() {
  RunUntil([this] {
    const Lock lock(mutex_);
    return stopped_;
  });
}

void RunLoop::RunUntil(const std::function<bool()>& done) {
  const Executor::Scope scope(this);
  while (!done()) {
    std::function<void()> work;
    {
      const Lock lock(mutex_);
      while (work_.empty() && !stopped_) wake_.Wait(mutex_);
      if (work_.empty()) return;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
  }
}

void RunLoop::Stop() {
  const Lock lock(mutex_);
  stopped_ = true;
  wake_.NotifyAll();
}

void Spawn(Executor& executor, Task<void> task) {
  // std::function wants copies, a Task has none: it is carried by a shared pointer.
  auto carried = std::make_shared<Task<void>>(std::move(task));
  executor.Post([carried] { RunDetached(std::move(*carried)); });
}

}  // namespace mw
