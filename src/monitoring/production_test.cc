// A window of production against a goal, held against evaluation itself and against answers worked out by hand.
#include "monitoring/production.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "base/text.h"
#include "evaluation/evaluate.h"
#include "monitoring/production_testing.h"

namespace mw::monitoring {
namespace {

const MeasuredTarget& Of(const MeasuredWindow& window, std::string_view target) {
  for (const MeasuredTarget& candidate : window.targets) {
    if (candidate.verdict.target == target) return candidate;
  }
  ADD_FAILURE() << "no target " << target;
  static const MeasuredTarget kNone;
  return kNone;
}

TEST(MeasureWindow, SaysWhatEvaluationSaysOfTheSameRows) {
  const goals::Goal goal = TestGoal();
  const ProductionInput input = TestWindow({.rows = 6000});
  const MeasuredWindow window = Measured(goal, input);
  evaluation::ScoredRows rows;
  for (std::size_t i = 0; i < input.rows.size(); ++i) {
    rows.positives.push_back(input.rows.labels[i] == 1 ? 1 : 0);
    rows.probabilities.push_back(static_cast<double>(input.rows.predictions[i]));
  }
  const auto report = *evaluation::Evaluate(rows, {}, {.threshold = 0.2, .costs = evaluation::CostRates{900, 180}});
  for (const char* metric : {"roc_auc", "ece", "saving", "recall", "log_loss"}) {
    EXPECT_DOUBLE_EQ(*evaluation::FindMetric(window.report.overall, metric)->value,
                     *evaluation::FindMetric(report.overall, metric)->value)
        << metric;
  }
  EXPECT_EQ(Of(window, "ranking").verdict.outcome, goals::Outcome::kMet);
  EXPECT_TRUE(Of(window, "ranking").verdict.low.has_value());
  EXPECT_EQ(window.labelled, 6000);
  EXPECT_FALSE(window.provisional);
  EXPECT_EQ(window.version, 1);
  EXPECT_EQ(window.report.block, "hour of event time and place");
  EXPECT_GT(window.report.counts.blocks, 744 * 2) << "an hour and a place make a block";
  EXPECT_LE(window.report.counts.blocks, 744 * 3);
  ASSERT_EQ(window.report.slices.size(), 3u);
  EXPECT_EQ(window.report.slices[1].value, "north") << "codes are words again";
}

TEST(MeasureWindow, RowsOfAModelWithoutTimesAreBlocksOfTheirOwn) {
  ProductionInput input = TestWindow({.rows = 2000});
  for (std::int64_t& at : input.rows.event_times_us) at = ToMicros(input.window.from);  // all within one hour
  goals::Goal goal = TestGoal();
  goal.slices.clear();
  for (goals::Target& target : goal.targets) target.slices.clear();
  EXPECT_EQ(Of(Measured(goal, input), "ranking").verdict.reason, "insufficient data: 1 independent blocks, need 20");
  std::vector<VersionFacts> undated = {TestFacts()};
  undated[0].trained_until.reset();
  input.versions = &undated;
  const MeasuredWindow window = Measured(goal, input);
  EXPECT_EQ(Of(window, "ranking").verdict.outcome, goals::Outcome::kMet);
  EXPECT_EQ(window.report.counts.blocks, 2000);
  EXPECT_EQ(window.report.block, "row");
}

TEST(MeasureWindow, MoneyOfASampleIsThatOfAllRows) {
  ProductionInput input = TestWindow({.rows = 4000, .shift = 0.1});
  const MeasuredWindow all = Measured(TestGoal(), input);
  for (float& weight : input.rows.weights) weight = 2.5F;
  const MeasuredWindow sampled = Measured(TestGoal(), input);
  EXPECT_NEAR(*sampled.report.rule_cost, 2.5 * *all.report.rule_cost, 1e-6);
  EXPECT_NEAR(*sampled.report.cost, 2.5 * *all.report.cost, 1e-6);
  EXPECT_EQ(Of(sampled, "saving").verdict.value, Of(all, "saving").verdict.value);
}

TEST(MeasureWindow, FailsClosedOnTooFewRows) {
  const MeasuredWindow window = Measured(TestGoal(), TestWindow({.rows = 90}));
  EXPECT_EQ(Of(window, "ranking").verdict.outcome, goals::Outcome::kNotMeasurable);
  EXPECT_NE(Of(window, "ranking").verdict.reason.find("insufficient data"), std::string::npos);
  const MeasuredWindow empty = Measured(TestGoal(), TestWindow({.rows = 0}));
  EXPECT_EQ(Of(empty, "saving").verdict.reason, "no labels yet");
  EXPECT_EQ(Of(empty, "speed").verdict.reason, "no request was answered");
  EXPECT_EQ(Of(empty, "spend").verdict.reason, "what a prediction costs is not metered yet");
}

TEST(MeasureWindow, IsProvisionalUntilLabelsCoverWhatTheGoalExpects) {
  const goals::Goal goal = TestGoal();  // expects 96 % of rows to get a label
  EXPECT_TRUE(Measured(goal, TestWindow({.rows = 3000, .labelled = 0.80})).provisional);
  EXPECT_FALSE(Measured(goal, TestWindow({.rows = 3000, .labelled = 0.90})).provisional) << "0.9 of 96 % is enough";
  ProductionInput waited = TestWindow({.rows = 3000, .labelled = 0.5});
  waited.label_delay_p95_s = 3600;
  waited.seen_until = waited.window.until + std::chrono::minutes(59);
  EXPECT_TRUE(Measured(goal, waited).provisional);
  waited.seen_until = waited.window.until + std::chrono::minutes(60);
  EXPECT_FALSE(Measured(goal, waited).provisional) << "the rest will hardly come";
}

TEST(MeasureWindow, EstimatesWhileLabelsAreMissing) {
  ProductionInput input = TestWindow({.rows = 20'000, .labelled = 0});
  const ProductionInput past = TestWindow({.rows = 20'000, .seed = 9});
  for (std::size_t i = 0; i < past.rows.size(); ++i) {
    input.reference.answers.push_back(static_cast<double>(past.rows.predictions[i]));
    input.reference.labels.push_back(past.rows.labels[i]);
  }
  const MeasuredWindow window = Measured(TestGoal(), input);
  const MeasuredTarget& ranking = Of(window, "ranking");
  EXPECT_EQ(ranking.verdict.outcome, goals::Outcome::kNotMeasurable) << "no verdict follows from an estimate";
  ASSERT_TRUE(ranking.estimate && ranking.estimate->value && ranking.estimate->low);
  const MeasuredWindow known = Measured(TestGoal(), TestWindow({.rows = 20'000}));
  EXPECT_NEAR(*ranking.estimate->value, *Of(known, "ranking").verdict.value, 0.02);
  EXPECT_FALSE(Of(window, "calibration").estimate->value.has_value());
  EXPECT_NE(Of(window, "calibration").estimate->reason.find("needs labels"), std::string::npos);
  EXPECT_FALSE(Of(known, "ranking").estimate.has_value()) << "what is known is not estimated";
}

TEST(MeasureWindow, LatencyIsTheShareThatWasPromised) {
  ProductionInput input = TestWindow({.rows = 1000});
  ASSERT_FALSE(input.hours.empty());
  for (predictions::WindowSummary& hour : input.hours) hour.latency = {};
  predictions::WindowSummary& hour = input.hours[12];  // at noon, in the calendar
  hour.latency.Add(std::chrono::milliseconds(2), 990);
  hour.latency.Add(std::chrono::milliseconds(300), 10);
  const MeasuredTarget kept = Of(Measured(TestGoal(), input), "speed");
  EXPECT_EQ(kept.verdict.outcome, goals::Outcome::kMet);
  EXPECT_NEAR(*kept.verdict.value, 0.002, 0.0003);
  EXPECT_DOUBLE_EQ(*kept.within, 0.99);
  hour.latency.Add(std::chrono::milliseconds(300), 1);
  const MeasuredTarget missed = Of(Measured(TestGoal(), input), "speed");
  EXPECT_EQ(missed.verdict.outcome, goals::Outcome::kMissed);
  EXPECT_DOUBLE_EQ(*missed.miss_cost, 744 * 1000.0) << "per hour, over all hours of July";
  // Two in the morning is outside 04:00-24:00.
  input.hours[12].latency = {};
  input.hours[2].latency.Add(std::chrono::milliseconds(300), 100);
  EXPECT_EQ(Of(Measured(TestGoal(), input), "speed").verdict.reason, "no request was answered");
}

TEST(MeasureWindow, NothingIsPromisedAboveThePeak) {
  ProductionInput input = TestWindow({.rows = 1000});
  for (predictions::WindowSummary& hour : input.hours) {
    hour.latency = {};
    hour.latency.Add(std::chrono::milliseconds(300), 10);
    hour.requests = 100'000;
    hour.first_received = FromMicros(1'700'000'000'000'000);
    hour.last_received = hour.first_received + std::chrono::seconds(10);
  }
  const MeasuredTarget speed = Of(Measured(TestGoal(), input), "speed");
  EXPECT_EQ(speed.verdict.outcome, goals::Outcome::kNotMeasurable);
  EXPECT_NE(speed.verdict.reason.find("500/s"), std::string::npos) << speed.verdict.reason;
}

TEST(MeasureWindow, AgesCountAllRowsAndAMissingOneIsEndless) {
  ProductionInput input = TestWindow({.rows = 1000});
  const std::size_t age = 1;  // report_age_minutes, all 30
  for (std::size_t row = 0; row < 10; ++row) input.rows.features[row * 2 + age] = 91;
  MeasuredTarget kept = Of(Measured(TestGoal(), input), "report-age");
  EXPECT_EQ(kept.verdict.outcome, goals::Outcome::kMet) << "99 % promised, 99 % kept";
  EXPECT_DOUBLE_EQ(*kept.verdict.value, 30 * 60);
  input.rows.features[10 * 2 + age] = std::nanf("");
  const MeasuredTarget missed = Of(Measured(TestGoal(), input), "report-age");
  EXPECT_EQ(missed.verdict.outcome, goals::Outcome::kMissed);
  EXPECT_DOUBLE_EQ(*missed.within, 0.989);
  EXPECT_DOUBLE_EQ(*missed.verdict.value, 91 * 60);
}

TEST(MeasureWindow, TheModelsAgeIsThatOfItsData) {
  const MeasuredTarget age = Of(Measured(TestGoal(), TestWindow({.rows = 500})), "model-age");
  EXPECT_EQ(age.verdict.outcome, goals::Outcome::kMissed);
  EXPECT_DOUBLE_EQ(*age.verdict.value, 106 * 86'400.0 + 4 * 3600) << "from 17 April to 1 August in New York";
}

TEST(MeasureWindow, TheShortfallOfASavingIsMoney) {
  // Every row says 0.5: everything is flagged, as the rule without a model does; nothing is saved.
  ProductionInput input = TestWindow({.rows = 1000});
  for (std::size_t row = 0; row < 1000; ++row) {
    input.rows.predictions[row] = 0.5F;
    input.rows.labels[row] = row < 300 ? 1 : 0;
  }
  const MeasuredTarget saving = Of(Measured(TestGoal(), input), "saving");
  EXPECT_DOUBLE_EQ(*saving.verdict.value, 0);
  EXPECT_EQ(saving.verdict.outcome, goals::Outcome::kMissed);
  EXPECT_NEAR(*saving.miss_cost, 0.1 * 180 * 1000, 1e-6) << "ten points of what flagging all costs";
}

TEST(MeasureWindow, LeavesOutLabelsThatAreNeitherZeroNorOneAndSaysSo) {
  ProductionInput input = TestWindow({.rows = 1000});
  input.rows.labels[3] = 7;
  input.rows.labels[9] = 0.5;
  const MeasuredWindow window = Measured(TestGoal(), input);
  EXPECT_EQ(window.labelled, 998);
  EXPECT_EQ(window.impossible, 2);
  EXPECT_EQ(window.first_impossible, "prediction \"p3\" has the label 7");
}

TEST(MeasureWindow, NamesTheSliceThatIsFurthestOff) {
  ProductionInput input = TestWindow({.rows = 9000});
  for (std::size_t row = 0; row < input.rows.size(); ++row) {
    if (input.rows.features[row * 2] == 2) input.rows.labels[row] = row % 2 == 0 ? 1 : 0;
  }
  const MeasuredWindow window = Measured(TestGoal(), input);
  ASSERT_FALSE(window.gaps.empty());
  EXPECT_EQ(window.gaps[0].column, "place");
  EXPECT_EQ(window.gaps[0].value, "south");
  EXPECT_NEAR(window.gaps[0].observed, 0.5, 0.02);
}

TEST(MeasureWindow, IsTheSameAgain) {
  const ProductionInput input = TestWindow({.rows = 4000, .labelled = 0.5});
  const MeasuredWindow once = Measured(TestGoal(), input), again = Measured(TestGoal(), input);
  EXPECT_EQ(evaluation::ToJson(once.report).Dump(), evaluation::ToJson(again.report).Dump());
}

TEST(EvaluationWindow, IsTheMonthThatTheReportLookedAt) {
  VersionFacts facts = TestFacts();
  EXPECT_FALSE(EvaluationWindow(TestGoal(), facts).has_value());
  facts.report = Measured(TestGoal(), TestWindow({.rows = 3000})).report;
  facts.report->from = "2013-07-01T05:00:00Z";
  facts.report->until = "2013-08-01T03:00:00Z";
  const auto window = EvaluationWindow(TestGoal(), facts);
  ASSERT_TRUE(window.has_value());
  EXPECT_EQ(window->window.label, "Jul 2013");
  EXPECT_EQ(window->stage, goals::Stage::kEvaluation);
  EXPECT_EQ(Of(*window, "ranking").verdict.outcome, goals::Outcome::kMet);
  EXPECT_EQ(Of(*window, "speed").verdict.reason, "measured in production alone");
  facts.report->from = "2013-06-30T05:00:00Z";
  EXPECT_EQ(EvaluationWindow(TestGoal(), facts)->window.label, "Jun 2013 - Jul 2013");
}

}  // namespace
}  // namespace mw::monitoring
