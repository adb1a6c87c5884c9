// The report of a model that predicts a number. Pure; any thread; the same input gives the same report.
//
//   rmse = sqrt(mean (p - y)^2)      mae = mean |p - y|      r2 = 1 - sum (p - y)^2 / sum (y - mean y)^2
//   mape = mean |p - y| / |y|, undefined when a label is 0
//   rmsle = sqrt(mean (ln(1+p) - ln(1+y))^2), undefined when a label or prediction is below 0
//   absolute_error.p50, .p90: the least absolute error that so many rows do not exceed
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "evaluation/bootstrap.h"
#include "evaluation/measurable.h"
#include "evaluation/report.h"
#include "evaluation/slices.h"

namespace mw::evaluation {

/// Fewer rows than this make a slice insufficient.
inline constexpr std::int64_t kSliceRowsMin = 100;

/// One element per row. `blocks` as in ScoredRows.
struct RegressionRows {
  std::vector<double> labels;
  std::vector<double> predictions;
  std::vector<std::uint32_t> blocks;
};

/// What the training rows' labels were: what a constant answers.
struct LabelConstants {
  double mean = 0;    ///< of all constants the best by rmse
  double median = 0;  ///< the best by mae
};

struct RegressionOptions {
  /// Absent: those of the rows themselves.
  std::optional<LabelConstants> training{};
  BootstrapOptions bootstrap{};
};

/// Fills in everything of the report but names, digest, times and the text of `block`: no_model is the median,
/// trivial_model the mean of the training labels for every row. Errors: kInvalidArgument for vectors of unequal length,
/// no rows, a label or prediction that is not finite (with its row); those of CheckSlices.
Result<Report> EvaluateRegression(const RegressionRows& rows, const std::vector<SliceColumn>& slices,
                                  const RegressionOptions& options);

/// The rows alone, to compare two models on them. Errors: as above.
Result<std::unique_ptr<Measurable>> MeasureRegression(const RegressionRows& rows);

/// Mean and median. `labels` is not empty.
LabelConstants ConstantsOf(std::vector<double> labels);

}  // namespace mw::evaluation
