// Errors of numbers against scikit-learn, undefined metrics, slices, intervals that cover.
#include "evaluation/regression.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "evaluation/test_numbers.h"

namespace mw::evaluation {
namespace {

using testing::Number;

// Labels from -2 to 8 and predictions up to 1.65 away.
RegressionRows MissedNumbers(std::uint32_t count, double shift = 0) {
  RegressionRows rows;
  for (std::uint32_t i = 0; i < count; ++i) {
    const double label = Number(i, 1) * 10 - 2;
    rows.labels.push_back(label + shift);
    rows.predictions.push_back(label + (Number(i, 2) - 0.45) * 3 + shift);
  }
  return rows;
}

Report Evaluated(const RegressionRows& rows, const RegressionOptions& options = {}) {
  const auto report = EvaluateRegression(rows, {}, options);
  EXPECT_TRUE(report.ok()) << report.error().ToString();
  return *report;
}

double Value(const Report& report, std::string_view metric) {
  const MetricValue* found = FindMetric(report.overall, metric);
  return found == nullptr || !found->value ? std::nan("") : *found->value;
}

TEST(Regression, EqualsScikitLearn) {
  const Report report = Evaluated(MissedNumbers(200));
  EXPECT_NEAR(Value(report, "rmse"), 0.8583262345165651, 1e-12);
  EXPECT_NEAR(Value(report, "mae"), 0.7309892546043265, 1e-12);
  EXPECT_NEAR(Value(report, "r2"), 0.9143570268983693, 1e-12);
  EXPECT_NEAR(Value(report, "mape"), 2.1215095530679147, 1e-12);
  EXPECT_NEAR(Value(report, "absolute_error.p50"), 0.6829755223821845, 1e-12);
  EXPECT_NEAR(Value(report, "absolute_error.p90"), 1.372474280744791, 1e-12);
  EXPECT_NEAR(Value(report, "mean_error"), 0.1752197785594036, 1e-12);
  EXPECT_NEAR(Value(report, "mean_label"), 2.814680412982125, 1e-12);
  RegressionRows positive = MissedNumbers(200, 3);
  for (double& prediction : positive.predictions) prediction = std::fabs(prediction);
  EXPECT_NEAR(Value(Evaluated(positive), "rmsle"), 0.15862355866215916, 1e-12);
}

TEST(Regression, FarFromZeroNoDigitIsLost) {
  EXPECT_NEAR(Value(Evaluated(MissedNumbers(200, 1e8)), "r2"), 0.9143570268983693, 1e-6);
}

TEST(Regression, WhatIsUndefinedHasAReason) {
  const Report negative = Evaluated(MissedNumbers(200));
  EXPECT_EQ(FindMetric(negative.overall, "rmsle")->reason, "a label or a prediction is below 0");
  const Report zero = Evaluated({{0, 1, 2}, {1, 1, 1}, {}});
  EXPECT_EQ(FindMetric(zero.overall, "mape")->reason, "a label is 0");
  const Report constant = Evaluated({{0.1, 0.1, 0.1}, {1, 2, 3}, {}});
  EXPECT_EQ(FindMetric(constant.overall, "r2")->reason, "all labels are equal");
}

TEST(Regression, ConstantsAreTheTrainingRows) {
  RegressionOptions options;
  options.training = LabelConstants{2.5, 3};
  const Report report = Evaluated(MissedNumbers(300), options);
  EXPECT_EQ(report.trivial_model.rule, "every row 2.5, the training rows' mean");
  EXPECT_EQ(report.no_model.rule, "every row 3, the training rows' median");
  EXPECT_LT(Value(report, "rmse"), *FindMetric(report.trivial_model.metrics, "rmse")->value);
}

TEST(Regression, FitAndErrorsDescribeTheRows) {
  const Report report = Evaluated(MissedNumbers(200));
  ASSERT_EQ(report.fit.size(), kFitBinsMax);
  std::int64_t rows = 0;
  for (const FitBin& bin : report.fit) {
    rows += bin.rows;
    EXPECT_GE(bin.mean_predicted, bin.low);
    EXPECT_LE(bin.mean_predicted, bin.high);
  }
  EXPECT_EQ(rows, 200);
  ASSERT_EQ(report.errors.size(), 5U);
  EXPECT_LT(report.errors.front().error, report.errors.back().error);
}

TEST(Regression, SlicesOfFewRowsAreWithheld) {
  SliceColumn column{"origin", {}, {"JFK", "EWR"}};
  for (std::uint32_t i = 0; i < 300; ++i) column.codes.push_back(i % 5 == 0 ? 1U : 0U);
  const auto report = EvaluateRegression(MissedNumbers(300), {column}, {});
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->slices.size(), 2U);
  EXPECT_EQ(report->slices[0].value, "EWR");
  EXPECT_EQ(report->slices[0].reason, "insufficient data: 60 rows, need 100");
  EXPECT_TRUE(FindMetric(report->slices[1].metrics, "rmse")->value.has_value());
}

TEST(Regression, IntervalsCoverAsOftenAsTheySay) {
  int covered = 0;
  for (std::uint64_t run = 0; run < 200; ++run) {
    Random random(run);
    RegressionRows rows;
    for (int i = 0; i < 400; ++i) {
      rows.labels.push_back(random.Normal());
      rows.predictions.push_back(rows.labels.back() + random.Normal());
    }
    RegressionOptions options;
    options.bootstrap.replicates = 200;
    options.bootstrap.seed = run;
    const Report report = Evaluated(rows, options);
    const MetricValue* rmse = FindMetric(report.overall, "rmse");
    if (*rmse->low <= 1 && 1 <= *rmse->high) ++covered;
  }
  EXPECT_GE(covered, 178);
  EXPECT_LE(covered, 199);
}

TEST(Regression, AModelAgainstItselfGainsNothingAndAWorseOneLoses) {
  const RegressionRows rows = MissedNumbers(300);
  RegressionRows worse = rows;
  for (std::uint32_t i = 0; i < 300; ++i) worse.predictions[i] += Number(i, 7) - 0.5;
  const auto own = MeasureRegression(rows), other = MeasureRegression(worse);
  ASSERT_TRUE(own.ok() && other.ok());
  for (const Gain& gain : Compare(**own, **own, {})) {
    if (!std::isfinite(gain.value)) continue;
    EXPECT_EQ(gain.value, 0) << gain.metric;
  }
  const std::vector<Gain> gains = Compare(**own, **other, {});
  EXPECT_EQ(gains[0].metric, "rmse");
  ASSERT_TRUE(gains[0].interval.has_value());
  EXPECT_LT(gains[0].value, 0);
  EXPECT_LT(gains[0].interval->low, gains[0].value);
  EXPECT_GT(gains[0].interval->high, gains[0].value);
}

TEST(Regression, WhatNoNumberCanHoldHasAReason) {
  const Report huge = Evaluated({{1e308, -1e308, 1e308}, {-1e308, 1e308, 1e308}, {}});
  EXPECT_EQ(FindMetric(huge.overall, "rmse")->value, std::nullopt);
  EXPECT_EQ(FindMetric(huge.overall, "rmse")->reason, "the value is not finite");
  EXPECT_TRUE(ReportFromJson(ToJson(huge)).ok()) << "JSON has no infinity";
  const Report tiny = Evaluated({{5e-324, 0.0, -0.0}, {0.0, 5e-324, 0.0}, {}});
  EXPECT_EQ(*FindMetric(tiny.overall, "absolute_error.p90")->value, 5e-324);
  const Report one = Evaluated({{3}, {4}, {}});
  EXPECT_EQ(Value(one, "rmse"), 1);
  EXPECT_EQ(FindMetric(one.overall, "r2")->reason, "all labels are equal");
}

TEST(Regression, RefusesWhatIsNoNumber) {
  for (const double bad : {std::nan(""), double{INFINITY}}) {
    const auto refused = EvaluateRegression({{1, bad}, {1, 2}, {}}, {}, {});
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("row 1: the label is"), std::string::npos);
    EXPECT_FALSE(EvaluateRegression({{1, 2}, {1, bad}, {}}, {}, {}).ok());
  }
  EXPECT_FALSE(EvaluateRegression({{}, {}, {}}, {}, {}).ok());
  EXPECT_FALSE(EvaluateRegression({{1, 2}, {1}, {}}, {}, {}).ok());
  EXPECT_FALSE(EvaluateRegression({{1, 2}, {1, 2}, {0, 2}}, {}, {}).ok());
}

TEST(Regression, TheReportReadsBack) {
  Report report = Evaluated(MissedNumbers(200));
  report.model = "prices";
  const Json json = ToJson(report);
  EXPECT_EQ(json.StringOr("problem", ""), "regression");
  EXPECT_TRUE(json.Find("threshold")->IsNull());
  const auto read = ReportFromJson(json);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(ToJson(*read).Dump(), json.Dump());
  EXPECT_NE(ReportTable(report).find("rmse"), std::string::npos);
  EXPECT_TRUE(Summary(report).starts_with("200 rows, rmse 0.858"));
}

}  // namespace
}  // namespace mw::evaluation
