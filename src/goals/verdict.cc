// Targets against measurements.
#include "goals/verdict.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::goals {
namespace {

// What the KPI and the targets have in common.
struct Line {
  std::string_view name;
  const Requirement& require;
  int priority;
  const std::optional<Money>& cost_of_miss;
  const WindowLength& window;
};

std::optional<double> ValueOf(const std::vector<Measurement>& among, std::string_view metric) {
  const Measurement* found = Measurements::Find(among, metric);
  return found == nullptr ? std::nullopt : found->value;
}

std::string PerHourSentence(const Money& per_hour, const WindowLength& window) {
  constexpr Duration kDay = std::chrono::hours(24);
  const Duration length = window.months ? std::chrono::hours(730) : window.length;
  const double hours = static_cast<double>(length.count()) / 3.6e9;
  std::string span = length % kDay == Duration(0) ? Cat(length / kDay, " d") : FormatDuration(length);
  if (window.months) span = "a month";
  return Cat(FormatMoney(per_hour.amount, per_hour.currency), "/h, ",
             FormatMoney(per_hour.amount * hours, per_hour.currency), " over ", span);
}

// A share of the best rule's cost is money on the rows at hand.
std::string SavingSentence(const Goal& goal, const Requirement& require, std::optional<double> value,
                           double rule_cost) {
  const std::string_view currency = goal.Currency();
  if (value && !require.Holds(*value) && std::isfinite(*value)) {
    return Cat(FormatMoney(-require.Margin(*value) * rule_cost, currency), " short on these rows");
  }
  return Cat(FormatMoney(rule_cost / 100, currency), " for each point short on these rows");
}

std::string MissCosts(const Goal& goal, const Line& line, std::optional<double> value, const Measurements& measured) {
  if (line.require.metric == "saving" && measured.rule_cost) {
    return SavingSentence(goal, line.require, value, *measured.rule_cost);
  }
  if (line.cost_of_miss) return PerHourSentence(*line.cost_of_miss, line.window);
  return {};
}

std::string WhyNotYet(const Metric& metric, Stage stage, const Measurement* found, std::string_view id) {
  if (metric.kind != Kind::kQuality && stage != Stage::kProduction) return "measured in production alone";
  if (found == nullptr) return Cat("no ", id, " was measured");
  return found->reason.empty() ? "the value is undefined" : found->reason;
}

TargetVerdict JudgeLine(const Goal& goal, const Line& line, Stage stage, const Measurements& measured) {
  const Metric* metric = FindMetric(line.require.metric);
  MW_ASSERT(metric != nullptr);
  const Measurement* found = Measurements::Find(measured.model, line.require.metric);
  TargetVerdict verdict{.target = std::string(line.name),
                        .kind = metric->kind,
                        .priority = line.priority,
                        .metric = line.require.metric,
                        .need = std::string(line.require.Need()),
                        .currency = line.require.currency,
                        .no_model = ValueOf(measured.no_model, line.require.metric),
                        .trivial_model = ValueOf(measured.trivial_model, line.require.metric)};
  if (found != nullptr && found->value) {
    verdict.value = found->value;
    verdict.low = found->low;
    verdict.high = found->high;
    verdict.outcome = line.require.Holds(*found->value) ? Outcome::kMet : Outcome::kMissed;
  } else {
    verdict.reason = WhyNotYet(*metric, stage, found, line.require.metric);
  }
  verdict.miss_costs = MissCosts(goal, line, verdict.value, measured);
  return verdict;
}

Json Number(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

std::optional<double> ReadNumber(const Json& json, std::string_view key) {
  const Json* found = json.Find(key);
  if (found == nullptr || !found->IsNumber()) return std::nullopt;
  return found->AsDouble();
}

Result<Outcome> ParseOutcome(std::string_view text) {
  for (const Outcome outcome : {Outcome::kMet, Outcome::kMissed, Outcome::kNotMeasurable}) {
    if (OutcomeName(outcome) == text) return outcome;
  }
  return InvalidArgument("unknown outcome ", Quoted(text), "; outcomes: met, missed, not measurable yet");
}

Result<TargetVerdict> ReadVerdict(const Json& json) {
  TargetVerdict verdict;
  verdict.target = TRY(json.GetString("target"));
  verdict.metric = TRY(json.GetString("metric"));
  const Metric* metric = FindMetric(verdict.metric);
  if (metric == nullptr) return InvalidArgument(UnknownMetric(verdict.metric, Problem::kBinaryClassification));
  verdict.kind = metric->kind;
  verdict.priority = static_cast<int>(std::clamp<std::int64_t>(json.IntOr("priority", 3), 1, 3));
  verdict.need = json.StringOr("need", "");
  verdict.currency = json.StringOr("currency", "");
  verdict.value = ReadNumber(json, "value");
  verdict.low = ReadNumber(json, "low");
  verdict.high = ReadNumber(json, "high");
  verdict.no_model = ReadNumber(json, "no_model");
  verdict.trivial_model = ReadNumber(json, "trivial_model");
  verdict.outcome = TRY(ParseOutcome(TRY(json.GetString("outcome"))));
  verdict.reason = json.StringOr("reason", "");
  verdict.miss_costs = json.StringOr("miss_costs", "");
  verdict.window = json.StringOr("window", "");
  return verdict;
}

std::string Shown(const TargetVerdict& verdict, const std::optional<double>& value) {
  return value ? FormatMetric(*FindMetric(verdict.metric), *value, verdict.currency) : std::string("-");
}

std::string ShownWithInterval(const TargetVerdict& verdict) {
  if (!verdict.value) return "-";
  if (!verdict.low || !verdict.high) return Shown(verdict, verdict.value);
  return Cat(Shown(verdict, verdict.value), " [", Shown(verdict, verdict.low), ", ", Shown(verdict, verdict.high), "]");
}

}  // namespace

std::string_view StageName(Stage stage) {
  switch (stage) {
    case Stage::kExperiment: return "experiment";
    case Stage::kEvaluation: return "evaluation";
    case Stage::kProduction: return "production";
  }
  return "experiment";
}

Result<Stage> ParseStage(std::string_view text) {
  for (const Stage stage : {Stage::kExperiment, Stage::kEvaluation, Stage::kProduction}) {
    if (StageName(stage) == text) return stage;
  }
  return InvalidArgument("unknown stage ", Quoted(text), "; stages: experiment, evaluation, production");
}

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kMet: return "met";
    case Outcome::kMissed: return "missed";
    case Outcome::kNotMeasurable: return "not measurable yet";
  }
  return "not measurable yet";
}

