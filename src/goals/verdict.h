// Holds a goal against what was measured at one stage of a model's life: every target becomes value,
// need and outcome, beside what no model and the trivial model reach, with what a miss costs. The same
// metric ids serve every stage, so the line of a target runs from experiment to production.
// Pure; any thread. Fails closed: an undefined value never meets a target.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "goals/goal.h"

namespace mw::goals {

enum class Stage : std::uint8_t { kExperiment, kEvaluation, kProduction };
std::string_view StageName(Stage stage);
Result<Stage> ParseStage(std::string_view text);

/// One metric as it was measured; `value` is absent when it is undefined, and `reason` says why.
struct Measurement {
  std::string metric;
  std::optional<double> value;
  std::optional<double> low, high;  ///< interval at the report's confidence
  std::string reason;
};

struct Measurements {
  std::vector<Measurement> model;
  /// The better of flagging every row and flagging none.
  std::vector<Measurement> no_model;
  /// The training data's share of positives as every row's probability.
  std::vector<Measurement> trivial_model;
  /// What the better rule without a model costs on these rows; absent without costs.
  std::optional<double> rule_cost;

  static const Measurement* Find(const std::vector<Measurement>& among, std::string_view metric);
};

enum class Outcome : std::uint8_t { kMet, kMissed, kNotMeasurable };
/// "met", "missed", "not measurable yet".
std::string_view OutcomeName(Outcome outcome);

struct TargetVerdict {
  std::string target;
  Kind kind = Kind::kQuality;
  int priority = 3;
  std::string metric;
  std::string need;  ///< ">= 0.68", as written
  std::string currency;
  std::optional<double> value{}, low{}, high{};
  std::optional<double> no_model{}, trivial_model{};
  Outcome outcome = Outcome::kNotMeasurable;
  std::string reason{};      ///< why there is no value
  std::string miss_costs{};  ///< a sentence with money, or the goal's own words; may be empty
  std::string window{};      ///< of production: "Jul 2013"
};

/// The KPI first, then the targets in the goal's order.
std::vector<TargetVerdict> Judge(const Goal& goal, Stage stage, const Measurements& measured);

Json ToJson(const TargetVerdict& verdict);

/// One judging as it travels from a step to the control plane, in an output's metadata under "targets".
struct Judgement {
  std::string goal;
  Stage stage = Stage::kExperiment;
  std::string model;
  std::vector<TargetVerdict> verdicts;  ///< at most kVerdictsMax when read
};
inline constexpr std::size_t kVerdictsMax = 1000;
/// {"goal":..,"stage":"evaluation","model":..,"verdicts":[..]}
Json ToJson(const Judgement& judgement);
/// Errors: kInvalidArgument naming what is missing or of the wrong kind.
Result<Judgement> JudgementFromJson(const Json& json);
/// A table for people, 110 columns at most, with a line for each target.
std::string Table(const std::vector<TargetVerdict>& verdicts);

}  // namespace mw::goals
