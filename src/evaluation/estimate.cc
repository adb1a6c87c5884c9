// Metrics from probabilities alone.
#include "evaluation/estimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "base/text.h"
#include "evaluation/sum.h"

namespace mw::evaluation {
namespace {

constexpr std::size_t kFolds = 3;

std::vector<std::uint32_t> OrderBy(std::span<const double> values, bool descending) {
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (values[a] != values[b]) return descending ? values[a] > values[b] : values[a] < values[b];
    return a < b;
  });
  return order;
}

// Rows of one level: their probabilities' range, how many, how many positive.
struct Pool {
  double first, last, rows, positives;
  [[nodiscard]] double share() const { return positives / rows; }
};

void PoolViolators(std::vector<Pool>& pools, Pool next) {
  while (!pools.empty() && pools.back().share() >= next.share()) {
    next = {pools.back().first, next.last, pools.back().rows + next.rows, pools.back().positives + next.positives};
    pools.pop_back();
  }
  pools.push_back(next);
}

// Rows in descending order of the model's probability, with what each is expected to be.
struct Expected {
  std::vector<double> model, calibrated;
  std::vector<std::uint32_t> blocks, group_ends;
  std::size_t num_blocks = 0;
};

Expected Arrange(std::span<const double> probabilities, std::span<const std::uint32_t> blocks,
                 const std::optional<IsotonicCalibration>& calibration) {
  Expected rows;
  for (const std::uint32_t row : OrderBy(probabilities, true)) {
    const double p = probabilities[row];
    rows.model.push_back(p);
    rows.calibrated.push_back(calibration ? (*calibration)(p) : p);
    rows.blocks.push_back(blocks.empty() ? row : blocks[row]);
    rows.num_blocks = std::max<std::size_t>(rows.num_blocks, std::size_t{rows.blocks.back()} + 1);
  }
  for (std::size_t i = 0; i < rows.model.size(); ++i) {
    if (i + 1 == rows.model.size() || rows.model[i] != rows.model[i + 1]) {
      rows.group_ends.push_back(static_cast<std::uint32_t>(i + 1));
    }
  }
  return rows;
}

// `positives` per row: its probability for the estimate, 0 or 1 in a replicate. `weights` per block.
Tally CountExpected(const Expected& rows, std::span<const double> positives, std::span<const double> weights,
                    double threshold) {
  Tally tally;
  Sum total, positive, flagged, flagged_positive, predicted, log_loss, squared, area, precision;
  double true_positives = 0, false_positives = 0;
  std::size_t row = 0;
  for (const std::uint32_t end : rows.group_ends) {
    const double p = rows.model[row];
    const double clipped = std::clamp(p, kLogLossClip, 1 - kLogLossClip);
    const double loss_positive = -std::log(clipped), loss_negative = -std::log1p(-clipped);
    double weight = 0, share = 0;
    for (; row < end; ++row) {
      const double w = weights[rows.blocks[row]];
      weight += w;
      share += w * positives[row];
    }
    if (weight == 0) continue;
    const double rest = weight - share;
    total.Add(weight);
    positive.Add(share);
    predicted.Add(weight * p);
    log_loss.Add(share * loss_positive + rest * loss_negative);
    squared.Add(share * (1 - p) * (1 - p) + rest * p * p);
    if (p >= threshold) {
      flagged.Add(weight);
      flagged_positive.Add(share);
    }
    area.Add(rest * (true_positives + share / 2));
    true_positives += share;
    false_positives += rest;
    if (share > 0) precision.Add(share * (true_positives / (true_positives + false_positives)));
  }
  tally.rows = total.Total();
  tally.positives = positive.Total();
  tally.flagged = flagged.Total();
  tally.flagged_positives = flagged_positive.Total();
  tally.predicted = predicted.Total();
  tally.log_loss = log_loss.Total();
  tally.squared_error = squared.Total();
  tally.auc_area = area.Total();
  tally.precision_sum = precision.Total();
  return tally;
}

Intervals IntervalsFor(const Expected& rows, const EstimateOptions& options) {
  if (rows.num_blocks < kBlocksMin) return {};
  Random random(options.bootstrap.seed);
  BlockDraws draws(rows.num_blocks, options.bootstrap.seed + 1);
  std::vector<double> positives(rows.model.size());
  std::vector<Scores> replicates;
  for (int i = 0; i < options.bootstrap.replicates; ++i) {
    for (std::size_t row = 0; row < positives.size(); ++row) {
      positives[row] = random.Uniform() < rows.calibrated[row] ? 1 : 0;
    }
    replicates.push_back(ScoresOf(CountExpected(rows, positives, draws.Next(), options.threshold), options.costs));
  }
  return IntervalsOf(replicates, options.bootstrap.confidence);
}

bool NeedsLabels(MetricId metric) { return metric == MetricId::kEce || metric == MetricId::kEceEqualWidth; }

