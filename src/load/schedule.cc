// The inverse of the planned number of requests.
#include "load/schedule.h"

#include <cmath>

#include "base/assert.h"

namespace mw::load {
double RatePlan::Expected(Duration until) const {
  const double t = Seconds(until);
  return from * t + (to - from) * t * t / (2 * Seconds(duration));
}

double RatePlan::RateAt(Duration at) const { return from + (to - from) * Seconds(at) / Seconds(duration); }

Schedule::Schedule(const RatePlan& plan, int part, int parts)
    : plan_(plan), random_(plan.seed), skip_(part), parts_(parts) {
  MW_ASSERT(plan.duration.count() > 0 && plan.from >= 0 && plan.to >= 0 && part >= 0 && part < parts);
}

std::optional<std::int64_t> Schedule::Next() {
  for (; skip_ >= 0; --skip_) number_ += plan_.arrivals == Arrivals::kEven ? 1 : -std::log1p(-random_.Uniform());
  skip_ = parts_ - 1;
  // Even arrivals begin at the start.
  return TimeOf(plan_.arrivals == Arrivals::kEven ? number_ - 1 : number_);
}

std::optional<std::int64_t> Schedule::TimeOf(double number) const {
  const double seconds = Seconds(plan_.duration);
  const double bend = 2 * (plan_.to - plan_.from) / seconds;
  const double root = plan_.from * plan_.from + bend * number;
  if (root < 0) return std::nullopt;  // a ramp down to nothing never gets there
  const double divisor = plan_.from + std::sqrt(root);
  const double at = number <= 0 ? 0 : 2 * number / divisor;
  if (!(at < seconds)) return std::nullopt;
  return static_cast<std::int64_t>(at * 1e9);
}

}  // namespace mw::load
