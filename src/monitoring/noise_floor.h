// How far healthy data lie from their own baseline: a distance below its floor says nothing.
//
// By blocks (the default): rows of one hour, batch or user share values, so the floor is measured, not computed: the
// baseline is cut into every window of the monitored length, each is compared with all the rest, and the 99th
// percentile of these distances is the floor. With fewer than kBlocksMin such windows side by side there is only the
// formula for independent rows, and the floor says so. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "monitoring/distances.h"

namespace mw::monitoring {

enum class FloorMethod : std::uint8_t { kBlocks, kFormula };
std::string_view Name(FloorMethod method);  ///< "blocks", "formula"

struct Floor {
  double value = 0;
  FloorMethod method = FloorMethod::kFormula;
};

/// Windows of the monitored length that the baseline must hold side by side for a floor by blocks.
inline constexpr std::size_t kBlocksMin = 8;
inline constexpr double kBlockQuantile = 0.99;
inline constexpr double kFormulaQuantile = 0.999;

/// The quantile of the Jensen-Shannon divergence of two samples of one distribution over `bins` bins:
/// chi2inv(quantile, bins - 1) / (8 ln 2) * (1/n + 1/m). Holds while n / bins >= 5.
double JensenShannonFloor(std::size_t bins, double n, double m, double quantile);
/// Its mean: (bins - 1) / (8 ln 2) * (1/n + 1/m).
double JensenShannonMean(std::size_t bins, double n, double m);
/// z_{1-a/2K} max_v sqrt(p_v (1 - p_v) (1/n + 1/m)), a = 1 - quantile; `counts` are the baseline's.
double LInfinityFloor(Counts counts, double n, double m, double quantile);

using Distance = std::function<double(Counts window, Counts rest)>;
/// The distance of every run of `length` neighbouring blocks from all other blocks; runs with fewer than `rows_min`
/// counts are left out. `blocks`: one vector of counts each, all of one size. Empty when nothing would be left over.
std::vector<double> LeaveOneOutDistances(std::span<const std::vector<double>> blocks, std::size_t length,
                                         double rows_min, const Distance& distance);
/// By linear interpolation between the sorted values; 0 of none.
double QuantileOf(std::vector<double> values, double share);

}  // namespace mw::monitoring
