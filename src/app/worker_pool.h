// A bounded pool of threads for work that would hold up a loop: hashing, copying, reading files.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/task.h"

namespace mw::app {

class WorkerPool final : public Executor {
 public:
  explicit WorkerPool(int threads);
  /// Finishes what was posted, then joins.
  ~WorkerPool() override;
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void Post(std::function<void()> work) override;

 private:
  void Run();

  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> work_ MW_GUARDED_BY(mutex_);
  bool stopping_ MW_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace mw::app
