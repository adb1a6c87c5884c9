// The gaps of a calibration error over bins of equal mass, filled from the highest probability down by
// groups of equal probabilities: a group counts whole into the bin in which its middle lies. One thread.
#pragma once

#include <cmath>

#include "evaluation/ranked_rows.h"

namespace mw::evaluation {

class MassBins {
 public:
  /// `total`: the weight of all rows.
  explicit MassBins(double total) : total_(total), end_(total / kMassBins) {}

  /// `before`: the weight of the groups so far; `positives`: of those that came true.
  void Add(double before, double weight, double positives, double probability) {
    const double middle = before + weight / 2;
    while (middle >= end_ && bin_ < kMassBins - 1) Close();
    gap_ += positives - weight * probability;
  }
  /// The sum over bins of |positives - predicted|.
  double Finish() {
    Close();
    return sum_;
  }

 private:
  void Close() {
    sum_ += std::fabs(gap_);
    gap_ = 0;
    ++bin_;
    end_ = total_ * (bin_ + 1) / kMassBins;
  }
  double total_;
  double end_;
  double gap_ = 0;
  double sum_ = 0;
  int bin_ = 0;
};

}  // namespace mw::evaluation
