// The gate's checks.
#include "evaluation/gate.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "base/text_table.h"
#include "evaluation/answers.h"
#include "evaluation/evaluate.h"
#include "goals/metric.h"
#include "goals/verdict.h"

namespace mw::evaluation {
namespace {

std::string Shown(std::string_view metric, std::optional<double> value) {
  if (!value) return "-";
  const goals::Metric* known = goals::FindMetric(metric);
  return known == nullptr ? Fixed(*value, 3) : goals::FormatMetric(*known, *value);
}

Check EnoughData(const Report& report, std::int64_t rows_min) {
  const std::string shortage = Shortage(report, rows_min);
  const bool binary = report.problem == goals::Problem::kBinaryClassification;
  return {.name = "enough data",
          .metric = "",
          .need = Cat(rows_min, binary ? " of each class, " : " rows, ", kBlocksMin, " blocks"),
          .against = "",
          .verdict = shortage.empty() ? Verdict::kPass : Verdict::kInsufficient,
          .why = shortage};
}

// An interval that reaches beyond the bound does not change the verdict, but is said.
std::string Certainty(const goals::Requirement& require, const goals::TargetVerdict& judged, double confidence) {
  if (!judged.low || !judged.high) return "no interval";
  const bool low = require.Holds(*judged.low), high = require.Holds(*judged.high);
  if (low == high) return {};
  return Cat("not certain at ", Fixed(confidence * 100, 0), " %");
}

Verdict VerdictOf(const goals::TargetVerdict& judged, bool enough) {
  if (judged.outcome == goals::Outcome::kMissed) return Verdict::kFail;
  if (!judged.value) return Verdict::kFail;
  return enough ? Verdict::kPass : Verdict::kInsufficient;
}

Check TargetCheck(const Report& report, const goals::Goal& goal, const goals::Requirement& require,
                  const goals::TargetVerdict& judged, bool enough) {
  Check check{.name = judged.target,
              .metric = judged.metric,
              .value = judged.value,
              .low = judged.low,
              .high = judged.high,
              .need = judged.need,
              .against = Cat("goal ", goal.name),
              .blocks = judged.priority == 1,
              .miss_costs = judged.miss_costs};
  check.verdict = VerdictOf(judged, enough);
  check.why = judged.value ? Certainty(require, judged, report.confidence) : judged.reason;
  return check;
}

void AddTargets(const Report& report, const goals::Goal& goal, bool enough, std::vector<Check>& checks) {
  const auto judged = goals::Judge(goal, goals::Stage::kEvaluation, ToMeasurements(report));
  std::size_t next = 0;
  if (goal.kpi) {
    const goals::TargetVerdict& verdict = judged[next++];
    if (verdict.kind == goals::Kind::kQuality)
      checks.push_back(TargetCheck(report, goal, goal.kpi->require, verdict, enough));
  }
  for (const goals::Target& target : goal.targets) {
    const goals::TargetVerdict& verdict = judged[next++];
    if (verdict.kind == goals::Kind::kQuality)
      checks.push_back(TargetCheck(report, goal, target.require, verdict, enough));
  }
}

Check TrivialCheck(const Report& report) {
  const std::string_view metric = report.problem == goals::Problem::kRegression ? "rmse" : "log_loss";
  const MetricValue* own = FindMetric(report.overall, metric);
  const MetricValue* trivial = FindMetric(report.trivial_model.metrics, metric);
  Check check{.name = "trivial model", .metric = std::string(metric), .need = "", .against = report.trivial_model.rule};
  check.verdict = Verdict::kFail;
  check.need = Cat("< ", Shown(metric, trivial == nullptr ? std::nullopt : trivial->value));
  if (own == nullptr || !own->value || trivial == nullptr || !trivial->value) {
    check.why = own != nullptr && !own->reason.empty() ? own->reason : Cat("the report has no ", metric);
    return check;
  }
  check.value = own->value;
  check.low = own->low;
  check.high = own->high;
  if (*own->value < *trivial->value) check.verdict = Verdict::kPass;
  return check;
}

// Gain in the healthy direction: positive is better, whatever the metric.
double Healthy(const goals::Metric& metric, double gain) {
  return metric.better == goals::Better::kLower ? -gain : gain;
}

// Non-inferiority: the whole interval of the paired difference has to clear the margin.
void DecidePaired(const goals::Metric& metric, const Gain& gain, double margin, Check& check) {
  const double value = Healthy(metric, gain.value);
  check.why = Cat("difference ", Shown(check.metric, gain.value));
  if (!(value >= -margin)) {
    check.verdict = Verdict::kFail;
    return;
  }
  if (!gain.interval) {
    check.verdict = Verdict::kInsufficient;
    check.why += ", too few blocks for an interval";
    return;
  }
  CatTo(check.why, " [", Shown(check.metric, gain.interval->low), ", ", Shown(check.metric, gain.interval->high), "]");
  const double worst = std::min(Healthy(metric, gain.interval->low), Healthy(metric, gain.interval->high));
  check.verdict = worst >= -margin ? Verdict::kPass : Verdict::kInsufficient;
}

void DecideRecorded(const goals::Metric& metric, std::optional<double> before, double margin, Check& check) {
  if (!before || !std::isfinite(*before)) {
    check.verdict = Verdict::kInsufficient;
    check.why =
        Cat("no ", check.metric, " is recorded for it; give the gate model and rows, to score both on the same rows");
    return;
  }
  const double gain = Healthy(metric, *check.value - *before);
  check.verdict = gain >= -margin ? Verdict::kPass : Verdict::kFail;
  check.why = Cat("production reached ", Shown(check.metric, before), ", perhaps on other rows");
}

Check ProductionCheck(const Report& report, const goals::Metric& metric, const std::string& id, double margin,
                      const Production& production) {
  const bool lower = metric.better == goals::Better::kLower;
  Check check{.name = Cat("production ", id),
              .metric = id,
              .need = Cat(lower ? "<= production + " : ">= production - ", margin),
              .against = Cat("version ", production.version)};
  const MetricValue* own = FindMetric(report.overall, id);
  if (own == nullptr || !own->value || !std::isfinite(*own->value)) {
    check.verdict = Verdict::kFail;
    check.why = own == nullptr || own->reason.empty() ? Cat("the report has no ", id) : own->reason;
    return check;
  }
  check.value = own->value;
  check.low = own->low;
  check.high = own->high;
  const auto gain = std::find_if(production.gains.begin(), production.gains.end(),
                                 [&](const Gain& candidate) { return candidate.metric == id; });
  if (gain != production.gains.end()) {
    check.against += ", same rows";
    DecidePaired(metric, *gain, margin, check);
    return check;
  }
  const auto recorded = std::find_if(production.metrics.begin(), production.metrics.end(),
                                     [&](const auto& candidate) { return candidate.first == id; });
  DecideRecorded(metric, recorded == production.metrics.end() ? std::nullopt : std::optional(recorded->second), margin,
                 check);
  return check;
}

Result<const goals::Metric*> MarginMetric(const std::string& id, double margin, goals::Problem problem) {
  const goals::Metric* metric = goals::FindMetric(id);
  if (metric == nullptr) return InvalidArgument("margin: ", goals::UnknownMetric(id, problem));
  if (metric->better == goals::Better::kNeither) {
    return InvalidArgument("margin: more ", id, " is neither better nor worse; remove it");
  }
  if (!std::isfinite(margin) || margin < 0) {
    return InvalidArgument("margin: ", id, ": ", margin, " is no margin; write how much worse it may be, 0 or more");
  }
  return metric;
}

Status CheckInputs(const Report& report, const goals::Goal* goal, const GateOptions& options) {
  for (const auto& [id, margin] : options.margins) TRY(MarginMetric(id, margin, report.problem));
  if (options.against_production && options.margins.empty()) {
    return InvalidArgument(
        "against: production needs a margin for each metric to compare, such as margin: {roc_auc: 0.005}");
  }
  if (goal != nullptr && report.problem != goal->problem) {
    return InvalidArgument("the report is of a ", goals::ProblemName(report.problem), ", goal ", goal->name,
                           " is about a ", goals::ProblemName(goal->problem));
  }
  if (goal != nullptr && !report.model.empty() && report.model != goal->model) {
    return InvalidArgument("the report is of model ", report.model, ", goal ", goal->name, " is about ", goal->model);
  }
  return Ok();
}

Verdict Overall(const std::vector<Check>& checks) {
  Verdict overall = Verdict::kPass;
  for (const Check& check : checks) {
    if (!check.blocks || check.verdict == Verdict::kPass) continue;
    if (check.verdict == Verdict::kFail) return Verdict::kFail;
    overall = Verdict::kInsufficient;
  }
  return overall;
}

Json CheckJson(const Check& check) {
  return Json::Make({{"name", check.name},
                     {"metric", check.metric},
                     {"value", NumberJson(check.value)},
                     {"low", NumberJson(check.low)},
                     {"high", NumberJson(check.high)},
                     {"need", check.need},
                     {"against", check.against},
                     {"verdict", VerdictName(check.verdict)},
                     {"blocks", check.blocks},
                     {"why", check.why},
                     {"miss_costs", check.miss_costs}});
}

std::string ValueCell(const Check& check) {
  if (!check.value || !check.low || !check.high) return Shown(check.metric, check.value);
  return Cat(Shown(check.metric, check.value), " [", Shown(check.metric, check.low), ", ",
             Shown(check.metric, check.high), "]");
}

std::string Remark(const Check& check) {
  if (check.verdict == Verdict::kPass || check.miss_costs.empty()) return check.why;
  return check.why.empty() ? Cat("costs ", check.miss_costs) : Cat(check.why, "; costs ", check.miss_costs);
}

std::string Conclusion(const GateDecision& decision) {
  const std::string score = Cat(decision.passed(), "/", decision.blocking());
  switch (decision.verdict) {
    case Verdict::kPass: return Cat("gate passed ", score);
    case Verdict::kFail: return Cat("gate refused: ", score, " passed; this version stops here");
    case Verdict::kInsufficient:
      return Cat("gate undecided: ", score, " passed; evaluate on more rows, this version stops here");
  }
  return {};
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass: return "pass";
    case Verdict::kFail: return "fail";
    case Verdict::kInsufficient: return "insufficient";
  }
  return "fail";
}

std::size_t GateDecision::blocking() const {
  return static_cast<std::size_t>(std::count_if(checks.begin(), checks.end(), [](const Check& c) { return c.blocks; }));
}

std::size_t GateDecision::passed() const {
  return static_cast<std::size_t>(std::count_if(
      checks.begin(), checks.end(), [](const Check& c) { return c.blocks && c.verdict == Verdict::kPass; }));
}

Result<GateDecision> Decide(const Report& report, const goals::Goal* goal, const std::optional<Production>& production,
                            const GateOptions& options) {
  TRY(CheckInputs(report, goal, options));
  GateDecision decision;
  decision.checks.push_back(EnoughData(report, options.rows_min));
  const bool enough = decision.checks.front().verdict == Verdict::kPass;
  if (goal != nullptr) AddTargets(report, *goal, enough, decision.checks);
  decision.checks.push_back(TrivialCheck(report));
  if (options.against_production && production) {
    for (const auto& [id, margin] : options.margins) {
      decision.checks.push_back(
          ProductionCheck(report, *TRY(MarginMetric(id, margin, report.problem)), id, margin, *production));
    }
  }
  decision.verdict = Overall(decision.checks);
  return decision;
}

Json ToJson(const GateDecision& decision) {
  Json checks = Json::MakeArray();
  for (const Check& check : decision.checks) checks.Append(CheckJson(check));
  return Json::Make({{"format_version", 1},
                     {"verdict", VerdictName(decision.verdict)},
                     {"passed", static_cast<std::int64_t>(decision.passed())},
                     {"blocking", static_cast<std::int64_t>(decision.blocking())},
                     {"checks", std::move(checks)}});
}

std::string GateTable(const GateDecision& decision) {
  std::vector<std::vector<std::string>> cells = {{"check", "metric", "value", "need", "verdict", ""}};
  for (const Check& check : decision.checks) {
    cells.push_back({check.name, check.metric, ValueCell(check), check.need,
                     check.blocks ? std::string(VerdictName(check.verdict)) : Cat("(", VerdictName(check.verdict), ")"),
                     Remark(check)});
  }
  return Cat(TextTable(cells), Conclusion(decision), "\n");
}

}  // namespace mw::evaluation
