// Fitting and measuring what a batch costs.
#include "serving/cost_model.h"

#include <algorithm>
#include <array>
#include <vector>

#include "serving/tensor_batch.h"

namespace mw::serving {
namespace {

/// Of a batch's weight, with each batch after it.
constexpr double kForget = 0.95;
constexpr Duration kLongestSample = std::chrono::milliseconds(250);

/// Of one size alone: nobody knows how it is made up.
CostModel HalfFixed(std::size_t rows, double us) {
  return CostModel{us / 2, us / 2 / static_cast<double>(std::max<std::size_t>(rows, 1))};
}

/// With one part left out: the other's least squares of relative errors, sum(x/t) / sum(x^2/t^2).
double FitAlone(std::span<const CostSample> samples, bool by_row) {
  double above = 0, below = 0;
  for (const CostSample& sample : samples) {
    const double x = (by_row ? static_cast<double>(sample.rows) : 1.0) / sample.us;
    above += x;
    below += x * x;
  }
  return above / below;
}

Result<double> MedianUs(Runner& runner, const TensorList& batch, Duration run_timeout, const Clock& clock) {
  std::array<double, 3> took{};
  for (double& us : took) {
    const Duration start = clock.Elapsed();
    TRY(runner.Run(batch, run_timeout));
    us = std::max(0.5, static_cast<double>((clock.Elapsed() - start).count()));
  }
  std::nth_element(took.begin(), took.begin() + 1, took.end());
  return took[1];
}

}  // namespace

Duration CostModel::Predict(std::size_t rows) const { return Duration(static_cast<std::int64_t>(PredictUs(rows))); }

void CostTracker::Learn(std::size_t rows, Duration took) {
  const double n = static_cast<double>(std::max<std::size_t>(rows, 1));
  if (!cost_.known()) cost_ = HalfFixed(rows, std::max(0.5, static_cast<double>(took.count())));
  const double predicted = cost_.PredictUs(rows);
  const double t = std::clamp(static_cast<double>(took.count()), predicted / 4, predicted * 4);
  // Relative to the prediction and not to t: else, when a model gets slower, the quick batches of before weigh more.
  const double weight = 1 / (predicted * predicted);
  one_one_ = kForget * one_one_ + weight;
  one_n_ = kForget * one_n_ + weight * n;
  n_n_ = kForget * n_n_ + weight * n * n;
  one_t_ = kForget * one_t_ + weight * t;
  n_t_ = kForget * n_t_ + weight * n * t;
  // What the batches leave open (all of one size, say) stays near what it was: one more, weak, equation for each part.
  const double fixed_scale = std::max(cost_.fixed_us, predicted / 10);
  const double row_scale = std::max(cost_.row_us, predicted / 10 / n);
  const double keep_fixed = 1 / (fixed_scale * fixed_scale), keep_row = 1 / (row_scale * row_scale);
  const double a = one_one_ + keep_fixed, d = n_n_ + keep_row;
  const double x = one_t_ + keep_fixed * cost_.fixed_us, y = n_t_ + keep_row * cost_.row_us;
  const double determinant = a * d - one_n_ * one_n_;
  cost_.fixed_us = std::max(0.0, (x * d - y * one_n_) / determinant);
  cost_.row_us = std::max(0.0, (y * a - x * one_n_) / determinant);
}

CostModel FitCost(std::span<const CostSample> samples) {
  if (samples.empty()) return {};
  if (samples.size() == 1) return HalfFixed(samples[0].rows, samples[0].us);
  // Minimises sum ((fixed + row * n) / t - 1)^2.
  double s11 = 0, s1n = 0, snn = 0, s1 = 0, sn = 0;
  for (const CostSample& sample : samples) {
    const double one = 1 / sample.us, n = static_cast<double>(sample.rows) / sample.us;
    s11 += one * one;
    s1n += one * n;
    snn += n * n;
    s1 += one;
    sn += n;
  }
  const double determinant = s11 * snn - s1n * s1n;
  if (determinant <= 1e-12 * s11 * snn) return HalfFixed(samples[0].rows, samples[0].us);
  const CostModel fit{(s1 * snn - sn * s1n) / determinant, (sn * s11 - s1 * s1n) / determinant};
  if (fit.fixed_us < 0) return {0, FitAlone(samples, true)};
  if (fit.row_us < 0) return {FitAlone(samples, false), 0};
  return fit;
}

Result<CostModel> MeasureCost(Runner& runner, const TensorList& sample, std::size_t rows_max, Duration run_timeout,
                              const Clock& clock) {
  std::vector<CostSample> samples;
  TensorList batch;
  for (std::size_t rows = 1; rows <= rows_max; rows *= 2) {
    TRY(RepeatRows(sample, rows, batch));
    const double us = TRY(MedianUs(runner, batch, run_timeout, clock));
    samples.push_back({rows, us});
    if (us > static_cast<double>(kLongestSample.count())) break;
  }
  return FitCost(samples);
}

}  // namespace mw::serving
