// Rows with a model's answers and what really came, of any problem: one door to the reports and comparisons of all
// of them. Pure; one thread; the same input gives the same report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "evaluation/bootstrap.h"
#include "evaluation/regression.h"
#include "evaluation/report.h"
#include "evaluation/slices.h"
#include "goals/goal.h"

namespace mw::evaluation {

struct AnsweredRows {
  goals::Problem problem = goals::Problem::kBinaryClassification;
  std::vector<std::string> classes{};  ///< of several; empty otherwise
  std::vector<double> labels{};        ///< 0 or 1; a place in `classes`; or the number itself
  /// One for each row: the probability of a 1, or the number. Of several classes rows x classes, row-major; a row may
  /// have fewer when the model has not seen the last classes: those have the probability 0.
  std::vector<double> answers{};
  std::vector<std::uint32_t> blocks{};  ///< as in ScoredRows
};

/// What the training rows' labels were like: what a model without features would answer.
struct TrainingLabels {
  std::optional<double> positive_share{};  ///< of two classes
  std::vector<double> class_shares{};      ///< of several, in the order of the model's outputs
  std::optional<LabelConstants> constants{};

  /// Members for a package's "training".
  void AddTo(Json& training) const;
  /// From there; members that it does not have stay absent. `classes`: how many outputs the model has.
  static TrainingLabels FromJson(const Json& training, std::size_t classes);
};

struct MeasureOptions {
  double threshold = 0.5;
  std::optional<CostRates> costs{};
  TrainingLabels training{};
  BootstrapOptions bootstrap{};
};

/// Errors: those of Evaluate, EvaluateMulticlass, EvaluateRegression.
Result<Report> MeasureAnswers(const AnsweredRows& rows, const std::vector<SliceColumn>& slices,
                              const MeasureOptions& options);
/// Candidate less baseline, on the same rows. Errors: as above; kFailedPrecondition when they predict different things.
Result<std::vector<Gain>> CompareAnswers(const AnsweredRows& candidate, const AnsweredRows& baseline,
                                         const MeasureOptions& options);

/// A report without rows: every metric of the problem is withheld for that reason.
Report EmptyReport(goals::Problem problem, const std::string& reason);

/// What a report lacks before anything can be decided from it: "41 positives, need 100". Two classes need `rows_min`
/// of each, other problems `rows_min` rows, all of them kBlocksMin blocks. Empty when nothing is lacking.
std::string Shortage(const Report& report, std::int64_t rows_min);

/// The costs that a goal names.
std::optional<CostRates> CostsOf(const goals::Goal* goal);

}  // namespace mw::evaluation
