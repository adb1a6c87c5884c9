// The threads on which models are loaded: a few, started when first needed, so that a load never runs on a request's
// thread and no more run at once than the machine has cores.
// Any thread may submit. Invariant: once the destructor has returned no job runs; what had not begun never does.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace mw::serving {

class LoadPool {
 public:
  /// `threads`: at most; 0: one for each core.
  explicit LoadPool(int threads = 0);
  ~LoadPool();
  LoadPool(const LoadPool&) = delete;
  LoadPool& operator=(const LoadPool&) = delete;

  /// Jobs begin in the order in which they were submitted.
  void Submit(std::function<void()> job);
  /// Called by a job that waits long for others (an environment that is installed): it does not count any more, so
  /// another may begin. At most kAsideMax do so at once. Does nothing on other threads, or the second time.
  void LetOthersBegin();
  /// Drops what has not begun and waits for what has. Nothing is run any more.
  void Stop();

 private:
  void Run();

  static constexpr std::size_t kAsideMax = 32;
  const std::size_t threads_max_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> jobs_ MW_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ MW_GUARDED_BY(mutex_);
  std::size_t idle_ MW_GUARDED_BY(mutex_) = 0;
  std::size_t running_ MW_GUARDED_BY(mutex_) = 0;  // without those that let others begin
  std::size_t aside_ MW_GUARDED_BY(mutex_) = 0;
  bool stopping_ MW_GUARDED_BY(mutex_) = false;
};

}  // namespace mw::serving
