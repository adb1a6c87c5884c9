// Overall, slices and baselines.
#include "evaluation/evaluate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"

namespace mw::evaluation {
namespace {

std::int64_t Whole(double count) { return std::llround(count); }

std::int64_t RowsBehind(MetricId metric, const Tally& tally) {
  if (metric == MetricId::kPrecision) return Whole(tally.flagged);
  if (metric == MetricId::kRecall || metric == MetricId::kAveragePrecision) return Whole(tally.positives);
  return Whole(tally.rows);
}

MetricValue ValueOf(MetricId metric, const Tally& tally, const Scores& scores, bool has_costs) {
  MetricValue value{.metric = std::string(MetricName(metric)), .rows = RowsBehind(metric, tally)};
  const double score = Get(scores, metric);
  if (std::isfinite(score)) {
    value.value = score;
  } else {
    value.reason = WhyUndefined(metric, tally, has_costs);
  }
  return value;
}

std::vector<MetricValue> PointValues(const RankedRows& rows, const EvaluateOptions& options) {
  const Tally tally = Count(rows);
  const Scores scores = ScoresOf(tally, options.costs);
  std::vector<MetricValue> values;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    values.push_back(ValueOf(static_cast<MetricId>(i), tally, scores, options.costs.has_value()));
  }
  return values;
}

// Sampling noise adds to a calibration error, so all replicates of a small one may lie above it: the
// interval is widened to its point then, never narrowed.
std::vector<MetricValue> WithIntervals(std::vector<MetricValue> values, const Intervals& intervals) {
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    if (!values[i].value || !intervals[i]) continue;
    values[i].low = std::min(intervals[i]->low, *values[i].value);
    values[i].high = std::max(intervals[i]->high, *values[i].value);
  }
  return values;
}

std::vector<MetricValue> ValuesWithIntervals(const RankedRows& rows, const EvaluateOptions& options) {
  return WithIntervals(PointValues(rows, options), BootstrapIntervals(rows, options.costs, options.bootstrap));
}

// The same, and each draw is kept.
void MeasureKeepingDraws(const RankedRows& rows, const EvaluateOptions& options, Report& report) {
  if (rows.num_blocks() < kBlocksMin) {
    report.overall = PointValues(rows, options);
    return;
  }
  const std::vector<Scores> replicates = Replicates(rows, options.costs, options.bootstrap);
  report.overall = WithIntervals(PointValues(rows, options), IntervalsOf(replicates, options.bootstrap.confidence));
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    if (!report.overall[i].value) continue;
    std::vector<double>& draws = report.draws[report.overall[i].metric];
    for (const Scores& scores : replicates) draws.push_back(scores[i]);
  }
}

Counts CountsOf(const RankedRows& rows) {
  const auto positives = std::count(rows.positives().begin(), rows.positives().end(), std::uint8_t{1});
  return {static_cast<std::int64_t>(rows.size()), positives, static_cast<std::int64_t>(rows.num_blocks())};
}

std::string WhyInsufficient(const Counts& counts, const EvaluateOptions& options) {
  const std::int64_t negatives = counts.rows - counts.positives;
  if (counts.rows < options.slice_rows_min) {
    return Cat("insufficient data: ", counts.rows, " rows, need ", options.slice_rows_min);
  }
  if (counts.positives < kClassMin) {
    return Cat("insufficient data: ", counts.positives, " positives, need ", kClassMin);
  }
  if (negatives < kClassMin) return Cat("insufficient data: ", negatives, " negatives, need ", kClassMin);
  return {};
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kMetricCount; ++i) names.emplace_back(MetricName(static_cast<MetricId>(i)));
  return names;
}

SliceReport EvaluateSlice(const RankedRows& rows, const SliceColumn& column, std::uint32_t code,
                          const EvaluateOptions& options) {
  std::vector<std::uint8_t> keep(column.codes.size());
  std::transform(column.codes.begin(), column.codes.end(), keep.begin(),
                 [code](std::uint32_t other) { return static_cast<std::uint8_t>(other == code); });
  const RankedRows subset = rows.Subset(keep);
  SliceReport slice{.column = column.name, .value = column.values[code], .counts = CountsOf(subset)};
  slice.reason = WhyInsufficient(slice.counts, options);
  slice.sufficient = slice.reason.empty();
  slice.metrics =
      slice.sufficient ? ValuesWithIntervals(subset, options) : Withheld(Names(), slice.counts.rows, slice.reason);
  return slice;
}

Result<RankedRows> Constant(const ScoredRows& rows, double probability, double threshold) {
  return RankedRows::Make({rows.positives, std::vector<double>(rows.positives.size(), probability), rows.blocks},
                          threshold);
}

bool DependsOnThreshold(MetricId metric) { return metric >= MetricId::kPrecision && metric <= MetricId::kFlaggedShare; }

