// Several classes against scikit-learn, against two classes' own path, and on bad input.
#include "evaluation/multiclass.h"

#include <gtest/gtest.h>

#include <cmath>

#include "evaluation/evaluate.h"
#include "evaluation/gate.h"
#include "evaluation/test_numbers.h"

namespace mw::evaluation {
namespace {

using testing::Number;

// Scores in eighths, so that many rows tie.
ClassifiedRows ThreeClasses(std::uint32_t count) {
  ClassifiedRows rows;
  rows.classes = {"setosa", "versicolor", "virginica"};
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::uint32_t>(Number(i, 3) * 3);
    rows.labels.push_back(label);
    double raw[3], sum = 0;
    for (std::uint32_t own = 0; own < 3; ++own) {
      raw[own] = std::nearbyint((Number(i, 4 + own) + (own == label ? 0.6 : 0)) * 8) / 8 + 0.125;
      sum += raw[own];
    }
    for (const double score : raw) rows.probabilities.push_back(score / sum);
  }
  return rows;
}

Report Evaluated(const ClassifiedRows& rows, const MulticlassOptions& options = {}) {
  const auto report = EvaluateMulticlass(rows, {}, options);
  EXPECT_TRUE(report.ok()) << report.error().ToString();
  return *report;
}

double Value(const std::vector<MetricValue>& metrics, std::string_view metric) {
  const MetricValue* found = FindMetric(metrics, metric);
  return found == nullptr || !found->value ? std::nan("") : *found->value;
}

TEST(Multiclass, EqualsScikitLearn) {
  const Report report = Evaluated(ThreeClasses(200));
  EXPECT_NEAR(Value(report.overall, "accuracy"), 0.87, 1e-12);
  EXPECT_NEAR(Value(report.overall, "macro_precision"), 0.8685105803905558, 1e-12);
  EXPECT_NEAR(Value(report.overall, "macro_recall"), 0.8721960373570742, 1e-12);
  EXPECT_NEAR(Value(report.overall, "macro_f1"), 0.8692414476522422, 1e-12);
  EXPECT_NEAR(Value(report.overall, "macro_roc_auc"), 0.961714528355274, 1e-12);
  EXPECT_NEAR(Value(report.overall, "log_loss"), 0.724117276086829, 1e-12);
  EXPECT_NEAR(Value(report.overall, "brier"), 0.4107503472750254, 1e-12);
  EXPECT_EQ(report.confusion, (std::vector<std::vector<std::int64_t>>{{61, 3, 3}, {4, 50, 3}, {6, 7, 63}}));
  ASSERT_EQ(report.classes.size(), 3U);
  EXPECT_NEAR(Value(report.classes[2].metrics, "precision"), 0.9130434782608695, 1e-12);
  EXPECT_NEAR(Value(report.classes[2].metrics, "recall"), 0.8289473684210527, 1e-12);
  EXPECT_EQ(report.classes[0].rows, 67);
  EXPECT_EQ(report.classes[0].predicted, 71);
}

TEST(Multiclass, TwoClassesAgreeWithTheBinaryPath) {
  ClassifiedRows rows{{"no", "yes"}, {}, {}, {}};
  ScoredRows binary;
  for (std::uint32_t i = 0; i < 500; ++i) {
    const double p = std::nearbyint(Number(i, 1) * 50) / 50;
    binary.probabilities.push_back(p);
    binary.positives.push_back(Number(i, 2) < p ? 1 : 0);
    rows.labels.push_back(binary.positives.back());
    rows.probabilities.insert(rows.probabilities.end(), {1 - p, p});
  }
  const Report several = Evaluated(rows);
  const Report two = *Evaluate(binary, {}, {});
  EXPECT_NEAR(Value(several.overall, "macro_roc_auc"), Value(two.overall, "roc_auc"), 1e-12);
  EXPECT_NEAR(Value(several.overall, "log_loss"), Value(two.overall, "log_loss"), 1e-9);
  EXPECT_NEAR(Value(several.overall, "brier"), 2 * Value(two.overall, "brier"), 1e-12);
  EXPECT_NEAR(Value(several.classes[1].metrics, "roc_auc"), Value(two.overall, "roc_auc"), 1e-12);
}

TEST(Multiclass, BaselinesAreTheTrainingRows) {
  MulticlassOptions options;
  options.training_shares = {0.2, 0.5, 0.3};
  const Report report = Evaluated(ThreeClasses(300), options);
  EXPECT_EQ(report.no_model.rule, "every row versicolor");
  EXPECT_EQ(FindMetric(report.no_model.metrics, "log_loss")->reason, "a rule has no probabilities");
  EXPECT_NEAR(Value(report.trivial_model.metrics, "macro_roc_auc"), 0.5, 1e-12);
  EXPECT_LT(Value(report.overall, "log_loss"), Value(report.trivial_model.metrics, "log_loss"));
}

TEST(Multiclass, AClassThatNeverOccursIsNoZero) {
  ClassifiedRows rows = ThreeClasses(200);
  rows.classes.emplace_back("unseen");
  std::vector<double> padded;
  for (std::size_t i = 0; i < rows.probabilities.size(); ++i) {
    padded.push_back(rows.probabilities[i]);
    if (i % 3 == 2) padded.push_back(0);
  }
  rows.probabilities = padded;
  const Report report = Evaluated(rows);
  EXPECT_NEAR(Value(report.overall, "macro_f1"), 0.8692414476522422, 1e-12);
  EXPECT_EQ(FindMetric(report.classes[3].metrics, "recall")->reason, "no row is of this class");
  EXPECT_EQ(FindMetric(report.classes[3].metrics, "precision")->reason, "no row is predicted to be of this class");
}

TEST(Multiclass, IntervalsHoldTheirPoints) {
  const Report report = Evaluated(ThreeClasses(200));
  for (const MetricValue& metric : report.overall) {
    ASSERT_TRUE(metric.low && metric.high) << metric.metric;
    EXPECT_LE(*metric.low, *metric.value) << metric.metric;
    EXPECT_GE(*metric.high, *metric.value) << metric.metric;
  }
}

TEST(Multiclass, CalibrationCoversAllRows) {
  std::int64_t rows = 0;
  double before = 0;
  for (const CalibrationBin& bin : Evaluated(ThreeClasses(200)).calibration) {
    rows += bin.rows;
    EXPECT_GE(bin.low, before);
    before = bin.high;
  }
  EXPECT_EQ(rows, 200);
}

TEST(Multiclass, RefusesWhatMakesNoSense) {
  const ClassifiedRows good = ThreeClasses(10);
  ClassifiedRows bad = good;
  bad.labels[3] = 3;
  EXPECT_NE(EvaluateMulticlass(bad, {}, {}).error().message.find("row 3: there is no class 3"), std::string::npos);
  bad = good;
  bad.probabilities[4] = std::nan("");
  EXPECT_NE(EvaluateMulticlass(bad, {}, {}).error().message.find("row 1:"), std::string::npos);
  bad = good;
  bad.probabilities.pop_back();
  EXPECT_FALSE(EvaluateMulticlass(bad, {}, {}).ok());
  bad = good;
  bad.classes = {"one"};
  EXPECT_FALSE(EvaluateMulticlass(bad, {}, {}).ok());
  EXPECT_FALSE(EvaluateMulticlass({{"a", "b"}, {}, {}, {}}, {}, {}).ok());
}

TEST(Multiclass, TheReportReadsBackAndPassesTheGate) {
  Report report = Evaluated(ThreeClasses(200));
  report.model = "flowers";
  const Json json = ToJson(report);
  const auto read = ReportFromJson(json);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(ToJson(*read).Dump(), json.Dump());
  EXPECT_NE(ReportTable(report).find("mostly taken for"), std::string::npos);
  const auto decision = Decide(*read, nullptr, std::nullopt, {});
  ASSERT_TRUE(decision.ok());
  EXPECT_EQ(decision->verdict, Verdict::kPass) << GateTable(*decision);
  GateOptions strict;
  strict.rows_min = 201;
  EXPECT_EQ(Decide(*read, nullptr, std::nullopt, strict)->verdict, Verdict::kInsufficient);
  Json bent = json;
  bent["confusion"] = Json::MakeArray();
  EXPECT_FALSE(ReportFromJson(bent).ok());
}

}  // namespace
}  // namespace mw::evaluation
