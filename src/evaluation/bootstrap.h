// Intervals by resampling whole blocks: each replicate draws every block Poisson(1) times (for many
// blocks the same as drawing with replacement) and computes every metric anew. The interval is the
// percentile one; the point estimate is never resampled.
//
// Deterministic for a seed and a number of blocks, on every machine. Two models on the same rows get the
// same draws, so their difference can be taken replicate by replicate.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "evaluation/ranked_rows.h"
#include "evaluation/scores.h"

namespace mw::evaluation {

/// Fewer independent blocks than this give no interval.
inline constexpr std::size_t kBlocksMin = 20;

struct BootstrapOptions {
  int replicates = 1000;
  double confidence = 0.95;  ///< in (0, 1)
  std::uint64_t seed = 1;
  bool keep_draws = false;  ///< in the report, so that another evaluation of the same rows can be paired with it
};

struct Interval {
  double low = 0, high = 0;
};

/// How often each block is drawn, replicate by replicate.
class BlockDraws {
 public:
  BlockDraws(std::size_t blocks, std::uint64_t seed) : random_(seed), weights_(blocks) {}
  /// Valid until the next call.
  std::span<const double> Next();

 private:
  Random random_;
  std::vector<double> weights_;
};

/// Linear interpolation between order statistics (Hyndman and Fan's type 7). `sorted` is not empty.
double Quantile(const std::vector<double>& sorted, double share);

/// Of one metric's replicates, in any order; what is not finite is taken out. Absent where fewer than 95 %
/// of them are left.
std::optional<Interval> PercentileInterval(std::vector<double>& replicates, double confidence);

/// Absent where fewer than 95 % of the replicates had a value, or there are fewer than kBlocksMin blocks.
using Intervals = std::array<std::optional<Interval>, kMetricCount>;

/// One element per replicate.
std::vector<Scores> Replicates(const RankedRows& rows, const std::optional<CostRates>& costs,
                               const BootstrapOptions& options);
Intervals IntervalsOf(const std::vector<Scores>& replicates, double confidence);
Intervals BootstrapIntervals(const RankedRows& rows, const std::optional<CostRates>& costs,
                             const BootstrapOptions& options);

/// What a candidate gains over a baseline on the same rows (candidate - baseline).
struct Gain {
  std::string metric;
  double value = 0;  ///< NaN when either side is undefined
  std::optional<Interval> interval;
};
/// Paired: both see the same draws. `candidate` and `baseline` were made of the same rows and blocks.
std::vector<Gain> Compare(const RankedRows& candidate, const RankedRows& baseline,
                          const std::optional<CostRates>& costs, const BootstrapOptions& options);

}  // namespace mw::evaluation
