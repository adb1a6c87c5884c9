// Points, intervals and differences of anything measurable.
#include "evaluation/measurable.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/assert.h"

namespace mw::evaluation {
namespace {

/// One column of numbers for each metric, one element for each replicate.
using Columns = std::vector<std::vector<double>>;

Columns Replicates(const Measurable& rows, const BootstrapOptions& options) {
  BlockDraws draws(rows.num_blocks(), options.seed);
  Columns columns(rows.metrics().size());
  for (int i = 0; i < options.replicates; ++i) {
    const std::vector<double> values = rows.Measure(draws.Next());
    for (std::size_t metric = 0; metric < columns.size(); ++metric) columns[metric].push_back(values[metric]);
  }
  return columns;
}

bool HasIntervals(const Measurable& rows, const BootstrapOptions& options) {
  return rows.num_blocks() >= kBlocksMin && options.replicates > 0;
}

}  // namespace

Counts CountsOf(const Measurable& rows) {
  return {static_cast<std::int64_t>(rows.rows()), 0, static_cast<std::int64_t>(rows.num_blocks())};
}

std::vector<double> Measure(const Measurable& rows) {
  return rows.Measure(std::vector<double>(rows.num_blocks(), 1.0));
}

std::vector<MetricValue> PointValues(const Measurable& rows) {
  const std::vector<double> measured = Measure(rows);
  std::vector<MetricValue> values;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    MetricValue& value = values.emplace_back();
    value.metric = rows.metrics()[i];
    value.rows = static_cast<std::int64_t>(rows.rows());
    if (std::isfinite(measured[i])) {
      value.value = measured[i];
    } else {
      value.reason = rows.WhyUndefined(i);
    }
  }
  return values;
}

std::vector<MetricValue> ValuesWithIntervals(const Measurable& rows, const BootstrapOptions& options) {
  Report report;
  MeasureOverall(rows, options, report);
  return std::move(report.overall);
}

void MeasureOverall(const Measurable& rows, const BootstrapOptions& options, Report& report) {
  std::vector<MetricValue>& values = report.overall = PointValues(rows);
  if (!HasIntervals(rows, options)) return;
  Columns columns = Replicates(rows, options);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (options.keep_draws && values[i].value) report.draws[values[i].metric] = columns[i];
    const auto interval = PercentileInterval(columns[i], options.confidence);
    if (!values[i].value || !interval) continue;
    values[i].low = std::min(interval->low, *values[i].value);
    values[i].high = std::max(interval->high, *values[i].value);
  }
}

std::vector<Gain> Compare(const Measurable& candidate, const Measurable& baseline, const BootstrapOptions& options) {
  MW_ASSERT(candidate.rows() == baseline.rows() && candidate.num_blocks() == baseline.num_blocks() &&
            candidate.metrics() == baseline.metrics());
  const std::vector<double> own = Measure(candidate), other = Measure(baseline);
  Columns columns(own.size());
  if (HasIntervals(candidate, options)) {
    columns = Replicates(candidate, options);
    const Columns others = Replicates(baseline, options);
    for (std::size_t metric = 0; metric < columns.size(); ++metric) {
      for (std::size_t i = 0; i < columns[metric].size(); ++i) columns[metric][i] -= others[metric][i];
    }
  }
  std::vector<Gain> gains;
  for (std::size_t metric = 0; metric < own.size(); ++metric) {
    gains.push_back({candidate.metrics()[metric], own[metric] - other[metric],
                     PercentileInterval(columns[metric], options.confidence)});
  }
  return gains;
}

int AffordableReplicates(int wanted, double visits_per_replicate) {
  const double room = kRowVisitsMax / std::max(visits_per_replicate, 1.0);
  return std::min(wanted, std::max(kReplicatesMin, static_cast<int>(std::min(room, 1e9))));
}

}  // namespace mw::evaluation
