// Errors of numbers.
#include "evaluation/regression.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "evaluation/ratio.h"
#include "evaluation/sum.h"
#include "goals/metric.h"

namespace mw::evaluation {
namespace {

constexpr std::array kErrorShares = {0.05, 0.25, 0.5, 0.75, 0.95};

enum ErrorPlace : std::size_t { kRmse, kMae, kR2, kMape, kRmsle, kP50, kP90, kMeanError, kMeanLabel, kErrorPlaces };

const std::vector<std::string>& ErrorMetricNames() {
  static const std::vector<std::string> names = {
      "rmse", "mae", "r2", "mape", "rmsle", "absolute_error.p50", "absolute_error.p90", "mean_error", "mean_label"};
  return names;
}

class Errors final : public Measurable {
 public:
  Errors(const RegressionRows& rows, std::vector<std::uint32_t> blocks, std::size_t num_blocks) : blocks_(num_blocks) {
    const std::size_t count = rows.labels.size();
    // Sums of squares about a middle value: far from zero they would lose their digits.
    middle_ = ConstantsOf(rows.labels).mean;
    for (std::size_t row = 0; row < count; ++row) Add(blocks_[blocks[row]], rows.labels[row], rows.predictions[row]);
    by_error_.resize(count);
    std::iota(by_error_.begin(), by_error_.end(), 0U);
    const auto error = [&](std::uint32_t row) { return std::fabs(rows.predictions[row] - rows.labels[row]); };
    std::sort(by_error_.begin(), by_error_.end(),
              [&](std::uint32_t a, std::uint32_t b) { return error(a) < error(b); });
    for (const std::uint32_t row : by_error_) absolute_.push_back(error(row));
    for (std::uint32_t& row : by_error_) row = blocks[row];
  }

  [[nodiscard]] const std::vector<std::string>& metrics() const override { return ErrorMetricNames(); }
  [[nodiscard]] std::size_t rows() const override { return absolute_.size(); }
  [[nodiscard]] std::size_t num_blocks() const override { return blocks_.size(); }
  [[nodiscard]] std::vector<double> Measure(std::span<const double> block_weights) const override;
  [[nodiscard]] std::string WhyUndefined(std::size_t metric) const override {
    if (metric == kMape) return "a label is 0";
    if (metric == kRmsle) return "a label or a prediction is below 0";
    if (metric == kR2) return "all labels are equal";
    return "the value is not finite";
  }

 private:
  struct BlockSums {
    double rows = 0, error = 0, absolute = 0, squared = 0, relative = 0, log_squared = 0, label = 0, label_squared = 0;
  };

  void Add(BlockSums& block, double label, double prediction) {
    const double error = prediction - label;
    block.rows += 1;
    block.error += error;
    block.absolute += std::fabs(error);
    block.squared += error * error;
    label == 0 ? has_zero_ = true : block.relative += std::fabs(error / label);
    if (label < 0 || prediction < 0) {
      has_negative_ = true;
    } else {
      block.log_squared += std::pow(std::log1p(prediction) - std::log1p(label), 2);
    }
    block.label += label - middle_;
    block.label_squared += (label - middle_) * (label - middle_);
  }

  /// The least error at which the weights so far reach the share.
  void Quantiles(std::span<const double> weights, double total, std::vector<double>& out) const {
    double so_far = 0;
    for (std::size_t i = 0; i < absolute_.size(); ++i) {
      const double before = so_far;
      so_far += weights[by_error_[i]];
      if (before < 0.5 * total && so_far >= 0.5 * total) out[kP50] = absolute_[i];
      if (so_far >= 0.9 * total) {
        out[kP90] = absolute_[i];
        return;
      }
    }
  }

