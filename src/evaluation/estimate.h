// What metrics will probably be once the labels come: from probabilities alone, before any label is known
// (confidence-based performance estimation). A row of calibrated probability p counts as p of a positive and
// 1 - p of a negative, so everything at the threshold follows from expected counts
//   TP = sum of p over the flagged     FP = sum of 1 - p over the flagged     (FN, TN over the others)
// and ranking metrics from sweeping every distinct probability as the threshold.
//
// Right as long as the probabilities, calibrated on rows with labels, still mean what they say: inputs may
// have moved, the relation of inputs and label may not. Calibration errors therefore cannot be estimated.
// Pure and deterministic; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaluation/bootstrap.h"
#include "evaluation/report.h"
#include "evaluation/scores.h"

namespace mw::evaluation {

/// Why a calibration error has no estimate.
inline constexpr std::string_view kNeedsLabels = "needs labels: the estimate takes the probabilities at their word";

/// A map from probabilities to shares of positives that never falls: isotonic regression by pooling adjacent
/// violators, straight between the pools' ends, constant beyond the first and last.
class IsotonicCalibration {
 public:
  /// Both of one length. Nothing to learn from: the identity.
  static IsotonicCalibration Fit(std::span<const double> probabilities, std::span<const std::uint8_t> positives);
  [[nodiscard]] double operator()(double probability) const;

  struct Point {
    double probability, share;
  };
  /// Ascending in both.
  [[nodiscard]] const std::vector<Point>& points() const { return points_; }

 private:
  std::vector<Point> points_;
};

/// The calibration learned from these rows, if it lowers the calibration error of rows it was not learned
/// from: the mean over three folds, each with the same share of positives. Deterministic for a seed.
std::optional<IsotonicCalibration> CalibrateIfBetter(std::span<const double> probabilities,
                                                     std::span<const std::uint8_t> positives, std::uint64_t seed);

struct EstimateOptions {
  double threshold = 0.5;  ///< of the model's own probabilities
  std::optional<CostRates> costs{};
  BootstrapOptions bootstrap{.replicates = 200, .confidence = 0.95, .seed = 1};
};

/// One value for each metric, in MetricId's order. `blocks` numbers them from 0 without gaps; empty: each row is its
/// own. Intervals hold the luck of labels (each drawn at its probability) and of rows (whole blocks drawn anew).
/// Errors: kInvalidArgument for a probability outside [0, 1] or blocks of another length.
Result<std::vector<MetricValue>> EstimateMetrics(std::span<const double> probabilities,
                                                 std::span<const std::uint32_t> blocks,
                                                 const std::optional<IsotonicCalibration>& calibration,
                                                 const EstimateOptions& options);

}  // namespace mw::evaluation
