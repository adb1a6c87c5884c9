// Rows with a model's answers, measured as the problem asks: one door to the reports and comparisons of
// all problems. Pure; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "evaluation/bootstrap.h"
#include "evaluation/regression.h"
#include "evaluation/report.h"
#include "goals/goal.h"
#include "steps/encoded_rows.h"
#include "wire/package.h"

namespace mw::steps {

/// What the training rows' labels were like: what a model without features would answer.
struct TrainingLabels {
  std::optional<double> positive_share{};  ///< of two classes
  std::vector<double> class_shares{};      ///< of several, in the order of their outputs
  std::optional<evaluation::LabelConstants> constants{};

  static TrainingLabels Of(const EncodedRows& rows, goals::Problem problem);
  /// As lineage keeps them: members for the package's "training".
  void AddTo(Json& training) const;
  /// What a package says; members that it does not have stay absent.
  static TrainingLabels FromPackage(const wire::PackageInfo& info);
};

struct Answers {
  goals::Problem problem = goals::Problem::kBinaryClassification;
  const EncodedRows& rows;
  std::vector<double> values;         ///< as Score gives them
  std::vector<std::uint32_t> blocks;  ///< as BlocksOf gives them
};

struct MeasureOptions {
  double threshold = 0.5;
  std::optional<evaluation::CostRates> costs{};
  TrainingLabels training{};
  evaluation::BootstrapOptions bootstrap{};
};

/// A class that the rows have and the model has not seen gets the probability 0.
/// Errors: those of evaluation::Evaluate and its siblings.
Result<evaluation::Report> MeasureAnswers(const Answers& answers, const std::vector<evaluation::SliceColumn>& slices,
                                          const MeasureOptions& options);
/// Candidate less baseline, on the same rows. Errors: as above.
Result<std::vector<evaluation::Gain>> CompareAnswers(const Answers& candidate, const Answers& baseline,
                                                     const MeasureOptions& options);

/// The costs that a goal names.
std::optional<evaluation::CostRates> CostsOf(const goals::Goal* goal);

}  // namespace mw::steps
