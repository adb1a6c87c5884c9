// Every metric of a binary classifier, from one pass over ranked rows.
//
// Weights are given per block (a plain evaluation: all 1; a bootstrap replicate: how often the block was
// drawn). What cannot be computed is NaN here and a null with a reason in the report: never 0 or 0.5.
// Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "evaluation/ranked_rows.h"

namespace mw::evaluation {

enum class MetricId : std::uint8_t {
  kRocAuc,
  kAveragePrecision,
  kLogLoss,
  kBrier,
  kEce,
  kEceEqualWidth,
  kPrecision,
  kRecall,
  kF1,
  kAccuracy,
  kMcc,
  kSaving,
  kFlaggedShare,
  kPositiveShare,
  kMeanPredicted,
};
inline constexpr std::size_t kMetricCount = 15;
/// The id under which goals, gates and charts know it (goals/metric.h).
std::string_view MetricName(MetricId metric);
std::optional<MetricId> MetricFromName(std::string_view name);

/// What a mistake costs, in one currency.
struct CostRates {
  double missed = 0;   ///< a positive that was not flagged
  double flagged = 0;  ///< any flagged row
};

/// Weighted sums of one pass.
struct Tally {
  double rows = 0, positives = 0;
  double flagged = 0, flagged_positives = 0;
  double predicted = 0, log_loss = 0, squared_error = 0;
  double auc_area = 0;       ///< pairs ranked right, ties half
  double precision_sum = 0;  ///< sum of precision over positives, at the end of their group of ties
  double mass_gap = 0;       ///< sum over bins of equal mass of |positives - predicted|
  double width_gap = 0;      ///< the same over bins of equal width
};

/// `block_weights`: one for each block, finite and not negative; empty: all 1.
///
/// A group of equal probabilities is never cut: it counts into the bin of equal mass in which its middle
/// lies, so the order of rows cannot change the calibration error.
Tally Count(const RankedRows& rows, std::span<const double> block_weights = {});

using Scores = std::array<double, kMetricCount>;

/// With [n] rows, P positives, TP, FP at the threshold:
///   roc_auc = auc_area / (P (n - P))          average_precision = sum (R_k - R_{k-1}) Prec_k
///   saving = 1 - (missed FN + flagged (TP + FP)) / min(flagged n, missed P)
Scores ScoresOf(const Tally& tally, const std::optional<CostRates>& costs);
inline double Get(const Scores& scores, MetricId metric) { return scores[static_cast<std::size_t>(metric)]; }

/// What the better of flagging every row and flagging none costs.
double RuleCost(const Tally& tally, const CostRates& costs);
/// Why the metric is NaN for this tally, in words for people.
std::string WhyUndefined(MetricId metric, const Tally& tally, bool has_costs);

}  // namespace mw::evaluation
