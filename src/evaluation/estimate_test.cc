// Estimates without labels: answers worked out by hand, and simulations in which the truth is known.
#include "evaluation/estimate.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "base/random.h"

namespace mw::evaluation {
namespace {

const MetricValue& Of(const std::vector<MetricValue>& metrics, std::string_view name) {
  const MetricValue* found = FindMetric(metrics, name);
  EXPECT_NE(found, nullptr) << name;
  static const MetricValue kNone;
  return found == nullptr ? kNone : *found;
}

TEST(Estimate, FollowsFromExpectedCounts) {
  // Expected: TP .9 + .6, FP .1 + .4, FN .3 + .1, TN .7 + .9; 1.9 positives and 2.1 negatives.
  const std::vector<double> p = {0.3, 0.9, 0.1, 0.6};
  const auto metrics = *EstimateMetrics(p, {}, std::nullopt, {.threshold = 0.5, .costs = CostRates{9, 1}});
  EXPECT_NEAR(*Of(metrics, "precision").value, 1.5 / 2, 1e-12);
  EXPECT_NEAR(*Of(metrics, "recall").value, 1.5 / 1.9, 1e-12);
  EXPECT_NEAR(*Of(metrics, "f1").value, 2 * 1.5 / (2 + 1.9), 1e-12);
  EXPECT_NEAR(*Of(metrics, "accuracy").value, 3.1 / 4, 1e-12);
  EXPECT_NEAR(*Of(metrics, "saving").value, 1 - (9 * 0.4 + 2) / 4, 1e-12);
  // Sweep: .1 * .45 + .4 * 1.2 + .7 * 1.65 + .9 * 1.85, over 1.9 * 2.1.
  EXPECT_NEAR(*Of(metrics, "roc_auc").value, 3.345 / 3.99, 1e-12);
  EXPECT_NEAR(*Of(metrics, "brier").value, (0.09 + 0.24 + 0.21 + 0.09) / 4, 1e-12);
  EXPECT_NEAR(*Of(metrics, "positive_share").value, 1.9 / 4, 1e-12);
  EXPECT_FALSE(Of(metrics, "recall").low.has_value()) << "four rows give no interval";
}

TEST(Estimate, CalibrationErrorsNeedLabels) {
  const auto metrics = *EstimateMetrics(std::vector<double>{0.2, 0.8}, {}, std::nullopt, {});
  for (const char* name : {"ece", "ece_equal_width"}) {
    EXPECT_FALSE(Of(metrics, name).value.has_value());
    EXPECT_NE(Of(metrics, name).reason.find("needs labels"), std::string::npos);
  }
}

TEST(Estimate, UndefinedHasAReason) {
  const auto none = *EstimateMetrics({}, {}, std::nullopt, {});
  EXPECT_EQ(Of(none, "roc_auc").reason, "there are no rows");
  const auto unflagged = *EstimateMetrics(std::vector<double>{0.2, 0.3}, {}, std::nullopt, {});
  EXPECT_EQ(Of(unflagged, "precision").reason, "no row is flagged at the threshold");
  EXPECT_FALSE(EstimateMetrics(std::vector<double>{1.5}, {}, std::nullopt, {}).ok());
  EXPECT_FALSE(EstimateMetrics(std::vector<double>{std::nan("")}, {}, std::nullopt, {}).ok());
}

TEST(Isotonic, PoolsAdjacentViolators) {
  const std::vector<double> p = {0.1, 0.2, 0.3, 0.4, 0.5};
  const std::vector<std::uint8_t> y = {0, 1, 0, 1, 1};
  const auto calibration = IsotonicCalibration::Fit(p, y);
  EXPECT_DOUBLE_EQ(calibration(0.1), 0);
  EXPECT_DOUBLE_EQ(calibration(0.2), 0.5);
  EXPECT_DOUBLE_EQ(calibration(0.3), 0.5);
  EXPECT_DOUBLE_EQ(calibration(0.25), 0.5);
  EXPECT_DOUBLE_EQ(calibration(0.15), 0.25) << "straight between the pools";
  EXPECT_DOUBLE_EQ(calibration(0.4), 1);
  EXPECT_DOUBLE_EQ(calibration(0.0), 0);
  EXPECT_DOUBLE_EQ(calibration(1.0), 1);
}

TEST(Isotonic, TiesAreOnePoolAndNothingIsTheIdentity) {
  const auto calibration =
      IsotonicCalibration::Fit(std::vector<double>{0.4, 0.4, 0.4, 0.4}, std::vector<std::uint8_t>{1, 0, 0, 0});
  EXPECT_DOUBLE_EQ(calibration(0.4), 0.25);
  EXPECT_DOUBLE_EQ(calibration(0.9), 0.25);
  EXPECT_DOUBLE_EQ(IsotonicCalibration::Fit({}, {})(0.7), 0.7);
}

// Rows whose true chance is p, or p to some power when the model is off.
struct Simulated {
  std::vector<double> model;
  std::vector<std::uint8_t> positives;
};
Simulated Simulate(Random& random, std::size_t rows, double power, double shift) {
  Simulated out;
  for (std::size_t i = 0; i < rows; ++i) {
    const double truth = std::clamp(std::pow(random.Uniform(), 2) + shift, 0.0, 1.0);
    out.model.push_back(std::pow(truth, power));
    out.positives.push_back(random.Uniform() < truth ? 1 : 0);
  }
  return out;
}

TEST(Isotonic, IsUsedOnlyWhenItHelps) {
  Random random(7);
  const Simulated off = Simulate(random, 6000, 2, 0);
  EXPECT_TRUE(CalibrateIfBetter(off.model, off.positives, 1).has_value());
  EXPECT_FALSE(CalibrateIfBetter({}, {}, 1).has_value());
  // Every row says what is true of it: no map can be nearer on rows that it has not seen.
  const std::vector<double> certain = {0, 0, 0, 1, 1, 1};
  const std::vector<std::uint8_t> so_it_is = {0, 0, 0, 1, 1, 1};
  EXPECT_FALSE(CalibrateIfBetter(certain, so_it_is, 1).has_value());
}

// Realised metrics of the same rows once their labels are known.
Scores Realised(const Simulated& rows, double threshold, const std::optional<CostRates>& costs) {
  return ScoresOf(Count(*RankedRows::Make({rows.positives, rows.model, {}}, threshold)), costs);
}

class EstimateUnderShift : public ::testing::TestWithParam<std::pair<double, double>> {};

TEST_P(EstimateUnderShift, LiesWithinFourStandardErrorsOfWhatIsRealised) {
  const auto [power, shift] = GetParam();
  const EstimateOptions options{
      .threshold = 0.3, .costs = CostRates{9, 3}, .bootstrap = {.replicates = 100, .confidence = 0.95, .seed = 1}};
  constexpr int kRounds = 25;
  std::array<double, kMetricCount> sum{}, squares{};
  std::size_t covered = 0, intervals = 0;
  for (int round = 0; round < kRounds; ++round) {
    Random random(100 + static_cast<std::uint64_t>(round));
    const Simulated reference = Simulate(random, 20'000, power, 0);
    const Simulated window = Simulate(random, 4000, power, shift);
    const auto calibration = CalibrateIfBetter(reference.model, reference.positives, 1);
    const auto estimated = *EstimateMetrics(window.model, {}, calibration, options);
    const Scores realised = Realised(window, options.threshold, options.costs);
    for (std::size_t i = 0; i < kMetricCount; ++i) {
      if (!estimated[i].value) continue;
      const double error = *estimated[i].value - realised[i];
      sum[i] += error;
      squares[i] += error * error;
      if (!estimated[i].low || static_cast<MetricId>(i) == MetricId::kMeanPredicted) continue;
      ++intervals;
      covered += realised[i] >= *estimated[i].low && realised[i] <= *estimated[i].high ? 1 : 0;
    }
  }
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const double mean = sum[i] / kRounds;
    const double error = std::sqrt(std::max(squares[i] / kRounds - mean * mean, 0.0) / (kRounds - 1));
    EXPECT_LE(std::fabs(mean), 4 * error + 1e-9) << MetricName(static_cast<MetricId>(i));
  }
  EXPECT_GT(static_cast<double>(covered) / static_cast<double>(intervals), 0.93);
}

INSTANTIATE_TEST_SUITE_P(Simulations, EstimateUnderShift,
                         ::testing::Values(std::pair(1.0, 0.0), std::pair(1.0, 0.2), std::pair(1.0, -0.05),
                                           std::pair(2.0, 0.0), std::pair(0.5, 0.1)));

TEST(Estimate, ManyRowsOfAWindowAreQuick) {
  Random random(3);
  const Simulated window = Simulate(random, 30'000, 1, 0);
  std::vector<std::uint32_t> blocks;
  for (std::uint32_t i = 0; i < 30'000; ++i) blocks.push_back(i / 15);
  const auto once = *EstimateMetrics(window.model, blocks, std::nullopt, {});
  const auto again = *EstimateMetrics(window.model, blocks, std::nullopt, {});
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    EXPECT_EQ(once[i].value, again[i].value);
    EXPECT_EQ(once[i].low, again[i].low);
  }
}

}  // namespace
}  // namespace mw::evaluation
