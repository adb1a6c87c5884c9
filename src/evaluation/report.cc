// Reports for people and for judging.
#include "evaluation/report.h"

#include "base/text.h"
#include "goals/metric.h"
#include "goals/table.h"

namespace mw::evaluation {
namespace {

std::string Shown(const MetricValue* metric, bool with_interval) {
  if (metric == nullptr || !metric->value) return "-";
  const goals::Metric* known = goals::FindMetric(metric->metric);
  const auto text = [&](double value) {
    return known == nullptr ? Fixed(value, 3) : goals::FormatMetric(*known, value);
  };
  if (!with_interval || !metric->low || !metric->high) return text(*metric->value);
  return Cat(text(*metric->value), " [", text(*metric->low), ", ", text(*metric->high), "]");
}

std::vector<goals::Measurement> Measured(const std::vector<MetricValue>& metrics) {
  std::vector<goals::Measurement> out;
  for (const MetricValue& metric : metrics) {
    out.push_back({metric.metric, metric.value, metric.low, metric.high, metric.reason});
  }
  return out;
}

std::string OverallTable(const Report& report) {
  const int percent = static_cast<int>(report.confidence * 100 + 0.5);
  std::vector<std::vector<std::string>> cells = {
      {"metric", Cat("model [", percent, " % interval]"), "no model", "trivial model", ""}};
  for (const MetricValue& metric : report.overall) {
    cells.push_back({metric.metric, Shown(&metric, true),
                     Shown(FindMetric(report.no_model.metrics, metric.metric), false),
                     Shown(FindMetric(report.trivial_model.metrics, metric.metric), false), metric.reason});
  }
  return goals::AlignedTable(cells);
}

std::string SliceTable(const Report& report) {
  std::vector<std::vector<std::string>> cells = {{"slice", "rows", "positive", "roc_auc", "ece", "saving"}};
  for (const SliceReport& slice : report.slices) {
    std::vector<std::string> row = {Cat(slice.column, "=", slice.value), WithThousands(slice.counts.rows),
                                    WithThousands(slice.counts.positives)};
    for (const std::string_view metric : {"roc_auc", "ece", "saving"}) {
      if (slice.sufficient) row.push_back(Shown(FindMetric(slice.metrics, metric), true));
    }
    if (!slice.sufficient) row.push_back(slice.reason);
    cells.push_back(std::move(row));
  }
  return goals::AlignedTable(cells);
}

}  // namespace

const MetricValue* FindMetric(const std::vector<MetricValue>& among, std::string_view metric) {
  for (const MetricValue& candidate : among) {
    if (candidate.metric == metric) return &candidate;
  }
  return nullptr;
}

goals::Measurements ToMeasurements(const Report& report) {
  return {Measured(report.overall), Measured(report.no_model.metrics), Measured(report.trivial_model.metrics),
          report.rule_cost};
}

std::string ReportTable(const Report& report) {
  std::string out = Cat(report.model, ": ", WithThousands(report.counts.rows), " rows, ",
                        WithThousands(report.counts.positives), " positive, ", WithThousands(report.counts.blocks),
                        " blocks (", report.block, "), threshold ", report.threshold, "\n");
  CatTo(out, "no model: ", report.no_model.rule, "; trivial model: ", report.trivial_model.rule, "\n\n",
        OverallTable(report));
  if (!report.slices.empty()) CatTo(out, "\n", SliceTable(report));
  return out;
}

std::string Summary(const Report& report) {
  std::string out = Cat(WithThousands(report.counts.rows), " rows");
  for (const std::string_view metric : {"roc_auc", "ece", "saving"}) {
    const MetricValue* found = FindMetric(report.overall, metric);
    if (found != nullptr && found->value) CatTo(out, ", ", metric, " ", Shown(found, true));
  }
  return out;
}

}  // namespace mw::evaluation
