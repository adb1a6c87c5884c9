// Block bootstrap.
#include "evaluation/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace mw::evaluation {
namespace {

// Poisson(1) by inversion: P(X <= k) for k = 0, 1, ... as 64-bit thresholds; beyond 18 is less than 2^-64.
class PoissonOne {
 public:
  PoissonOne() {
    double probability = std::exp(-1.0), cumulative = 0;
    for (std::size_t k = 0; k < below_.size(); ++k) {
      cumulative += probability;
      probability /= static_cast<double>(k + 1);
      below_[k] = cumulative;
    }
  }
  double Draw(Random& random) const {
    const double uniform = random.Uniform();
    std::size_t k = 0;
    while (k < below_.size() && uniform >= below_[k]) ++k;
    return static_cast<double>(k);
  }

 private:
  std::array<double, 18> below_{};
};

}  // namespace

double Quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - std::floor(at)) * (sorted[above] - sorted[below]);
}

std::span<const double> BlockDraws::Next() {
  static const PoissonOne poisson;
  for (double& weight : weights_) weight = poisson.Draw(random_);
  return weights_;
}

std::optional<Interval> PercentileInterval(std::vector<double>& values, double confidence) {
  const std::size_t replicates = values.size();
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (values.empty() || values.size() * 100 < replicates * 95) return std::nullopt;
  std::sort(values.begin(), values.end());
  const double tail = (1 - confidence) / 2;
  return Interval{Quantile(values, tail), Quantile(values, 1 - tail)};
}

std::vector<Scores> Replicates(const RankedRows& rows, const std::optional<CostRates>& costs,
                               const BootstrapOptions& options) {
  BlockDraws draws(rows.num_blocks(), options.seed);
  std::vector<Scores> replicates;
  replicates.reserve(static_cast<std::size_t>(options.replicates));
  for (int i = 0; i < options.replicates; ++i) {
    replicates.push_back(ScoresOf(Count(rows, draws.Next()), costs));
  }
  return replicates;
}

Intervals IntervalsOf(const std::vector<Scores>& replicates, double confidence) {
  MW_ASSERT(confidence > 0 && confidence < 1);
  Intervals intervals;
  std::vector<double> values;
  for (std::size_t metric = 0; metric < kMetricCount; ++metric) {
    values.clear();
    for (const Scores& scores : replicates) values.push_back(scores[metric]);
    intervals[metric] = PercentileInterval(values, confidence);
  }
  return intervals;
}

Intervals BootstrapIntervals(const RankedRows& rows, const std::optional<CostRates>& costs,
                             const BootstrapOptions& options) {
  if (rows.num_blocks() < kBlocksMin) return {};
  return IntervalsOf(Replicates(rows, costs, options), options.confidence);
}

std::vector<Gain> Compare(const RankedRows& candidate, const RankedRows& baseline,
                          const std::optional<CostRates>& costs, const BootstrapOptions& options) {
  MW_ASSERT(candidate.size() == baseline.size() && candidate.num_blocks() == baseline.num_blocks());
  const Scores own = ScoresOf(Count(candidate), costs), other = ScoresOf(Count(baseline), costs);
  Intervals intervals;
  if (candidate.num_blocks() >= kBlocksMin) {
    std::vector<Scores> replicates = Replicates(candidate, costs, options);
    const std::vector<Scores> others = Replicates(baseline, costs, options);
    for (std::size_t i = 0; i < replicates.size(); ++i) {
      for (std::size_t metric = 0; metric < kMetricCount; ++metric) replicates[i][metric] -= others[i][metric];
    }
    intervals = IntervalsOf(replicates, options.confidence);
  }
  std::vector<Gain> gains;
  for (std::size_t metric = 0; metric < kMetricCount; ++metric) {
    gains.push_back(
        {std::string(MetricName(static_cast<MetricId>(metric))), own[metric] - other[metric], intervals[metric]});
  }
  return gains;
}

}  // namespace mw::evaluation
