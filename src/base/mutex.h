// std::mutex with the annotations that clang's -Wthread-safety checks. State the guarded members
// with MW_GUARDED_BY and the private methods that want the lock held with MW_REQUIRES.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define MW_ATTRIBUTE(x) __attribute__((x))
#else
#define MW_ATTRIBUTE(x)
#endif
#define MW_GUARDED_BY(mutex) MW_ATTRIBUTE(guarded_by(mutex))
#define MW_REQUIRES(...) MW_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define MW_EXCLUDES(...) MW_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace mw {

class MW_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() MW_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() MW_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class MW_ATTRIBUTE(scoped_lockable) Lock {
 public:
  explicit Lock(Mutex& mutex) MW_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() MW_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

/// Waits with a Mutex that the caller holds. Use in a loop over the condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) MW_REQUIRES(mutex) { condition_.wait(mutex); }
  /// False when `duration` passed first.
  template <typename Duration>
  bool WaitFor(Mutex& mutex, Duration duration) MW_REQUIRES(mutex) {
    return condition_.wait_for(mutex, duration) == std::cv_status::no_timeout;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

}  // namespace mw
