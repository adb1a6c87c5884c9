// One door, three problems.
#include "evaluation/answers.h"

#include <gtest/gtest.h>

#include "evaluation/evaluate.h"

namespace mw::evaluation {
namespace {

using goals::Problem;

TEST(Answers, OfEachProblemGiveItsReport) {
  const AnsweredRows binary{Problem::kBinaryClassification, {}, {0, 1, 1}, {0.1, 0.9, 0.4}, {}};
  const AnsweredRows classes{Problem::kMulticlassClassification, {"a", "b"}, {0, 1}, {0.9, 0.1, 0.2, 0.8}, {}};
  const AnsweredRows numbers{Problem::kRegression, {}, {1, 2, 3}, {1, 2, 5}, {}};
  for (const auto& [rows, metric, value] : {std::tuple(binary, "roc_auc", 1.0), std::tuple(classes, "accuracy", 1.0),
                                            std::tuple(numbers, "mae", 2.0 / 3)}) {
    const auto report = MeasureAnswers(rows, {}, {.bootstrap = {.replicates = 0}});
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report->problem, rows.problem);
    EXPECT_DOUBLE_EQ(*FindMetric(report->overall, metric)->value, value) << metric;
  }
}

TEST(Answers, AClassThatTheModelHasNotSeenHasProbabilityZero) {
  const AnsweredRows rows{Problem::kMulticlassClassification, {"a", "b", "new"}, {0, 2}, {0.9, 0.1, 0.2, 0.8}, {}};
  const auto report = MeasureAnswers(rows, {}, {.bootstrap = {.replicates = 0}});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_DOUBLE_EQ(*FindMetric(report->overall, "accuracy")->value, 0.5);
}

TEST(Answers, AreComparedWithTheirLikeAlone) {
  const AnsweredRows binary{Problem::kBinaryClassification, {}, {0, 1}, {0.1, 0.9}, {}};
  const AnsweredRows numbers{Problem::kRegression, {}, {1, 2}, {1, 2}, {}};
  EXPECT_EQ(CompareAnswers(binary, numbers, {}).error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(CompareAnswers(numbers, numbers, {}).ok());
}

TEST(Answers, TrainingLabelsComeBackFromJson) {
  Json training = Json::MakeObject();
  TrainingLabels{0.25, {0.5, 0.3, 0.2}, LabelConstants{4, 3}}.AddTo(training);
  const TrainingLabels back = TrainingLabels::FromJson(training, 3);
  EXPECT_EQ(back.positive_share, 0.25);
  EXPECT_EQ(back.class_shares, (std::vector<double>{0.5, 0.3, 0.2}));
  EXPECT_EQ(back.constants->median, 3);
  EXPECT_TRUE(TrainingLabels::FromJson(training, 4).class_shares.empty()) << "of a model with other classes";
}

TEST(Answers, AReportWithoutRowsSaysWhy) {
  const Report report = EmptyReport(Problem::kRegression, "no labels yet");
  EXPECT_EQ(FindMetric(report.overall, "rmse")->reason, "no labels yet");
  EXPECT_EQ(FindMetric(report.overall, "roc_auc"), nullptr);
  EXPECT_EQ(Shortage(report, 100), "0 rows, need 100");
}

}  // namespace
}  // namespace mw::evaluation
