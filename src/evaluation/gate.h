// The gate: may this version go on? A pure function from a report, the goal it serves and the version in
// production to a verdict for every check. Fails closed: a missing metric, NaN, too few rows or blocks
// never pass. Any thread.
//
// Checks, in this order:
//   enough data       >= rows_min positives and negatives (without two classes: rows), >= kBlocksMin
//                     independent blocks
//   targets           the KPI and every quality target, bounds inclusive, decided by the point value
//   trivial model     log loss below that of the training rows' shares of the classes as a constant; rmse
//                     below that of their mean
//   production        for each metric with a margin: not worse than production by more than the margin;
//                     paired where both were scored on the same rows, then decided by the interval
// A release is stopped by a check that blocks: the KPI, targets of priority 1, and all others here. A
// target of priority 2 or 3 is shown with its verdict and stops nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "evaluation/evaluate.h"
#include "evaluation/report.h"
#include "goals/goal.h"

namespace mw::evaluation {

enum class Verdict : std::uint8_t { kPass, kFail, kInsufficient };
/// "pass", "fail", "insufficient".
std::string_view VerdictName(Verdict verdict);

struct Check {
  std::string name;    ///< the target's name, "enough data", "trivial model", "production roc_auc"
  std::string metric;  ///< empty for enough data
  std::optional<double> value{}, low{}, high{};
  std::string need;       ///< ">= 0.68"
  std::string against{};  ///< "goal late-departures", "version 3, same rows"
  Verdict verdict = Verdict::kInsufficient;
  bool blocks = true;
  std::string why{};         ///< what decided it, when that is not plain from value and need
  std::string miss_costs{};  ///< a sentence with money; may be empty
};

/// What the version in production reaches.
struct Production {
  std::int64_t version = 0;
  /// Its metrics as they were recorded, perhaps on other rows.
  std::vector<std::pair<std::string, double>> metrics;
  /// Candidate minus production on the report's own rows; empty when production was not scored on them.
  std::vector<Gain> gains;
};

struct GateOptions {
  bool against_production = false;
  /// Metric id and how much worse than production it may be, 0 or more in the metric's unit.
  std::map<std::string, double> margins;
  std::int64_t rows_min = kClassMin;
};

struct GateDecision {
  Verdict verdict = Verdict::kFail;
  std::vector<Check> checks;
  [[nodiscard]] std::size_t blocking() const;
  [[nodiscard]] std::size_t passed() const;  ///< among the blocking ones
};

/// `goal` is null when the pipeline has none: then there are no targets to check.
/// Errors: kInvalidArgument for a margin of an unknown metric, one without a better direction, or that
/// is no finite number; for a report of another model than the goal's.
Result<GateDecision> Decide(const Report& report, const goals::Goal* goal, const std::optional<Production>& production,
                            const GateOptions& options);

Json ToJson(const GateDecision& decision);
/// A line for each check, and a last line that says what follows.
std::string GateTable(const GateDecision& decision);

}  // namespace mw::evaluation