  std::vector<BlockSums> blocks_;
  std::vector<double> absolute_;         ///< ascending
  std::vector<std::uint32_t> by_error_;  ///< the block of each
  double middle_ = 0;
  bool has_zero_ = false, has_negative_ = false;
};

std::vector<double> Errors::Measure(std::span<const double> weights) const {
  Sum rows, error, absolute, squared, relative, log_squared, label, label_squared;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const double weight = weights[i];
    if (weight == 0) continue;
    rows.Add(weight * blocks_[i].rows);
    error.Add(weight * blocks_[i].error);
    absolute.Add(weight * blocks_[i].absolute);
    squared.Add(weight * blocks_[i].squared);
    relative.Add(weight * blocks_[i].relative);
    log_squared.Add(weight * blocks_[i].log_squared);
    label.Add(weight * blocks_[i].label);
    label_squared.Add(weight * blocks_[i].label_squared);
  }
  std::vector<double> out(kErrorPlaces, kNan);
  const double total = rows.Total();
  if (total == 0) return out;
  const double variation = label_squared.Total() - label.Total() * label.Total() / total;
  out[kRmse] = std::sqrt(squared.Total() / total);
  out[kMae] = absolute.Total() / total;
  // What is left of equal labels is rounding, not variation.
  if (variation > 1e-12 * label_squared.Total()) out[kR2] = 1 - squared.Total() / variation;
  if (!has_zero_) out[kMape] = relative.Total() / total;
  if (!has_negative_) out[kRmsle] = std::sqrt(log_squared.Total() / total);
  Quantiles(weights, total, out);
  out[kMeanError] = error.Total() / total;
  out[kMeanLabel] = middle_ + label.Total() / total;
  return out;
}

Status CheckRows(const RegressionRows& rows) {
  if (rows.labels.empty()) return InvalidArgument("there are no rows to evaluate");
  if (rows.predictions.size() != rows.labels.size()) {
    return InvalidArgument(rows.labels.size(), " labels but ", rows.predictions.size(), " predictions");
  }
  for (std::size_t row = 0; row < rows.labels.size(); ++row) {
    for (const auto& [what, value] : {std::pair("label", rows.labels[row]), {"prediction", rows.predictions[row]}}) {
      if (!std::isfinite(value)) return InvalidArgument("row ", row, ": the ", what, " is ", value, ", no number");
    }
  }
  return Ok();
}

Result<Errors> Make(const RegressionRows& rows) {
  TRY(CheckRows(rows));
  std::size_t num_blocks = 0;
  std::vector<std::uint32_t> blocks = TRY(FillBlocks(rows.blocks, rows.labels.size(), num_blocks));
  return Errors(rows, std::move(blocks), num_blocks);
}

RegressionRows Only(const RegressionRows& all, const std::vector<std::size_t>& rows) {
  RegressionRows out;
  for (const std::size_t row : rows) {
    out.labels.push_back(all.labels[row]);
    out.predictions.push_back(all.predictions[row]);
  }
  out.blocks = BlocksOfRows(all.blocks, rows);
  return out;
}

Result<SliceReport> EvaluateSlice(const RegressionRows& all, const SliceColumn& column, std::uint32_t code,
                                  const BootstrapOptions& options) {
  const Errors errors = TRY(Make(Only(all, RowsOf(column, code))));
  SliceReport slice{.column = column.name, .value = column.values[code], .counts = CountsOf(errors)};
  if (slice.counts.rows < kSliceRowsMin) {
    slice.sufficient = false;
    slice.reason = Cat("insufficient data: ", slice.counts.rows, " rows, need ", kSliceRowsMin);
    slice.metrics = Withheld(ErrorMetricNames(), slice.counts.rows, slice.reason);
  } else {
    slice.metrics = ValuesWithIntervals(errors, options);
  }
  return slice;
}

Result<Baseline> Constant(const RegressionRows& rows, double value, std::string_view name) {
  const Errors errors = TRY(Make({rows.labels, std::vector<double>(rows.labels.size(), value), rows.blocks}));
  return Baseline{Cat("every row ", goals::CompactNumber(value), ", the training rows' ", name), PointValues(errors)};
}

std::vector<ErrorQuantile> ErrorQuantiles(const RegressionRows& rows) {
  std::vector<double> errors;
  for (std::size_t row = 0; row < rows.labels.size(); ++row) errors.push_back(rows.predictions[row] - rows.labels[row]);
  std::sort(errors.begin(), errors.end());
  std::vector<ErrorQuantile> out;
  for (const double share : kErrorShares) out.push_back({share, Quantile(errors, share)});
  return out;
}

/// Bins of equal mass by prediction.
std::vector<FitBin> Fit(const RegressionRows& rows) {
  const std::size_t count = rows.labels.size(), bins = std::min(count, kFitBinsMax);
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return rows.predictions[a] < rows.predictions[b]; });
  std::vector<FitBin> out;
  for (std::size_t i = 0; i < bins; ++i) {
    FitBin bin;
    const std::size_t begin = i * count / bins, end = (i + 1) * count / bins;
    bin.rows = static_cast<std::int64_t>(end - begin);
    bin.low = rows.predictions[order[begin]];
    bin.high = rows.predictions[order[end - 1]];
    for (std::size_t at = begin; at < end; ++at) {
      bin.mean_predicted += rows.predictions[order[at]] / static_cast<double>(bin.rows);
      bin.mean_label += rows.labels[order[at]] / static_cast<double>(bin.rows);
    }
    out.push_back(bin);
  }
  return out;
}

}  // namespace

LabelConstants ConstantsOf(std::vector<double> labels) {
  std::sort(labels.begin(), labels.end());
  Sum sum;
  for (const double label : labels) sum.Add(label / static_cast<double>(labels.size()));
  return {sum.Total(), Quantile(labels, 0.5)};
}

Result<Report> EvaluateRegression(const RegressionRows& rows, const std::vector<SliceColumn>& slices,
                                  const RegressionOptions& options) {
  const Errors errors = TRY(Make(rows));
  TRY(CheckSlices(rows.labels.size(), slices));
  BootstrapOptions bootstrap = options.bootstrap;
  bootstrap.replicates = AffordableReplicates(bootstrap.replicates, static_cast<double>(2 * rows.labels.size()));
  const LabelConstants training = options.training.value_or(ConstantsOf(rows.labels));
  Report report;
  report.problem = goals::Problem::kRegression;
  report.confidence = bootstrap.confidence;
  report.replicates = bootstrap.replicates;
  report.seed = bootstrap.seed;
  report.counts = CountsOf(errors);
  MeasureOverall(errors, bootstrap, report);
  report.no_model = TRY(Constant(rows, training.median, "median"));
  report.trivial_model = TRY(Constant(rows, training.mean, "mean"));
  for (const SliceColumn& column : slices) {
    for (const std::uint32_t code : ByName(column)) {
      report.slices.push_back(TRY(EvaluateSlice(rows, column, code, bootstrap)));
    }
  }
  report.errors = ErrorQuantiles(rows);
  report.fit = Fit(rows);
  return report;
}

Result<std::unique_ptr<Measurable>> MeasureRegression(const RegressionRows& rows) {
  return std::unique_ptr<Measurable>(std::make_unique<Errors>(TRY(Make(rows))));
}

}  // namespace mw::evaluation
