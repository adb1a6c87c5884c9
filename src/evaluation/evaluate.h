// Makes the report of one model on one set of rows. Pure; any thread; the same input gives the same report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "evaluation/bootstrap.h"
#include "evaluation/ranked_rows.h"
#include "evaluation/report.h"
#include "evaluation/slices.h"

namespace mw::evaluation {

/// Fewer positives or negatives than this make a slice insufficient, and a gate undecided.
inline constexpr std::int64_t kClassMin = 100;

struct EvaluateOptions {
  double threshold = 0.5;
  std::optional<CostRates> costs{};
  /// The trivial model's constant answer: the share of positives in the training rows. Absent: in these.
  std::optional<double> trivial_probability{};
  BootstrapOptions bootstrap{};
  std::int64_t slice_rows_min = 1;  ///< smaller slices are insufficient
};

/// Fills in everything of the report but names, digest, times and the text of `block`.
/// Errors: those of RankedRows::Make; kInvalidArgument for a slice column of another length, or with so
/// many values that there would be more than kSlicesMax slices.
Result<Report> Evaluate(const ScoredRows& rows, const std::vector<SliceColumn>& slices, const EvaluateOptions& options);

/// At most kCurvePointsMax thresholds, evenly over the rows.
std::vector<CurvePoint> Curve(const RankedRows& rows, const std::optional<CostRates>& costs);
/// At most kMassBins bins; a group of equal probabilities is never cut.
std::vector<CalibrationBin> Calibration(const RankedRows& rows);

}  // namespace mw::evaluation
