// A bounded pool of threads.
#include "app/worker_pool.h"

namespace mw::app {

WorkerPool::WorkerPool(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

WorkerPool::~WorkerPool() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
    wake_.NotifyAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::Post(std::function<void()> work) {
  const Lock lock(mutex_);
  work_.push_back(std::move(work));
  wake_.NotifyOne();
}

void WorkerPool::Run() {
  const Executor::Scope scope(this);
  while (true) {
    std::function<void()> work;
    {
      const Lock lock(mutex_);
      while (work_.empty() && !stopping_) wake_.Wait(mutex_);
      if (work_.empty()) return;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
  }
}

}  // namespace mw::app
