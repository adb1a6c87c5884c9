// What a batch costs: fixed + per row, of one model on one worker. Measured at warm-up, kept up while serving.
//
// A plain value; the batcher's schedule owns the one in use.
// Invariant: both parts are at least 0, so more rows are never predicted to take less time.
#pragma once

#include <cstddef>
#include <span>

#include "base/clock.h"
#include "base/result.h"
#include "serving/backend/backend.h"
#include "serving/tensor.h"

namespace mw::serving {

struct CostModel {
  double fixed_us = 0;
  double row_us = 0;

  /// Until the first batch or measurement nothing is known, and 0 is predicted.
  [[nodiscard]] bool known() const { return fixed_us > 0 || row_us > 0; }
  [[nodiscard]] double PredictUs(std::size_t rows) const { return fixed_us + row_us * static_cast<double>(rows); }
  [[nodiscard]] Duration Predict(std::size_t rows) const;
};

/// Keeps a cost model up: least squares of the relative errors of the batches that ran, each counting a twentieth less
/// with every one after it. Sizes that nobody sends any more keep what was known of them.
class CostTracker {
 public:
  explicit CostTracker(const CostModel& start) : cost_(start) {}
  /// A batch counts as four times or a quarter of what was predicted at most, so that one hiccup does not refuse a
  /// second of requests.
  void Learn(std::size_t rows, Duration took);
  [[nodiscard]] const CostModel& cost() const { return cost_; }

 private:
  CostModel cost_;
  double one_one_ = 0, one_n_ = 0, n_n_ = 0, one_t_ = 0, n_t_ = 0;  // weighted sums of 1, n, n^2, t, n t
};

struct CostSample {
  std::size_t rows = 1;
  double us = 0;
};
/// Least squares of the relative errors; one sample is taken as half fixed.
CostModel FitCost(std::span<const CostSample> samples);

/// Runs batches of 1, 2, 4, ... up to rows_max rows made of the sample's rows, each size three times (the median
/// counts), until one takes longer than a quarter of a second. `sample`: at least one row, as Runner::Run takes it.
/// Warms the worker up on the way. Errors: the runner's.
Result<CostModel> MeasureCost(Runner& runner, const TensorList& sample, std::size_t rows_max, Duration run_timeout,
                              const Clock& clock);

}  // namespace mw::serving
