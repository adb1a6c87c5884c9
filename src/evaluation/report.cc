// Reports for people and for judging.
#include "evaluation/report.h"

#include "base/text.h"
#include "base/text_table.h"
#include "goals/metric.h"

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
  return TextTable(cells);
}

// What a line about a model shows first.
std::vector<std::string_view> Headlines(goals::Problem problem) {
  switch (problem) {
    case goals::Problem::kMulticlassClassification: return {"accuracy", "macro_f1", "log_loss"};
    case goals::Problem::kRegression: return {"rmse", "mae", "r2"};
    case goals::Problem::kBinaryClassification: break;
  }
  return {"roc_auc", "ece", "saving"};
}

std::string SliceTable(const Report& report) {
  const bool binary = report.problem == goals::Problem::kBinaryClassification;
  const std::vector<std::string_view> headlines = Headlines(report.problem);
  std::vector<std::string> head = {"slice", "rows"};
  if (binary) head.emplace_back("positive");
  head.insert(head.end(), headlines.begin(), headlines.end());
  std::vector<std::vector<std::string>> cells = {head};
  for (const SliceReport& slice : report.slices) {
    std::vector<std::string> row = {Cat(slice.column, "=", slice.value), WithThousands(slice.counts.rows)};
    if (binary) row.push_back(WithThousands(slice.counts.positives));
    for (const std::string_view metric : headlines) {
      if (slice.sufficient) row.push_back(Shown(FindMetric(slice.metrics, metric), true));
    }
    if (!slice.sufficient) row.push_back(slice.reason);
    cells.push_back(std::move(row));
  }
  return TextTable(cells);
}

std::string ClassTable(const Report& report) {
  std::vector<std::vector<std::string>> cells = {
      {"class", "rows", "predicted", "precision", "recall", "f1", "roc_auc", "mostly taken for"}};
  for (std::size_t own = 0; own < report.classes.size(); ++own) {
    const ClassReport& one = report.classes[own];
    std::vector<std::string> row = {one.name, WithThousands(one.rows), WithThousands(one.predicted)};
    for (const MetricValue& metric : one.metrics) row.push_back(Shown(&metric, false));
    std::size_t worst = own;
    for (std::size_t other = 0; other < report.classes.size(); ++other) {
      if (other == own || report.confusion[own][other] == 0) continue;
      if (worst == own || report.confusion[own][other] > report.confusion[own][worst]) worst = other;
    }
    row.push_back(worst == own ? "" : Cat(report.classes[worst].name, " (", report.confusion[own][worst], ")"));
    cells.push_back(std::move(row));
  }
  return TextTable(cells);
}

std::string Head(const Report& report) {
  std::string out = Cat(report.model, ": ", WithThousands(report.counts.rows), " rows, ");
  const bool binary = report.problem == goals::Problem::kBinaryClassification;
  if (binary) CatTo(out, WithThousands(report.counts.positives), " positive, ");
  CatTo(out, WithThousands(report.counts.blocks), " blocks (", report.block, ")");
  return binary ? Cat(out, ", threshold ", report.threshold) : out;
}

}  // namespace

std::vector<MetricValue> Withheld(const std::vector<std::string>& metrics, std::int64_t rows,
                                  const std::string& reason) {
  std::vector<MetricValue> values;
  for (const std::string& metric : metrics) {
    values.push_back({.metric = metric, .value = {}, .low = {}, .high = {}, .rows = rows, .reason = reason});
  }
  return values;
}

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
  std::string out = Cat(Head(report), "\n");
  CatTo(out, "no model: ", report.no_model.rule, "; trivial model: ", report.trivial_model.rule, "\n\n",
        OverallTable(report));
  if (!report.classes.empty()) CatTo(out, "\n", ClassTable(report));
  if (!report.slices.empty()) CatTo(out, "\n", SliceTable(report));
  return out;
}

std::string Summary(const Report& report) {
  std::string out = Cat(WithThousands(report.counts.rows), " rows");
  for (const std::string_view metric : Headlines(report.problem)) {
    const MetricValue* found = FindMetric(report.overall, metric);
    if (found != nullptr && found->value) CatTo(out, ", ", metric, " ", Shown(found, true));
  }
  return out;
}

}  // namespace mw::evaluation
