// The report of a model that names one of several classes. Pure; any thread; the same input gives the same
// report.
//
//   accuracy        rows whose likeliest class is theirs (of equal ones the first counts)
//   macro_*         the mean over the classes that occur; a class that is never predicted has precision 0 in it
//   macro_roc_auc   each class against all others, ties half; the mean over the classes that occur
//   log_loss        -mean ln p(class of the row), p clipped as for two classes
//   brier           mean over rows of sum over classes (p - [is it])^2
//   ece             of the likeliest class's probability against being right, 15 bins of equal mass
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "evaluation/bootstrap.h"
#include "evaluation/measurable.h"
#include "evaluation/report.h"
#include "evaluation/slices.h"

namespace mw::evaluation {

/// `labels`: one class for each row. `probabilities`: rows x classes, row-major. `blocks` as in ScoredRows.
struct ClassifiedRows {
  std::vector<std::string> classes;
  std::vector<std::uint32_t> labels;
  std::vector<double> probabilities;
  std::vector<std::uint32_t> blocks;
};

struct MulticlassOptions {
  /// Each class's share of the training rows; empty: of these rows.
  std::vector<double> training_shares{};
  BootstrapOptions bootstrap{};
};

/// Fills in everything of the report but names, digest, times and the text of `block`: no_model names the class
/// most frequent in training for every row, trivial_model answers the training shares.
/// Errors: kInvalidArgument for fewer than 2 or more than kClassesMax classes, vectors of unequal length, no rows,
/// a label that is no class, a probability outside [0, 1] (with its row); those of CheckSlices.
Result<Report> EvaluateMulticlass(const ClassifiedRows& rows, const std::vector<SliceColumn>& slices,
                                  const MulticlassOptions& options);

/// The rows alone, to compare two models on them. Errors: as above.
Result<std::unique_ptr<Measurable>> MeasureMulticlass(const ClassifiedRows& rows);

}  // namespace mw::evaluation
