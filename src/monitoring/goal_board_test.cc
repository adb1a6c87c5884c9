// The strip over months, sums of misses, feasibility.
#include "monitoring/goal_board.h"

#include <gtest/gtest.h>

#include "monitoring/production_testing.h"

namespace mw::monitoring {
namespace {

struct Month {
  std::string from, until, label;
  double shift;
};
const std::vector<Month>& Months() {
  static const std::vector<Month> kMonths = {
      {"2013-05-01T04:00:00Z", "2013-06-01T04:00:00Z", "May 2013", 0},
      {"2013-06-01T04:00:00Z", "2013-07-01T04:00:00Z", "Jun 2013", 0.15},
      {"2013-07-01T04:00:00Z", "2013-08-01T04:00:00Z", "Jul 2013", 0.15},
  };
  return kMonths;
}

GoalBoard Board(const goals::Goal& goal = TestGoal()) {
  GoalBoard board;
  board.goal = goal;
  board.endpoint = "late";
  for (const Month& month : Months()) {
    const auto input = TestWindow({.rows = 8000, .shift = month.shift}, month.from, month.until, month.label);
    auto measured = MeasureWindow(goal, input, {.replicates = 50});
    EXPECT_TRUE(measured.ok());
    board.windows[goals::FormatWindowLength(BoardLength(goal))].push_back(*std::move(measured));
  }
  return board;
}

const Json& Target(const Json& board, std::string_view name) {
  for (const Json& target : board.Find("targets")->AsArray()) {
    if (target.StringOr("name", "") == name) return target;
  }
  ADD_FAILURE() << name;
  static const Json kNone = Json::MakeObject();
  return kNone;
}

std::string Strip(const Json& target) {
  std::string out;
  for (const Json& cell : target.Find("cells")->AsArray())
    CatTo(out, out.empty() ? "" : " ", cell.StringOr("text", ""));
  return out;
}

TEST(GoalBoard, ShowsEachTargetUnderItsWindows) {
  const Json json = ToJson(Board());
  ASSERT_EQ(json.Find("windows")->AsArray().size(), 3u);
  EXPECT_EQ(json.Find("windows")->AsArray()[0].StringOr("label", ""), "May 2013");
  EXPECT_EQ(Strip(Target(json, "speed")), "ok ok ok");
  EXPECT_EQ(Strip(Target(json, "spend")), "- - -");
  EXPECT_EQ(Strip(Target(json, "model-age")), "45.2d! 75d! 106d!");
  const std::string calibration = Strip(Target(json, "calibration"));
  EXPECT_NE(calibration.find("!"), std::string::npos);
  EXPECT_EQ(calibration.find("!"), calibration.find(" ") + 4)
      << calibration << ": May was fine, June is the first miss";
  EXPECT_EQ(Target(json, "calibration").StringOr("miss_costs", ""), "~878 kUSD so far") << "1,464 hours at 600 USD";
  EXPECT_DOUBLE_EQ(Target(json, "calibration").DoubleOr("miss_cost", 0), (720 + 744) * 600.0);
  EXPECT_EQ(Target(json, "ranking").StringOr("miss_costs", ""), "600 USD/h");
  EXPECT_EQ(Target(json, "calibration").StringOr("feasibility", ""),
            "would have been met in 1 of 3 months of 2013 by v1 (Jun, Jul missed)");
  EXPECT_TRUE(Json::Parse(json.Dump()).ok());
}

TEST(GoalBoard, TheKpiDecidesWhetherTheGoalIsMissed) {
  GoalBoard board = Board();
  auto& july = board.windows.begin()->second[2].targets[0];
  july.verdict.outcome = goals::Outcome::kMissed;
  july.miss_cost = 1000;
  for (std::size_t i : {0, 1}) board.windows.begin()->second[i].targets[0].verdict.outcome = goals::Outcome::kMet;
  Json json = ToJson(board);
  EXPECT_EQ(json.StringOr("state", ""), "missed");
  ASSERT_EQ(json.Find("missed_in")->AsArray().size(), 1u);
  EXPECT_EQ(json.Find("missed_in")->AsArray()[0].AsString(), "Jul 2013");
  july.verdict.outcome = goals::Outcome::kMet;
  EXPECT_EQ(ToJson(board).StringOr("state", ""), "met") << "calibration was missed, the KPI was not";
  GoalBoard empty;
  empty.goal = TestGoal();
  EXPECT_EQ(ToJson(empty).StringOr("state", ""), "unknown");
}

TEST(GoalBoard, SavingsAddUpOverProductionAlone) {
  GoalBoard board = Board();
  double expected = 0;
  for (const MeasuredWindow& window : board.windows.begin()->second) {
    expected += *evaluation::FindMetric(window.report.overall, "saving")->value * *window.report.rule_cost;
  }
  VersionFacts facts = TestFacts();
  facts.report = board.windows.begin()->second[0].report;
  facts.report->from = "2013-04-01T05:00:00Z";
  facts.report->until = "2013-05-01T03:00:00Z";
  AddEvaluations(board, {facts});
  const Json json = ToJson(board);
  ASSERT_EQ(json.Find("windows")->AsArray().size(), 4u);
  EXPECT_EQ(json.Find("windows")->AsArray()[0].StringOr("stage", ""), "evaluation");
  EXPECT_EQ(json.Find("windows")->AsArray()[0].StringOr("label", ""), "Apr 2013");
  EXPECT_NEAR(json.Find("saved")->DoubleOr("amount", 0), expected, 1e-6);
  EXPECT_NE(json.Find("saved")->StringOr("text", "").find("May-Jul 2013"), std::string::npos);
  EXPECT_EQ(Strip(Target(json, "speed")), "- ok ok ok");
}

TEST(GoalBoard, AnEvaluationThatOverlapsProductionIsLeftOut) {
  GoalBoard board = Board();
  VersionFacts facts = TestFacts();
  facts.report = board.windows.begin()->second[0].report;
  facts.report->from = "2013-05-01T05:00:00Z";
  facts.report->until = "2013-06-01T03:00:00Z";
  AddEvaluations(board, {facts});
  EXPECT_EQ(board.windows.begin()->second.size(), 3u);
}

TEST(Cells, RoundingNeverHidesAMiss) {
  GoalBoard board = Board();
  auto& targets = board.windows.begin()->second[0].targets;
  targets[0].verdict.value = 0.096;  // saving >= 10 %
  targets[0].verdict.outcome = goals::Outcome::kMissed;
  targets[2].verdict.value = 0.063;  // ece <= 0.06
  targets[2].verdict.outcome = goals::Outcome::kMissed;
  const Json json = ToJson(board);
  EXPECT_EQ(Target(json, "saving").Find("cells")->AsArray()[0].StringOr("text", ""), "9.6!");
  EXPECT_EQ(Target(json, "calibration").Find("cells")->AsArray()[0].StringOr("text", ""), ".063!");
}

TEST(Cells, AnEstimateIsMarkedAndIsNoVerdict) {
  GoalBoard board;
  board.goal = TestGoal();
  auto measured = MeasureWindow(board.goal, TestWindow({.rows = 3000, .labelled = 0}), {.replicates = 20});
  board.windows["month"].push_back(*std::move(measured));
  const Json json = ToJson(board);
  const Json& cell = Target(json, "ranking").Find("cells")->AsArray()[0];
  EXPECT_TRUE(cell.BoolOr("estimate", false));
  EXPECT_EQ(cell.StringOr("outcome", ""), "not measurable yet");
  EXPECT_EQ(cell.StringOr("text", "").front(), '~');
  EXPECT_TRUE(json.Find("windows")->AsArray()[0].BoolOr("provisional", false));
  EXPECT_EQ(json.StringOr("state", ""), "unknown");
}

TEST(GoalBoard, ShorterWindowsShowTheirWorstUnderTheColumn) {
  std::string text(R"yaml(goal: late
outcome: x
owner: y
timezone: America/New_York
predict: {label: came_late, threshold: 0.2}
defaults: {window: month}
targets:
  - {name: ranking, require: roc_auc >= 0.68}
  - {name: weekly, require: ece <= 0.06, window: 7d}
)yaml");
  GoalBoard board;
  board.goal = *goals::ParseGoal(text, "goal.yaml");
  EXPECT_EQ(LengthsOf(board.goal).size(), 2u);
  board.windows["month"].push_back(*MeasureWindow(board.goal, TestWindow({.rows = 3000}), {.replicates = 0}));
  const std::vector<Month> weeks = {{"2013-07-01T04:00:00Z", "2013-07-08T04:00:00Z", "1 Jul - 7 Jul 2013", 0.2},
                                    {"2013-07-08T04:00:00Z", "2013-07-15T04:00:00Z", "8 Jul - 14 Jul 2013", 0}};
  for (const Month& week : weeks) {
    const auto input = TestWindow({.rows = 8000, .shift = week.shift}, week.from, week.until, week.label);
    board.windows["7d"].push_back(*MeasureWindow(board.goal, input, {.replicates = 0}));
  }
  const Json json = ToJson(board);
  EXPECT_EQ(Target(json, "weekly").Find("cells")->AsArray()[0].StringOr("outcome", ""), "missed");
  EXPECT_EQ(Target(json, "weekly").StringOr("feasibility", ""),
            "would have been met in 1 of 2 windows of 2013 by v1 (1 Jul - 7 Jul missed)");
}

TEST(ShortLabels, LeaveACommonYearOut) {
  EXPECT_EQ(ShortLabels({"Jun 2013", "Jul 2013"}), (std::vector<std::string>{"Jun", "Jul"}));
  EXPECT_EQ(ShortLabels({"Dec 2013", "Jan 2014"}), (std::vector<std::string>{"Dec 2013", "Jan 2014"}));
  EXPECT_TRUE(ShortLabels({}).empty());
}

}  // namespace
}  // namespace mw::monitoring
