// Targets and metrics of a report.
#include "steps/judgement.h"

#include <cstdio>
#include <string>

namespace mw::steps {

Json JudgeTargets(const goals::Goal& goal, goals::Stage stage, const evaluation::Report& report) {
  const goals::Judgement judgement{goal.name, stage, goal.model,
                                   goals::Judge(goal, stage, evaluation::ToMeasurements(report))};
  const std::string table = goals::Table(judgement.verdicts);
  std::fwrite(table.data(), 1, table.size(), stdout);
  return goals::ToJson(judgement);
}

Json MetricsOf(const evaluation::Report& report) {
  Json metrics = Json::MakeObject();
  for (const evaluation::MetricValue& metric : report.overall) {
    if (metric.value) metrics[metric.metric] = *metric.value;
  }
  metrics["rows"] = report.counts.rows;
  if (report.problem == goals::Problem::kBinaryClassification) metrics["positives"] = report.counts.positives;
  return metrics;
}

}  // namespace mw::steps
