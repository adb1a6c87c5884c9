// The pass over ranked rows and the formulas.
#include "evaluation/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/assert.h"
#include "base/text.h"
#include "evaluation/mass_bins.h"
#include "evaluation/ratio.h"
#include "evaluation/sum.h"

namespace mw::evaluation {
namespace {

constexpr std::array<std::string_view, kMetricCount> kMetricNames = {
    "roc_auc", "average_precision", "log_loss", "brier",  "ece",           "ece_equal_width", "precision",     "recall",
    "f1",      "accuracy",          "mcc",      "saving", "flagged_share", "positive_share",  "mean_predicted"};

void CountBlocks(const RankedRows& rows, std::span<const double> weights, Tally& tally) {
  Sum predicted, log_loss, squared_error;
  std::array<Sum, kWidthBins> gaps;
  const auto blocks = rows.block_sums();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const double weight = weights.empty() ? 1 : weights[i];
    if (weight == 0) continue;
    const RankedRows::BlockSums& sums = blocks[i];
    tally.rows += weight * sums.rows;
    tally.positives += weight * sums.positives;
    tally.flagged += weight * sums.flagged;
    tally.flagged_positives += weight * sums.flagged_positives;
    predicted.Add(weight * sums.predicted);
    log_loss.Add(weight * sums.log_loss);
    squared_error.Add(weight * sums.squared_error);
    for (std::size_t bin = 0; bin < kWidthBins; ++bin) gaps[bin].Add(weight * sums.width_gap[bin]);
  }
  tally.predicted = predicted.Total();
  tally.log_loss = log_loss.Total();
  tally.squared_error = squared_error.Total();
  for (const Sum& gap : gaps) tally.width_gap += std::fabs(gap.Total());
}

// The hot loop of the bootstrap: one weight look-up per row, all else per group of ties.
void CountRanks(const RankedRows& rows, std::span<const double> weights, Tally& tally) {
  const double* weight_of = weights.data();
  const std::uint32_t* block = rows.blocks().data();
  const std::uint8_t* positive = rows.positives().data();
  const double* probability = rows.probabilities().data();
  Sum precision_sum, auc_area;
  MassBins bins(tally.rows);
  double true_positives = 0, false_positives = 0;
  std::uint32_t row = 0;
  for (const std::uint32_t end : rows.group_ends()) {
    const double p = probability[row];
    double weight = 0, positives = 0;
    for (; row < end; ++row) {
      const double w = weight_of[block[row]];
      weight += w;
      positives += positive[row] != 0 ? w : 0.0;
    }
    if (weight == 0) continue;
    bins.Add(true_positives + false_positives, weight, positives, p);
    auc_area.Add((weight - positives) * (true_positives + positives / 2));
    true_positives += positives;
    false_positives += weight - positives;
    if (positives > 0) precision_sum.Add(positives * (true_positives / (true_positives + false_positives)));
  }
  tally.auc_area = auc_area.Total();
  tally.precision_sum = precision_sum.Total();
  tally.mass_gap = bins.Finish();
}

double F1(const Tally& t) { return Ratio(2 * t.flagged_positives, t.flagged + t.positives); }

double Accuracy(const Tally& t) {
  const double true_negatives = t.rows - t.positives - (t.flagged - t.flagged_positives);
  return Ratio(t.flagged_positives + true_negatives, t.rows);
}

double Mcc(const Tally& t) {
  const double tp = t.flagged_positives, fp = t.flagged - tp, fn = t.positives - tp, tn = t.rows - t.positives - fp;
  // Roots one by one: the product of four counts would overflow long before its root does.
  const double scale =
      std::sqrt(t.flagged) * std::sqrt(t.positives) * std::sqrt(t.rows - t.positives) * std::sqrt(t.rows - t.flagged);
  return Ratio(tp * tn - fp * fn, scale);
}

double Saving(const Tally& t, const std::optional<CostRates>& costs) {
  if (!costs) return std::numeric_limits<double>::quiet_NaN();
  const double cost = costs->missed * (t.positives - t.flagged_positives) + costs->flagged * t.flagged;
  return 1 - Ratio(cost, RuleCost(t, *costs));
}

}  // namespace

std::string_view MetricName(MetricId metric) { return kMetricNames[static_cast<std::size_t>(metric)]; }

std::optional<MetricId> MetricFromName(std::string_view name) {
  const auto* const found = std::find(kMetricNames.begin(), kMetricNames.end(), name);
  if (found == kMetricNames.end()) return std::nullopt;
  return static_cast<MetricId>(found - kMetricNames.begin());
}

Tally Count(const RankedRows& rows, std::span<const double> block_weights) {
  Tally tally;
  std::vector<double> ones;
  if (block_weights.empty()) {
    ones.assign(rows.num_blocks(), 1.0);
    block_weights = ones;
  }
  MW_ASSERT(block_weights.size() == rows.num_blocks());
  CountBlocks(rows, block_weights, tally);
  CountRanks(rows, block_weights, tally);
  return tally;
}

double RuleCost(const Tally& tally, const CostRates& costs) {
  return std::min(costs.flagged * tally.rows, costs.missed * tally.positives);
}

Scores ScoresOf(const Tally& t, const std::optional<CostRates>& costs) {
  Scores scores;
  const auto set = [&](MetricId metric, double value) { scores[static_cast<std::size_t>(metric)] = value; };
  set(MetricId::kRocAuc, Ratio(t.auc_area, t.positives * (t.rows - t.positives)));
  set(MetricId::kAveragePrecision, Ratio(t.precision_sum, t.positives));
  set(MetricId::kLogLoss, Ratio(t.log_loss, t.rows));
  set(MetricId::kBrier, Ratio(t.squared_error, t.rows));
  set(MetricId::kEce, Ratio(t.mass_gap, t.rows));
  set(MetricId::kEceEqualWidth, Ratio(t.width_gap, t.rows));
  set(MetricId::kPrecision, Ratio(t.flagged_positives, t.flagged));
  set(MetricId::kRecall, Ratio(t.flagged_positives, t.positives));
  set(MetricId::kF1, F1(t));
  set(MetricId::kAccuracy, Accuracy(t));
  set(MetricId::kMcc, Mcc(t));
  set(MetricId::kSaving, Saving(t, costs));
  set(MetricId::kFlaggedShare, Ratio(t.flagged, t.rows));
  set(MetricId::kPositiveShare, Ratio(t.positives, t.rows));
  set(MetricId::kMeanPredicted, Ratio(t.predicted, t.rows));
  return scores;
}

std::string WhyUndefined(MetricId metric, const Tally& tally, bool has_costs) {
  if (tally.rows == 0) return "there are no rows";
  if (metric == MetricId::kSaving) {
    return has_costs ? "the better rule without a model costs nothing" : "the goal names no costs";
  }
  if (metric == MetricId::kPrecision) return "no row is flagged at the threshold";
  if (metric == MetricId::kMcc && (tally.flagged == 0 || tally.flagged == tally.rows)) {
    return tally.flagged == 0 ? "no row is flagged at the threshold" : "every row is flagged at the threshold";
  }
  if (tally.positives == 0) return "no row is positive";
  if (tally.positives == tally.rows) return "no row is negative";
  return "the value is not finite";
}

}  // namespace mw::evaluation
