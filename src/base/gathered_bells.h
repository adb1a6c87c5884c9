// Wakes other threads once for many things: while a GatheredBells lives on a thread, the bells that this thread rings
// ring when it goes. A thread that is woken for the first of several answers takes the processor from the one that
// still gives the others out, and costs both a change of context for each.
//
// Any thread, each has its own. Invariant: every bell rings at least once after the last call for it.
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace mw {

class Bell {
 public:
  Bell() = default;
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  virtual ~Bell() = default;
  /// Does not block.
  virtual void Ring() = 0;
};

class GatheredBells {
 public:
  GatheredBells() : outer_(std::exchange(current_, this)) {}
  ~GatheredBells() {
    current_ = outer_;
    for (const std::shared_ptr<Bell>& bell : bells_) Ring(bell);
  }
  GatheredBells(const GatheredBells&) = delete;
  GatheredBells& operator=(const GatheredBells&) = delete;

  /// Now, or when the outermost one that lives on this thread goes.
  static void Ring(std::shared_ptr<Bell> bell) {
    if (current_ != nullptr) {
      current_->bells_.push_back(std::move(bell));
    } else {
      bell->Ring();
    }
  }

 private:
  static inline thread_local GatheredBells* current_ = nullptr;

  GatheredBells* const outer_;
  std::vector<std::shared_ptr<Bell>> bells_;
};

}  // namespace mw