const Measurement* Measurements::Find(const std::vector<Measurement>& among, std::string_view metric) {
  for (const Measurement& candidate : among) {
    if (candidate.metric == metric) return &candidate;
  }
  return nullptr;
}

std::vector<TargetVerdict> Judge(const Goal& goal, Stage stage, const Measurements& measured) {
  std::vector<TargetVerdict> verdicts;
  const std::optional<Money> none;
  if (goal.kpi) {
    verdicts.push_back(
        JudgeLine(goal, {goal.kpi->name, goal.kpi->require, 1, none, goal.kpi->window}, stage, measured));
    if (verdicts.back().miss_costs.empty()) verdicts.back().miss_costs = goal.impact_of_miss;
  }
  for (const Target& target : goal.targets) {
    verdicts.push_back(JudgeLine(
        goal, {target.name, target.require, target.priority, target.cost_of_miss, target.window}, stage, measured));
  }
  return verdicts;
}

Json ToJson(const TargetVerdict& verdict) {
  return Json::Make({{"target", verdict.target},
                     {"kind", KindName(verdict.kind)},
                     {"priority", verdict.priority},
                     {"metric", verdict.metric},
                     {"need", verdict.need},
                     {"currency", verdict.currency},
                     {"value", Number(verdict.value)},
                     {"low", Number(verdict.low)},
                     {"high", Number(verdict.high)},
                     {"no_model", Number(verdict.no_model)},
                     {"trivial_model", Number(verdict.trivial_model)},
                     {"outcome", OutcomeName(verdict.outcome)},
                     {"reason", verdict.reason},
                     {"miss_costs", verdict.miss_costs},
                     {"window", verdict.window}});
}

Json ToJson(const Judgement& judgement) {
  Json verdicts = Json::MakeArray();
  for (const TargetVerdict& verdict : judgement.verdicts) verdicts.Append(ToJson(verdict));
  return Json::Make({{"goal", judgement.goal},
                     {"stage", StageName(judgement.stage)},
                     {"model", judgement.model},
                     {"verdicts", std::move(verdicts)}});
}

Result<Judgement> JudgementFromJson(const Json& json) {
  Judgement judgement;
  judgement.goal = TRY(json.GetString("goal").In("targets"));
  judgement.stage = TRY(ParseStage(TRY(json.GetString("stage").In("targets"))));
  judgement.model = TRY(json.GetString("model").In("targets"));
  const Json* verdicts = json.Find("verdicts");
  if (verdicts == nullptr || !verdicts->IsArray()) return InvalidArgument("targets: verdicts is no list");
  if (verdicts->AsArray().size() > kVerdictsMax)
    return InvalidArgument("targets: more than ", kVerdictsMax, " verdicts");
  for (const Json& verdict : verdicts->AsArray()) judgement.verdicts.push_back(TRY(ReadVerdict(verdict).In("targets")));
  return judgement;
}

std::string Table(const std::vector<TargetVerdict>& verdicts) {
  std::vector<std::vector<std::string>> cells = {
      {"target", "metric", "need", "value", "no model", "trivial", "outcome", "a miss costs"}};
  for (const TargetVerdict& verdict : verdicts) {
    cells.push_back({verdict.target, verdict.metric, verdict.need, ShownWithInterval(verdict),
                     Shown(verdict, verdict.no_model), Shown(verdict, verdict.trivial_model),
                     std::string(OutcomeName(verdict.outcome)),
                     verdict.outcome == Outcome::kNotMeasurable ? verdict.reason : verdict.miss_costs});
  }
  return TextTable(cells);
}

}  // namespace mw::goals