// Every third row of a class belongs to a fold, in an order that the seed shuffles.
std::vector<std::uint8_t> Folds(std::span<const std::uint8_t> positives, std::uint64_t seed) {
  std::vector<std::uint32_t> order(positives.size());
  std::iota(order.begin(), order.end(), 0U);
  Random random(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);
  std::vector<std::uint8_t> folds(positives.size());
  std::array<std::size_t, 2> seen{};
  for (const std::uint32_t row : order) folds[row] = static_cast<std::uint8_t>(seen[positives[row]]++ % kFolds);
  return folds;
}

double CalibrationError(std::vector<double> probabilities, std::vector<std::uint8_t> positives) {
  const Result<RankedRows> rows = RankedRows::Make({std::move(positives), std::move(probabilities), {}}, 0.5);
  return rows.ok() ? Get(ScoresOf(Count(*rows), std::nullopt), MetricId::kEce) : 0;
}

}  // namespace

IsotonicCalibration IsotonicCalibration::Fit(std::span<const double> probabilities,
                                             std::span<const std::uint8_t> positives) {
  std::vector<Pool> pools;
  const std::vector<std::uint32_t> order = OrderBy(probabilities, false);
  for (std::size_t i = 0; i < order.size();) {
    const double p = probabilities[order[i]];
    Pool tied{p, p, 0, 0};
    for (; i < order.size() && probabilities[order[i]] == p; ++i) {
      tied.rows += 1;
      tied.positives += positives[order[i]];
    }
    PoolViolators(pools, tied);
  }
  IsotonicCalibration calibration;
  for (const Pool& pool : pools) {
    calibration.points_.push_back({pool.first, pool.share()});
    if (pool.last > pool.first) calibration.points_.push_back({pool.last, pool.share()});
  }
  return calibration;
}

double IsotonicCalibration::operator()(double probability) const {
  if (points_.empty()) return probability;
  const auto above = std::lower_bound(points_.begin(), points_.end(), probability,
                                      [](const Point& point, double p) { return point.probability < p; });
  if (above == points_.end()) return points_.back().share;
  if (above == points_.begin() || above->probability == probability) return above->share;
  const Point& below = *(above - 1);
  const double part = (probability - below.probability) / (above->probability - below.probability);
  return below.share + part * (above->share - below.share);
}

std::optional<IsotonicCalibration> CalibrateIfBetter(std::span<const double> probabilities,
                                                     std::span<const std::uint8_t> positives, std::uint64_t seed) {
  const std::vector<std::uint8_t> folds = Folds(positives, seed);
  double before = 0, after = 0;
  for (std::uint8_t fold = 0; fold < kFolds; ++fold) {
    std::vector<double> learn, held;
    std::vector<std::uint8_t> learn_positives, held_positives;
    for (std::size_t row = 0; row < folds.size(); ++row) {
      (folds[row] == fold ? held : learn).push_back(probabilities[row]);
      (folds[row] == fold ? held_positives : learn_positives).push_back(positives[row]);
    }
    if (held.empty() || learn.empty()) return std::nullopt;
    const IsotonicCalibration calibration = IsotonicCalibration::Fit(learn, learn_positives);
    before += CalibrationError(held, held_positives);
    for (double& p : held) p = std::clamp(calibration(p), 0.0, 1.0);
    after += CalibrationError(std::move(held), std::move(held_positives));
  }
  if (after >= before) return std::nullopt;
  return IsotonicCalibration::Fit(probabilities, positives);
}

Result<std::vector<MetricValue>> EstimateMetrics(std::span<const double> probabilities,
                                                 std::span<const std::uint32_t> blocks,
                                                 const std::optional<IsotonicCalibration>& calibration,
                                                 const EstimateOptions& options) {
  if (!blocks.empty() && blocks.size() != probabilities.size()) {
    return InvalidArgument(probabilities.size(), " probabilities beside ", blocks.size(), " blocks");
  }
  for (const double p : probabilities) {
    if (!(p >= 0 && p <= 1)) return InvalidArgument("the model answered ", p, "; a probability lies between 0 and 1");
  }
  const Expected rows = Arrange(probabilities, blocks, calibration);
  const std::vector<double> ones(rows.num_blocks, 1.0);
  const Tally tally = CountExpected(rows, rows.calibrated, ones, options.threshold);
  const Scores scores = ScoresOf(tally, options.costs);
  const Intervals intervals = IntervalsFor(rows, options);
  std::vector<MetricValue> values;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const auto metric = static_cast<MetricId>(i);
    MetricValue value{.metric = std::string(MetricName(metric)), .rows = static_cast<std::int64_t>(rows.model.size())};
    if (NeedsLabels(metric)) {
      value.reason = kNeedsLabels;
    } else if (!std::isfinite(scores[i])) {
      value.reason = WhyUndefined(metric, tally, options.costs.has_value());
    } else {
      value.value = scores[i];
      if (intervals[i]) {
        value.low = std::min(intervals[i]->low, scores[i]);
        value.high = std::max(intervals[i]->high, scores[i]);
      }
    }
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace mw::evaluation
