// When requests are due: a plan of rates as arrival times, known before the first answer comes, so that a slow server
// cannot slow its own load down. Pure; one thread.
//
// The k-th arrival is where the planned number of requests N(t) = from t + (to - from) t^2 / 2T reaches k (even) or
// the k-th point of a Poisson process of rate 1 (independent clients). Invariant: arrivals ascend; the same plan gives
// the same arrivals; the parts of a schedule are disjoint and together all of it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/random.h"

namespace mw::load {

enum class Arrivals : std::uint8_t { kPoisson, kEven };

struct RatePlan {
  double from = 0;  ///< requests a second at the start, >= 0
  double to = 0;    ///< at the end; another value is a ramp
  Duration duration{0};
  Arrivals arrivals = Arrivals::kPoisson;
  std::uint64_t seed = 1;

  /// How many requests are due by then, on average.
  [[nodiscard]] double Expected(Duration until) const;
  /// Planned requests a second at that time.
  [[nodiscard]] double RateAt(Duration at) const;
};

class Schedule {
 public:
  /// Every `parts`-th arrival, beginning with number `part` (from 0).
  explicit Schedule(const RatePlan& plan, int part = 0, int parts = 1);
  /// Nanoseconds from the start; nothing once the plan is over.
  std::optional<std::int64_t> Next();

 private:
  [[nodiscard]] std::optional<std::int64_t> TimeOf(double number) const;
  RatePlan plan_;
  Random random_;
  int skip_;  // arrivals of other parts before the next of this one
  int parts_;
  double number_ = 0;
};

}  // namespace mw::load
