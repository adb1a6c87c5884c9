// Doubling, bisection, confirmation.
#include "load/rate_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mw::load {
namespace {

struct Bounds {
  double limit = std::numeric_limits<double>::infinity();  ///< the lowest rate that failed
  double best = 0;                                         ///< the highest below it that held
  int held_times = 0;
};

Bounds BoundsOf(std::span<const Trial> trials) {
  Bounds bounds;
  for (const Trial& trial : trials) {
    if (!trial.held) bounds.limit = std::min(bounds.limit, trial.rate);
  }
  for (const Trial& trial : trials) {
    if (trial.held && trial.rate < bounds.limit) bounds.best = std::max(bounds.best, trial.rate);
  }
  for (const Trial& trial : trials) bounds.held_times += trial.held && trial.rate == bounds.best ? 1 : 0;
  return bounds;
}

/// The rate between the two, or nothing when they are near enough.
std::optional<double> Between(const Bounds& bounds, double precision) {
  if (std::isinf(bounds.limit) || bounds.limit <= bounds.best * (1 + precision)) return std::nullopt;
  const double middle = RoundRate((bounds.best + bounds.limit) / 2);
  if (middle <= bounds.best || middle >= bounds.limit) return std::nullopt;
  return middle;
}

}  // namespace

double RoundRate(double rate) {
  if (!(rate > 0)) return 0;
  const double unit = std::pow(10, std::floor(std::log10(rate)) - 2);
  return std::round(rate / unit) * unit;
}

SearchStep NextTrial(std::span<const Trial> trials, const SearchOptions& options) {
  const Bounds bounds = BoundsOf(trials);
  SearchStep step{std::nullopt, bounds.best, bounds.held_times, bounds.held_times > options.confirmations};
  if (std::ssize(trials) >= options.trials_max) return step;
  if (trials.empty()) {
    step.next = options.first;
  } else if (std::isinf(bounds.limit) && bounds.best < options.rate_max) {
    step.next = std::min(options.rate_max, bounds.best * 2);
  } else if (bounds.best == 0) {
    const double lower = RoundRate(bounds.limit / 2);
    if (lower >= options.rate_min) step.next = lower;
  } else if (const auto middle = Between(bounds, options.precision)) {
    step.next = middle;
  } else if (!step.confirmed) {
    step.next = bounds.best;
  }
  return step;
}

}  // namespace mw::load