// The cheaper of the two rules; without costs the one that is right more often. A rule has no
// probabilities, so only what follows from flags has a value.
Result<Baseline> NoModel(const ScoredRows& rows, const Tally& tally, const EvaluateOptions& options) {
  const bool flag_all = options.costs ? options.costs->flagged * tally.rows < options.costs->missed * tally.positives
                                      : tally.positives * 2 > tally.rows;
  const RankedRows flagged = TRY(Constant(rows, flag_all ? 1 : 0, 0.5));
  Baseline baseline{flag_all ? "flag every row" : "flag none", PointValues(flagged, options)};
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    if (DependsOnThreshold(static_cast<MetricId>(i)) || static_cast<MetricId>(i) == MetricId::kPositiveShare) continue;
    baseline.metrics[i].value.reset();
    baseline.metrics[i].reason = "a rule has no probabilities";
  }
  return baseline;
}

Result<Baseline> TrivialModel(const ScoredRows& rows, const Tally& tally, const EvaluateOptions& options) {
  const double own_share = tally.rows > 0 ? tally.positives / tally.rows : 0;
  const double probability = std::clamp(options.trivial_probability.value_or(own_share), 0.0, 1.0);
  const RankedRows constant = TRY(Constant(rows, probability, options.threshold));
  return Baseline{Cat("every row ", Fixed(probability * 100, 1), " %"), PointValues(constant, options)};
}

}  // namespace

Result<Report> Evaluate(const ScoredRows& rows, const std::vector<SliceColumn>& slices,
                        const EvaluateOptions& options) {
  TRY(CheckSlices(rows.probabilities.size(), slices));
  const RankedRows ranked = TRY(RankedRows::Make(rows, options.threshold));
  const Tally tally = Count(ranked);
  Report report;
  report.threshold = options.threshold;
  report.confidence = options.bootstrap.confidence;
  report.replicates = options.bootstrap.replicates;
  report.seed = options.bootstrap.seed;
  report.counts = CountsOf(ranked);
  if (options.bootstrap.keep_draws) {
    MeasureKeepingDraws(ranked, options, report);
  } else {
    report.overall = ValuesWithIntervals(ranked, options);
  }
  report.no_model = TRY(NoModel(rows, tally, options));
  report.trivial_model = TRY(TrivialModel(rows, tally, options));
  if (options.costs) {
    report.rule_cost = RuleCost(tally, *options.costs);
    report.cost =
        options.costs->missed * (tally.positives - tally.flagged_positives) + options.costs->flagged * tally.flagged;
  }
  for (const SliceColumn& column : slices) {
    for (const std::uint32_t code : ByName(column)) {
      report.slices.push_back(EvaluateSlice(ranked, column, code, options));
    }
  }
  report.curve = Curve(ranked, options.costs);
  report.calibration = Calibration(ranked);
  return report;
}

std::vector<CurvePoint> Curve(const RankedRows& rows, const std::optional<CostRates>& costs) {
  const Tally total = Count(rows);
  std::vector<CurvePoint> points;
  double flagged = 0, flagged_positives = 0;
  std::size_t row = 0;
  for (const std::uint32_t end : rows.group_ends()) {
    const double threshold = rows.probabilities()[row];
    for (; row < end; ++row) flagged_positives += rows.positives()[row];
    flagged = static_cast<double>(end);
    const auto due = static_cast<double>(points.size() + 1) / kCurvePointsMax * total.rows;
    if (flagged < due && end != rows.size()) continue;
    Tally at = total;
    at.flagged = flagged;
    at.flagged_positives = flagged_positives;
    const Scores scores = ScoresOf(at, costs);
    const double saving = Get(scores, MetricId::kSaving), recall = Get(scores, MetricId::kRecall);
    const double negatives = total.rows - total.positives;
    points.push_back({threshold, negatives > 0 ? (flagged - flagged_positives) / negatives : 0,
                      std::isfinite(recall) ? recall : 0, Get(scores, MetricId::kPrecision), flagged / total.rows,
                      std::isfinite(saving) ? std::optional(saving) : std::nullopt});
  }
  return points;
}

std::vector<CalibrationBin> Calibration(const RankedRows& rows) {
  std::array<CalibrationBin, kMassBins> bins{};
  std::size_t begin = 0;
  for (const std::uint32_t end : rows.group_ends()) {
    const double probability = rows.probabilities()[begin];
    const double middle = static_cast<double>(begin + end) / 2;
    const double place = std::floor(middle * kMassBins / static_cast<double>(rows.size()));
    CalibrationBin& bin = bins[std::min<std::size_t>(static_cast<std::size_t>(place), kMassBins - 1)];
    if (bin.rows == 0) bin.high = probability;
    bin.low = probability;
    const auto count = static_cast<double>(end - begin);
    bin.rows += end - begin;
    bin.mean_predicted += count * probability;
    for (; begin < end; ++begin) bin.positive_share += rows.positives()[begin];
  }
  std::vector<CalibrationBin> out;
  for (auto bin = bins.rbegin(); bin != bins.rend(); ++bin) {
    if (bin->rows == 0) continue;
    bin->mean_predicted /= static_cast<double>(bin->rows);
    bin->positive_share /= static_cast<double>(bin->rows);
    out.push_back(*bin);
  }
  return out;
}

}  // namespace mw::evaluation
