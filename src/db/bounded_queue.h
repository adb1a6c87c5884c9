// A first-in first-out queue between threads with a bound and an end. Any thread may push; the threads
// that take wait for something to come (for more than one item only when they are alone in taking).
// The invariant: what was pushed is taken, once, in order.
#pragma once

#include <cstddef>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"

namespace mw::db {

enum class Pushed { kYes, kFull, kClosed };

template <typename Item>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t bound) : bound_(bound) {}

  /// When the queue is full or closed, `item` stays with the caller.
  Pushed Push(Item& item) {
    {
      const Lock lock(mutex_);
      if (closed_) return Pushed::kClosed;
      if (items_.size() >= bound_) return Pushed::kFull;
      items_.push_back(std::move(item));
      if (items_.size() < enough_) return Pushed::kYes;
    }
    filled_.NotifyOne();
    return Pushed::kYes;
  }

  /// Waits for at least one item, then up to `patience` for `enough` of them, and takes up to `most`.
  /// Empty once the queue is closed and drained.
  std::vector<Item> Take(std::size_t most, std::size_t enough = 1, Duration patience = Duration(0)) {
    const Lock lock(mutex_);
    while (items_.empty() && !closed_) filled_.Wait(mutex_);
    if (items_.size() < enough && !closed_) WaitForEnough(enough, patience);
    const auto count = static_cast<std::ptrdiff_t>(items_.size() < most ? items_.size() : most);
    std::vector<Item> taken(std::make_move_iterator(items_.begin()), std::make_move_iterator(items_.begin() + count));
    items_.erase(items_.begin(), items_.begin() + count);
    return taken;
  }

  void Close() {
    {
      const Lock lock(mutex_);
      closed_ = true;
    }
    filled_.NotifyAll();
  }

 private:
  void WaitForEnough(std::size_t enough, Duration patience) MW_REQUIRES(mutex_) {
    const RealClock clock;
    const Duration end = clock.Elapsed() + patience;
    enough_ = enough;
    for (Duration left = patience; items_.size() < enough && !closed_ && left > Duration(0);
         left = end - clock.Elapsed()) {
      filled_.WaitFor(mutex_, left);
    }
    enough_ = 1;
  }

  const std::size_t bound_;
  Mutex mutex_;
  CondVar filled_;
  std::deque<Item> items_ MW_GUARDED_BY(mutex_);
  std::size_t enough_ MW_GUARDED_BY(mutex_) = 1;  // fewer items wake nobody
  bool closed_ MW_GUARDED_BY(mutex_) = false;
};

}  // namespace mw::db
