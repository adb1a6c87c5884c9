// Shares of attribution, and how their order changed.
#include "monitoring/attribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/assert.h"

namespace mw::monitoring {
namespace {

constexpr std::size_t kRanks = 10;

std::vector<std::size_t> Order(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  return order;
}

/// What the first ranks are worth when features stand in `order` and are worth what they were `before`.
double Gain(const std::vector<double>& before, const std::vector<std::size_t>& order) {
  double gain = 0;
  for (std::size_t i = 0; i < std::min(kRanks, order.size()); ++i) {
    gain += before[order[i]] / std::log2(static_cast<double>(i) + 2);
  }
  return gain;
}

}  // namespace

AttributionShift CompareAttributions(const std::vector<double>& before, const std::vector<double>& now) {
  MW_ASSERT(before.size() == now.size());
  const double total_before = std::accumulate(before.begin(), before.end(), 0.0);
  const double total_now = std::accumulate(now.begin(), now.end(), 0.0);
  AttributionShift out;
  if (!(total_before > 0) || !(total_now > 0)) return out;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double was = before[i] / total_before;
    const double is = now[i] / total_now;
    // Of two features the one that gained what the other lost is the one to name.
    const double tie = is > was ? 1e-12 : -1e-12;
    if (std::fabs(is - was) + tie > out.l_infinity) out = {std::fabs(is - was), 0, i, was, is};
  }
  const double ideal = Gain(before, Order(before));
  out.rank_change = ideal > 0 ? std::max(0.0, 1 - Gain(before, Order(now)) / ideal) : 0;
  return out;
}

}  // namespace mw::monitoring
