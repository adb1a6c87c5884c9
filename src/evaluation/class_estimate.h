// What the metrics of several classes will probably be once the labels come (estimate.h, for more than two): a row
// counts as p_k of class k, so that
//   confusion[k][j] = sum of p_k over the rows predicted to be j
// and everything at the likeliest class follows; ranking takes each class against all others; log loss and Brier score
// are what rows of these probabilities are expected to lose. Calibration errors need labels.
// Probabilities are calibrated class by class on rows with labels, where that lowers the error on others, and scaled
// to a sum of 1. Pure and deterministic; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "evaluation/bootstrap.h"
#include "evaluation/estimate.h"
#include "evaluation/report.h"

namespace mw::evaluation {

/// One map for each class; absent: its probabilities are taken at their word.
using ClassCalibration = std::vector<std::optional<IsotonicCalibration>>;
/// `probabilities`: rows x classes, row-major; `labels`: places among the classes. No rows: none is calibrated.
ClassCalibration CalibrateClasses(std::size_t classes, std::span<const double> probabilities,
                                  std::span<const std::uint32_t> labels, std::uint64_t seed);

/// The metrics of a report of several classes, in its order. `blocks` as in EstimateMetrics; intervals hold the luck of
/// labels and of rows. Errors: kInvalidArgument for fewer than two classes, a probability outside [0, 1], blocks or a
/// calibration of another length.
Result<std::vector<MetricValue>> EstimateClassMetrics(std::size_t classes, std::span<const double> probabilities,
                                                      std::span<const std::uint32_t> blocks,
                                                      const ClassCalibration& calibration,
                                                      const BootstrapOptions& options);

}  // namespace mw::evaluation
