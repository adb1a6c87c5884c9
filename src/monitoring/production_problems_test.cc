// Production of models that predict a number or one of several classes.
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "base/text.h"
#include "evaluation/multiclass.h"
#include "evaluation/regression.h"
#include "monitoring/production.h"
#include "monitoring/production_testing.h"
#include "monitoring/why.h"

namespace mw::monitoring {
namespace {

goals::Goal GoalOf(std::string_view type, std::string_view label, std::string_view require) {
  auto goal = goals::ParseGoal(
      Cat("goal: g\noutcome: It is known.\nowner: desk\ntimezone: America/New_York\npredict: {label: ", label,
          ", type: ", type,
          "}\ndefaults: {window: month, slices: [place]}\ntargets:\n  - {name: quality, "
          "priority: 1, require: ",
          require, "}\n"),
      "goal.yaml");
  EXPECT_TRUE(goal.ok()) << (goal.ok() ? "" : goal.error().message);
  return goal.ok() ? *std::move(goal) : goals::Goal{};
}

// Minutes that a ride takes; in `place` south it is longer by `south` than the model knows.
ProductionInput Rides(double shift, double south, std::uint64_t seed = 3) {
  ProductionInput input = TestWindow({.rows = 4000, .seed = seed});
  Random random(seed);
  for (std::size_t row = 0; row < input.rows.size(); ++row) {
    const double expected = 10 + 20 * random.Uniform(), noise = 4 * (random.Uniform() - 0.5);
    const bool is_south = input.rows.features[row * 2] == 2;
    input.rows.predictions[row] = static_cast<float>(expected);
    input.rows.labels[row] = expected + noise + shift + (is_south ? south : 0);
  }
  return input;
}

// Kinds of flowers, the model sure of them by 0.8; `wrong` of the rows of the last class are another.
ProductionInput Flowers(double wrong, double labelled = 1, std::uint64_t seed = 3) {
  ProductionInput input = TestWindow({.rows = 4000, .labelled = labelled, .seed = seed});
  input.rows.classes = {"setosa", "versicolor", "virginica"};
  Random random(seed);
  for (std::size_t row = 0; row < input.rows.size(); ++row) {
    const std::size_t likeliest = random.Below(3);
    for (std::size_t own = 0; own < 3; ++own) input.rows.class_probabilities.push_back(own == likeliest ? 0.8F : 0.1F);
    input.rows.predictions[row] = static_cast<float>(likeliest);
    const double luck = random.Uniform();
    std::size_t label = luck < 0.8 ? likeliest : (likeliest + (luck < 0.9 ? 1 : 2)) % 3;
    if (label == 2 && random.Uniform() < wrong) label = 0;
    if (!std::isnan(input.rows.labels[row])) input.rows.labels[row] = static_cast<double>(label);
  }
  return input;
}

const evaluation::MetricValue& Metric(const MeasuredWindow& window, std::string_view name) {
  const evaluation::MetricValue* found = evaluation::FindMetric(window.report.overall, name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

TEST(Regression, IsMeasuredAsItsEvaluationIs) {
  const ProductionInput input = Rides(0, 0);
  const MeasuredWindow window = Measured(GoalOf("regression", "ride_minutes", "mae <= 2"), input);
  evaluation::RegressionRows rows{
      input.rows.labels, {input.rows.predictions.begin(), input.rows.predictions.end()}, {}};
  const auto report = *evaluation::EvaluateRegression(rows, {}, {.bootstrap = {.replicates = 0}});
  for (const std::string_view metric : {"rmse", "mae", "r2", "absolute_error.p90", "mean_error"}) {
    EXPECT_DOUBLE_EQ(*Metric(window, metric).value, *evaluation::FindMetric(report.overall, metric)->value) << metric;
    EXPECT_TRUE(Metric(window, metric).low) << metric;
  }
  EXPECT_EQ(window.targets.front().verdict.outcome, goals::Outcome::kMet);
  EXPECT_NEAR(*window.targets.front().verdict.value, 1, 0.1) << "the mean of |noise| of 4 minutes' width";
  ASSERT_EQ(window.report.slices.size(), 3u);
  EXPECT_EQ(evaluation::FindMetric(window.report.overall, "roc_auc"), nullptr) << "a number is no chance of anything";
}

TEST(Regression, FailsClosedAndHasNoEstimate) {
  ProductionInput input = Rides(0, 0);
  for (double& label : input.rows.labels) label = std::nan("");
  const goals::Goal goal = GoalOf("regression", "ride_minutes", "mae <= 2");
  const MeasuredWindow none = Measured(goal, input);
  EXPECT_EQ(none.targets.front().verdict.outcome, goals::Outcome::kNotMeasurable);
  EXPECT_EQ(none.targets.front().verdict.reason, "no labels yet");
  EXPECT_FALSE(none.targets.front().estimate);
  for (std::size_t row = 0; row < 99; ++row) input.rows.labels[row] = 12;
  EXPECT_EQ(Measured(goal, input).targets.front().verdict.reason, "insufficient data: 99 rows, need 100");
  input.rows.labels[0] = 1e300;
  EXPECT_EQ(Measured(goal, input).labelled, 99) << "any number is a label";
}

TEST(Regression, AMissSaysByHowMuchAndWhere) {
  const goals::Goal goal = GoalOf("regression", "ride_minutes", "mae <= 2");
  const MeasuredWindow window = Measured(goal, Rides(3, 4));
  ASSERT_EQ(window.targets.front().verdict.outcome, goals::Outcome::kMissed);
  VersionFacts facts = TestFacts();
  facts.training = {};
  facts.training.constants = evaluation::LabelConstants{20, 20};
  WhyInput input;
  input.goal = &goal;
  input.window = &window;
  input.facts = &facts;
  const std::vector<Why> whys = Explain(input);
  ASSERT_EQ(whys.size(), 1u);
  EXPECT_TRUE(whys[0].sentence.starts_with("ride minutes was 24.")) << whys[0].sentence;
  EXPECT_NE(whys[0].sentence.find("v1 expected 20."), std::string::npos) << whys[0].sentence;
  EXPECT_NE(whys[0].sentence.find("worst at place=south (+7.0"), std::string::npos) << whys[0].sentence;
  EXPECT_NE(whys[0].sentence.find("on 20.0"), std::string::npos) << "what it was trained on: " << whys[0].sentence;
  EXPECT_EQ(whys[0].sentence.find('%'), std::string::npos) << "minutes are no shares: " << whys[0].sentence;
}

TEST(Classes, AreMeasuredAsTheirEvaluationIs) {
  const ProductionInput input = Flowers(0);
  const MeasuredWindow window = Measured(GoalOf("multiclass_classification", "kind", "accuracy >= 75%"), input);
  evaluation::ClassifiedRows rows{input.rows.classes, {}, {}, {}};
  rows.labels.assign(input.rows.labels.begin(), input.rows.labels.end());
  rows.probabilities.assign(input.rows.class_probabilities.begin(), input.rows.class_probabilities.end());
  const auto report = *evaluation::EvaluateMulticlass(rows, {}, {{}, {.replicates = 0}});
  for (const evaluation::MetricValue& metric : report.overall) {
    EXPECT_DOUBLE_EQ(*Metric(window, metric.metric).value, *metric.value) << metric.metric;
    EXPECT_TRUE(Metric(window, metric.metric).low) << metric.metric;
  }
  EXPECT_EQ(window.targets.front().verdict.outcome, goals::Outcome::kMet);
  EXPECT_EQ(window.report.classes.size(), 3u);
}

TEST(Classes, AreEstimatedUntilLabelsCome) {
  const MeasuredWindow window = Measured(GoalOf("multiclass_classification", "kind", "accuracy >= 75%"), Flowers(0, 0));
  const MeasuredTarget& target = window.targets.front();
  EXPECT_EQ(target.verdict.outcome, goals::Outcome::kNotMeasurable);
  ASSERT_TRUE(target.estimate && target.estimate->value && target.estimate->low);
  EXPECT_NEAR(*target.estimate->value, 0.8, 1e-6);
}

TEST(Classes, TheEstimateLearnsFromEarlierWindows) {
  const goals::Goal goal = GoalOf("multiclass_classification", "kind", "accuracy >= 75%");
  ProductionInput input = Flowers(0, 0);
  const ProductionInput past = Flowers(0.6, 1, 9);
  input.reference = Labelled(goal.problem, past.rows).answered;
  const double real = *Metric(Measured(goal, past), "accuracy").value;
  EXPECT_LT(real, 0.7);
  EXPECT_NEAR(*Measured(goal, input).targets.front().estimate->value, real, 0.03);
}

TEST(Classes, AMissNamesTheClassThatSuffered) {
  const goals::Goal goal = GoalOf("multiclass_classification", "kind", "accuracy >= 75%");
  const MeasuredWindow window = Measured(goal, Flowers(0.6));
  ASSERT_EQ(window.targets.front().verdict.outcome, goals::Outcome::kMissed);
  const MeasuredWindow evaluated = Measured(goal, Flowers(0, 1, 17));
  WhyInput input;
  input.goal = &goal;
  input.window = &window;
  input.evaluated = &evaluated;
  const std::vector<Why> whys = Explain(input);
  ASSERT_EQ(whys.size(), 1u);
  EXPECT_TRUE(whys[0].sentence.starts_with("v1 was right in 6")) << whys[0].sentence;
  EXPECT_NE(whys[0].sentence.find("expected 80 %"), std::string::npos) << whys[0].sentence;
  const auto evidence = [&](std::string_view kind) {
    for (const Evidence& each : whys[0].evidence) {
      if (each.kind == kind) return each.text;
    }
    return std::string();
  };
  EXPECT_TRUE(evidence("class").starts_with("recall of setosa .")) << evidence("class");
  EXPECT_TRUE(evidence("ranking").starts_with("accuracy fell")) << evidence("ranking");
}

TEST(Classes, LabelsThatAreNoClassAndRowsWithoutAnswersAreLeftOut) {
  ProductionInput input = Flowers(0);
  const goals::Problem problem = goals::Problem::kMulticlassClassification;
  for (std::size_t own = 0; own < 3; ++own) input.rows.class_probabilities[own] = std::nanf("");
  const LabelledRows labelled = Labelled(problem, input.rows);
  EXPECT_EQ(labelled.origin.size(), input.rows.size() - 1);
  EXPECT_EQ(labelled.origin.front(), 1u);
  EXPECT_EQ(labelled.impossible, 0);
  for (const double wrong : {3.0, -1.0, 0.5}) {
    input.rows.labels[5] = wrong;
    const LabelledRows without = Labelled(problem, input.rows);
    EXPECT_EQ(without.origin.size(), input.rows.size() - 2);
    EXPECT_EQ(without.impossible, 1);
    EXPECT_EQ(without.first_impossible, Cat("prediction \"p5\" has the label ", wrong));
  }
}

TEST(Classes, TrainingSharesFollowTheEndpointsOrder) {
  ProductionInput input = Flowers(0);
  std::vector<VersionFacts> versions = {TestFacts()};
  versions[0].classes = {"virginica", "setosa"};
  versions[0].training = {};
  versions[0].training.class_shares = {0.7, 0.3};
  input.versions = &versions;
  const MeasuredWindow window = Measured(GoalOf("multiclass_classification", "kind", "accuracy >= 75%"), input);
  EXPECT_EQ(window.report.no_model.rule, "every row virginica");
}

}  // namespace
}  // namespace mw::monitoring
