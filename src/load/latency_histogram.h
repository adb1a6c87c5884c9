// How long requests took, in bounded memory: a log-linear histogram of microseconds. Below 256 us every value has a
// bucket of its own, above that each octave has 128, so that a percentile is off by at most 0.4 %.
//
// Requests that failed or were never sent have no latency; they count as slower than every other, so that a server
// does not look fast by refusing. One thread; histograms of several threads are merged. Invariants: count() is the
// number of Add and AddUnbounded; Merge gives what adding all to one would have given.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace mw::load {

class LatencyHistogram {
 public:
  static constexpr double kRelativeErrorMax = 1.0 / 256;
  /// Longer ones count as this: about 12 days.
  static constexpr std::int64_t kLargestMicros = (std::int64_t{1} << 40) - 1;
  /// A percentile that falls among the requests without a latency.
  static constexpr Duration kNoBound = Duration::max();

  LatencyHistogram();

  /// A negative latency counts as 0.
  void Add(Duration latency);
  /// Requests without a latency.
  void AddUnbounded(std::uint64_t count = 1);
  void Merge(const LatencyHistogram& other);

  [[nodiscard]] std::uint64_t count() const { return bounded_ + unbounded_; }
  [[nodiscard]] std::uint64_t unbounded() const { return unbounded_; }
  /// The value at rank ceil(share * count()), share within 0..1; kNoBound; 0 when there is none at all.
  [[nodiscard]] Duration Percentile(double share) const;
  /// The share of all whose latency is at most `bound`, to the histogram's error; 1 when there is none.
  [[nodiscard]] double ShareWithin(Duration bound) const;
  /// Of those with a latency, exact; 0 when there is none.
  [[nodiscard]] Duration max() const { return Duration(max_); }
  [[nodiscard]] double MeanMicros() const;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t bounded_ = 0;
  std::uint64_t unbounded_ = 0;
  std::int64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace mw::load
