// Items from one thread to another, in order, a bounded number ahead.
//
//   producer: Push ... Push, Finish    consumer: Pop ... until nothing comes, or Close
//
// Finish: there are no more. Close: the consumer has given up, the producer's next Push says so.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace mw::steps {

template <typename Item>
class Handoff {
 public:
  explicit Handoff(std::size_t items_max) : items_max_(items_max) {}

  /// Waits while there are enough. False when the consumer has given up.
  bool Push(Item item) {
    const Lock lock(mutex_);
    while (items_.size() >= items_max_ && !closed_) changed_.Wait(mutex_);
    if (closed_) return false;
    items_.push_back(std::move(item));
    changed_.NotifyAll();
    return true;
  }
  void Finish() {
    const Lock lock(mutex_);
    finished_ = true;
    changed_.NotifyAll();
  }
  /// Waits for the next item; nothing when there are no more.
  std::optional<Item> Pop() {
    const Lock lock(mutex_);
    while (items_.empty() && !finished_) changed_.Wait(mutex_);
    if (items_.empty()) return std::nullopt;
    Item item = std::move(items_.front());
    items_.pop_front();
    changed_.NotifyAll();
    return item;
  }
  void Close() {
    const Lock lock(mutex_);
    closed_ = true;
    changed_.NotifyAll();
  }

 private:
  const std::size_t items_max_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Item> items_ MW_GUARDED_BY(mutex_);
  bool finished_ MW_GUARDED_BY(mutex_) = false;
  bool closed_ MW_GUARDED_BY(mutex_) = false;
};

}  // namespace mw::steps
