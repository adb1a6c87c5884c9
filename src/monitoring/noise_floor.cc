// Floors by formula and by leaving one block out.
#include "monitoring/noise_floor.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/assert.h"
#include "monitoring/probability.h"

namespace mw::monitoring {

std::string_view Name(FloorMethod method) { return method == FloorMethod::kBlocks ? "blocks" : "formula"; }

double JensenShannonFloor(std::size_t bins, double n, double m, double quantile) {
  if (bins < 2 || n <= 0 || m <= 0) return 0;
  const double statistic = ChiSquareQuantile(quantile, static_cast<double>(bins - 1));
  return statistic / (8 * std::numbers::ln2) * (1 / n + 1 / m);
}

double JensenShannonMean(std::size_t bins, double n, double m) {
  if (bins < 2 || n <= 0 || m <= 0) return 0;
  return static_cast<double>(bins - 1) / (8 * std::numbers::ln2) * (1 / n + 1 / m);
}

double LInfinityFloor(Counts counts, double n, double m, double quantile) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  if (total <= 0 || n <= 0 || m <= 0) return 0;
  double widest = 0;
  for (const double count : counts) widest = std::max(widest, count / total * (1 - count / total));
  const double z = NormalQuantile(1 - (1 - quantile) / (2 * static_cast<double>(counts.size())));
  return z * std::sqrt(widest * (1 / n + 1 / m));
}

std::vector<double> LeaveOneOutDistances(std::span<const std::vector<double>> blocks, std::size_t length,
                                         double rows_min, const Distance& distance) {
  std::vector<double> out;
  if (length == 0 || blocks.size() <= length) return out;
  const std::size_t bins = blocks[0].size();
  std::vector<double> window(bins, 0.0);
  std::vector<double> rest(bins, 0.0);
  const auto add = [bins](std::vector<double>& to, const std::vector<double>& block, double sign) {
    MW_ASSERT(block.size() == bins);
    for (std::size_t i = 0; i < bins; ++i) to[i] += sign * block[i];
  };
  for (std::size_t i = 0; i < blocks.size(); ++i) add(i < length ? window : rest, blocks[i], 1);
  for (std::size_t end = length;; ++end) {
    if (std::accumulate(window.begin(), window.end(), 0.0) >= rows_min) out.push_back(distance(window, rest));
    if (end == blocks.size()) return out;
    add(window, blocks[end], 1);
    add(rest, blocks[end], -1);
    add(window, blocks[end - length], -1);
    add(rest, blocks[end - length], 1);
  }
}

double QuantileOf(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (at - std::floor(at)) * (values[high] - values[low]);
}

}  // namespace mw::monitoring
