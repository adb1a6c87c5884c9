// Judging a goal: value to met, missed or not measurable yet, and what a miss costs.
#include "goals/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

namespace mw::goals {
namespace {

constexpr std::string_view kGoal = R"yaml(goal: late
outcome: x
owner: y
predict: {label: late}
kpi: {name: saving, require: saving >= 10%, window: 28d, costs: {missed: 900 USD, flagged: 180 USD}}
impact_of_miss: More people at the counter.
targets:
  - {name: ranking, priority: 1, require: roc_auc >= 0.68, cost_of_miss: 600 USD/h}
  - {name: calibration, priority: 1, require: ece <= 0.06}
  - {name: speed, priority: 1, require: latency <= 20ms, cost_of_miss: 1000 USD/h}
)yaml";

Goal TheGoal() { return *ParseGoal(kGoal, "goal.yaml"); }

Measurements Measured(double saving, double roc_auc) {
  Measurements measured;
  measured.model = {{"saving", saving, saving - 0.02, saving + 0.02, ""},
                    {"roc_auc", roc_auc, std::nullopt, std::nullopt, ""},
                    {"ece", std::nullopt, std::nullopt, std::nullopt, "no rows"}};
  measured.no_model = {{"saving", 0.0, std::nullopt, std::nullopt, ""}};
  measured.trivial_model = {{"roc_auc", 0.5, std::nullopt, std::nullopt, ""}};
  measured.rule_cost = 5'000'000;
  return measured;
}

TEST(Judge, TheKpiComesFirstThenTheTargets) {
  const auto verdicts = Judge(TheGoal(), Stage::kEvaluation, Measured(0.15, 0.68));
  ASSERT_EQ(verdicts.size(), 4u);
  EXPECT_EQ(verdicts[0].target, "saving");
  EXPECT_EQ(verdicts[0].outcome, Outcome::kMet);
  EXPECT_EQ(verdicts[0].no_model, 0.0);
  EXPECT_EQ(verdicts[1].outcome, Outcome::kMet) << "bounds are inclusive";
  EXPECT_EQ(verdicts[1].trivial_model, 0.5);
  EXPECT_EQ(verdicts[1].miss_costs, "600 USD/h, 403,200 USD over 28 d");
}

TEST(Judge, AMissSaysWhatItCosts) {
  const auto verdicts = Judge(TheGoal(), Stage::kEvaluation, Measured(0.05, 0.67));
  EXPECT_EQ(verdicts[0].outcome, Outcome::kMissed);
  EXPECT_EQ(verdicts[0].miss_costs, "250,000 USD short on these rows");
  EXPECT_EQ(verdicts[1].outcome, Outcome::kMissed);
}

TEST(Judge, TheGoalsOwnWordsStandInForMoney) {
  Measurements measured = Measured(0.05, 0.7);
  measured.rule_cost.reset();
  EXPECT_EQ(Judge(TheGoal(), Stage::kExperiment, measured)[0].miss_costs, "More people at the counter.");
}

TEST(Judge, WhatIsUndefinedOrNotServedYetSaysWhy) {
  const auto verdicts = Judge(TheGoal(), Stage::kEvaluation, Measured(0.15, std::nan("")));
  EXPECT_EQ(verdicts[1].outcome, Outcome::kMissed) << "NaN fails closed";
  EXPECT_EQ(verdicts[2].outcome, Outcome::kNotMeasurable);
  EXPECT_EQ(verdicts[2].reason, "no rows");
  EXPECT_EQ(verdicts[3].reason, "measured in production alone");
  EXPECT_EQ(Judge(TheGoal(), Stage::kProduction, Measured(0.15, 0.7))[3].reason, "no latency was measured");
}

TEST(Judge, TheTableFitsAScreen) {
  const std::string table = Table(Judge(TheGoal(), Stage::kEvaluation, Measured(0.15, 0.71)));
  std::size_t longest = 0, begin = 0;
  for (std::size_t end; (end = table.find('\n', begin)) != std::string::npos; begin = end + 1) {
    longest = std::max(longest, end - begin);
  }
  EXPECT_LE(longest, 140u) << table;
  EXPECT_NE(table.find("15.0 % [13.0 %, 17.0 %]"), std::string::npos) << table;
}

TEST(Judgement, SurvivesJson) {
  const Judgement judgement{"late", Stage::kEvaluation, "late",
                            Judge(TheGoal(), Stage::kEvaluation, Measured(0.15, 0.71))};
  const std::string text = ToJson(judgement).Dump();
  const auto back = JudgementFromJson(*Json::Parse(text));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(ToJson(*back).Dump(), text);
  for (const std::string_view key : {"goal", "stage", "model", "verdicts"}) {
    Json broken = ToJson(judgement);
    broken[key] = 7;
    EXPECT_FALSE(JudgementFromJson(broken).ok()) << key;
  }
  Json unknown = ToJson(judgement);
  unknown["verdicts"].AsArray()[0]["metric"] = "no_such_metric";
  EXPECT_FALSE(JudgementFromJson(unknown).ok());
}

TEST(Stage, NamesReadBack) {
  for (const Stage stage : {Stage::kExperiment, Stage::kEvaluation, Stage::kProduction}) {
    EXPECT_EQ(*ParseStage(StageName(stage)), stage);
  }
  EXPECT_FALSE(ParseStage("staging").ok());
}

}  // namespace
}  // namespace mw::goals
