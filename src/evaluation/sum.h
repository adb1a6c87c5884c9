// A sum of doubles that does not lose the small ones beside the large (Neumaier 1974): the order of rows
// changes a metric by no more than about one unit in the last place. One thread; no allocation.
#pragma once

#include <cmath>

namespace mw::evaluation {

class Sum {
 public:
  void Add(double value) {
    const double next = total_ + value;
    lost_ += std::fabs(total_) >= std::fabs(value) ? (total_ - next) + value : (value - next) + total_;
    total_ = next;
  }
  /// NaN once an infinity or a NaN was added.
  [[nodiscard]] double Total() const { return total_ + lost_; }

 private:
  double total_ = 0;
  double lost_ = 0;
};

}  // namespace mw::evaluation
