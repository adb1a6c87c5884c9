// Estimates against the metrics that come once labels are drawn at the probabilities.
#include "evaluation/class_estimate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "evaluation/multiclass.h"

namespace mw::evaluation {
namespace {

struct Drawn {
  std::vector<double> model;  ///< as answered
  ClassifiedRows rows;
};

// Three classes; true chances spread by a softmax of random scores. `sharpen`: what the model makes of them.
Drawn DrawRows(std::size_t count, double sharpen, std::uint64_t seed) {
  Random random(seed);
  Drawn out;
  out.rows.classes = {"a", "b", "c"};
  for (std::size_t row = 0; row < count; ++row) {
    std::vector<double> score(3);
    for (double& each : score) each = 3 * random.Uniform();
    double truth = 0, answer = 0;
    for (const double each : score) truth += std::exp(each);
    for (const double each : score) answer += std::exp(each * sharpen);
    double left = random.Uniform();
    std::uint32_t label = 0;
    while (label < 2 && left >= std::exp(score[label]) / truth) left -= std::exp(score[label++]) / truth;
    for (const double each : score) out.rows.probabilities.push_back(std::exp(each * sharpen) / answer);
    out.rows.labels.push_back(label);
    out.rows.blocks.push_back(static_cast<std::uint32_t>(row / 20));
  }
  return out;
}

const ClassCalibration kNone(3);

const MetricValue& Find(const std::vector<MetricValue>& among, std::string_view metric) {
  const MetricValue* found = FindMetric(among, metric);
  EXPECT_NE(found, nullptr) << metric;
  return *found;
}

TEST(ClassEstimate, FindsWhatTheLabelsWillSay) {
  const Drawn drawn = DrawRows(8000, 1, 7);
  const auto estimate =
      EstimateClassMetrics(3, drawn.rows.probabilities, drawn.rows.blocks, kNone, {.replicates = 100, .seed = 3});
  ASSERT_TRUE(estimate.ok()) << estimate.error().message;
  const auto report = EvaluateMulticlass(drawn.rows, {}, {{}, {.replicates = 0}});
  ASSERT_TRUE(report.ok());
  for (const MetricValue& real : report->overall) {
    const MetricValue& guess = Find(*estimate, real.metric);
    if (real.metric == "ece") {
      EXPECT_FALSE(guess.value);
      EXPECT_EQ(guess.reason, kNeedsLabels);
      continue;
    }
    EXPECT_NEAR(*guess.value, *real.value, 0.02) << real.metric;
    EXPECT_LE(*guess.low, *real.value) << real.metric;
    EXPECT_GE(*guess.high, *real.value) << real.metric;
  }
}

TEST(ClassEstimate, IsExactWhereProbabilitiesAre) {
  // Two rows of a, one of b, told apart for certain: every expected count is a whole number.
  const std::vector<double> sure = {1, 0, 0, 1, 0, 0, 0, 1, 0};
  const auto estimate = EstimateClassMetrics(3, sure, {}, kNone, {.replicates = 0});
  ASSERT_TRUE(estimate.ok());
  for (const std::string_view metric : {"accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_roc_auc"}) {
    EXPECT_EQ(Find(*estimate, metric).value, 1.0) << metric;
  }
  EXPECT_EQ(Find(*estimate, "brier").value, 0.0);
  EXPECT_FALSE(Find(*estimate, "accuracy").low) << "three blocks give no interval";
}

TEST(ClassEstimate, ByHand) {
  // Row 1 (.6 .4), row 2 (.3 .7): predicted a, b. Accuracy (.6+.7)/2; recall a .6/.9, b .7/1.1; precision .6, .7.
  // Pairs for a: row 1 above row 2: .6*.7 of the pairs .9*1.1.
  const std::vector<double> rows = {0.6, 0.4, 0.3, 0.7};
  const auto estimate = EstimateClassMetrics(2, rows, {}, ClassCalibration(2), {.replicates = 0});
  ASSERT_TRUE(estimate.ok());
  EXPECT_NEAR(*Find(*estimate, "accuracy").value, 0.65, 1e-12);
  EXPECT_NEAR(*Find(*estimate, "macro_precision").value, 0.65, 1e-12);
  EXPECT_NEAR(*Find(*estimate, "macro_recall").value, (0.6 / 0.9 + 0.7 / 1.1) / 2, 1e-12);
  EXPECT_NEAR(*Find(*estimate, "macro_f1").value, (1.2 / 1.9 + 1.4 / 2.1) / 2, 1e-12);
  const double expected_log =
      -(0.6 * std::log(0.6) + 0.4 * std::log(0.4) + 0.3 * std::log(0.3) + 0.7 * std::log(0.7)) / 2;
  EXPECT_NEAR(*Find(*estimate, "log_loss").value, expected_log, 1e-12);
  EXPECT_NEAR(*Find(*estimate, "brier").value, (2 * 0.6 * 0.4 + 2 * 0.3 * 0.7) / 2, 1e-12);
  const double ties = 0.6 * 0.4 + 0.3 * 0.7;  // a row against itself counts half in the area
  EXPECT_NEAR(*Find(*estimate, "macro_roc_auc").value, (0.6 * 0.7 + ties / 2) / (0.9 * 1.1), 1e-12);
}

TEST(ClassEstimate, CalibrationMendsWhatAnOverconfidentModelSays) {
  const Drawn before = DrawRows(6000, 3, 11), now = DrawRows(6000, 3, 12);
  const auto report = EvaluateMulticlass(now.rows, {}, {{}, {.replicates = 0}});
  ASSERT_TRUE(report.ok());
  const double real = *Find(report->overall, "accuracy").value;
  const auto believed = EstimateClassMetrics(3, now.rows.probabilities, now.rows.blocks, kNone, {.replicates = 0});
  const ClassCalibration calibration = CalibrateClasses(3, before.rows.probabilities, before.rows.labels, 1);
  const auto mended = EstimateClassMetrics(3, now.rows.probabilities, now.rows.blocks, calibration, {.replicates = 0});
  ASSERT_TRUE(believed.ok() && mended.ok());
  EXPECT_GT(*Find(*believed, "accuracy").value, real + 0.1);
  EXPECT_NEAR(*Find(*mended, "accuracy").value, real, 0.02);
}

TEST(ClassEstimate, RowsThatAreAllAlikeRankNothing) {
  const std::vector<double> tied(3 * 30, 1.0 / 3);
  const auto estimate = EstimateClassMetrics(3, tied, {}, kNone, {.replicates = 20});
  ASSERT_TRUE(estimate.ok());
  EXPECT_NEAR(*Find(*estimate, "macro_roc_auc").value, 0.5, 1e-12);
  EXPECT_NEAR(*Find(*estimate, "accuracy").value, 1.0 / 3, 1e-12);
  const std::vector<double> never(3 * 2, 0.0);  // a version that has none of these classes
  const auto nothing = EstimateClassMetrics(3, never, {}, kNone, {.replicates = 0});
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(Find(*nothing, "macro_f1").value);
}

TEST(ClassEstimate, RefusesWhatIsNoProbability) {
  const std::vector<double> rows = {0.6, 1.4};
  EXPECT_EQ(EstimateClassMetrics(2, rows, {}, ClassCalibration(2), {}).error().code, Code::kInvalidArgument);
  const std::vector<double> nan = {0.6, std::nan("")};
  EXPECT_FALSE(EstimateClassMetrics(2, nan, {}, ClassCalibration(2), {}).ok());
  EXPECT_FALSE(EstimateClassMetrics(1, rows, {}, ClassCalibration(1), {}).ok());
  EXPECT_FALSE(EstimateClassMetrics(2, rows, {}, kNone, {}).ok());
  EXPECT_TRUE(EstimateClassMetrics(2, {}, {}, ClassCalibration(2), {}).ok()) << "no rows, no values";
}

}  // namespace
}  // namespace mw::evaluation
