// Goal files: the whole example, defaults, and every complaint of a broken file at once.
#include "goals/goal.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace mw::goals {
namespace {

constexpr std::string_view kLateDepartures = R"yaml(goal: late-departures
outcome: Passengers with a tight connection are rebooked before boarding, not at the counter.
owner: connections-desk
model: late-departures
predict: {label: departed_late, type: binary_classification, horizon: 2h, threshold: 0.20}
labels:  {known_at: scheduled_departure + 15m, expected: 97%}   # cancelled flights never get one
kpi:
  name: saving
  require: saving >= 10%
  window: 28d
  costs: {missed_late_flight: 900 USD, flagged_flight: 180 USD}
  deadline: 2013-12-31
impact_of_miss: In July 2013 five instead of fourteen percent meant about 450,000 USD more at counters and in hotels.
defaults: {window: 28d, slices: [origin]}
targets:
  - {name: ranking,     kind: quality,     priority: 1, require: roc_auc >= 0.68, cost_of_miss: 600 USD/h}
  - {name: calibration, kind: quality,     priority: 1, require: ece <= 0.06,     cost_of_miss: 600 USD/h}
  - {name: catch,       kind: quality,     priority: 2, require: recall >= 45%}
  - name: speed
    kind: performance
    priority: 1
    require: latency <= 20ms
    objective: 99%
    calendar: Mon-Sun 04:00-24:00 America/New_York
    peak: 500/s
    cost_of_miss: 1000 USD/h
  - {name: answers,     kind: performance, priority: 1, require: error_rate <= 0.1%, cost_of_miss: 1000 USD/h}
  - {name: weather-age, kind: freshness,   priority: 2, require: weather.age <= 90m, objective: 99%}
  - {name: model-age,   kind: freshness,   priority: 3, require: model.age <= 45d}
  - {name: spend,       kind: cost,        priority: 3, require: cost_per_1000_predictions <= 0.05 USD}
)yaml";

Goal ParsedGoal(std::string_view text) {
  auto goal = ParseGoal(text, "goal.yaml");
  EXPECT_TRUE(goal.ok()) << (goal.ok() ? "" : goal.error().message);
  return goal.ok() ? *std::move(goal) : Goal{};
}

std::string RefusedGoal(std::string_view text) {
  auto goal = ParseGoal(text, "goal.yaml");
  EXPECT_FALSE(goal.ok());
  return goal.ok() ? "" : goal.error().message;
}

TEST(Goal, ReadsTheExampleWhole) {
  const Goal goal = ParsedGoal(kLateDepartures);
  EXPECT_EQ(goal.name, "late-departures");
  EXPECT_EQ(goal.owner, "connections-desk");
  EXPECT_EQ(goal.label, "departed_late");
  EXPECT_EQ(goal.horizon, std::chrono::hours(2));
  EXPECT_DOUBLE_EQ(goal.threshold, 0.20);
  EXPECT_EQ(goal.labels->column, "scheduled_departure");
  EXPECT_EQ(goal.labels->delay, std::chrono::minutes(15));
  EXPECT_DOUBLE_EQ(goal.labels->expected_share, 0.97);
  EXPECT_EQ(goal.kpi->require.text, "saving >= 10%");
  EXPECT_EQ(FormatTime(*goal.kpi->deadline), "2013-12-31T00:00:00Z");
  EXPECT_EQ(goal.costs->missed_name, "missed_late_flight");
  EXPECT_DOUBLE_EQ(goal.costs->missed, 900);
  EXPECT_DOUBLE_EQ(goal.costs->flagged, 180);
  EXPECT_EQ(goal.Currency(), "USD");
  ASSERT_EQ(goal.targets.size(), 8u);
  const Target& speed = *goal.Find("speed");
  EXPECT_EQ(speed.kind, Kind::kPerformance);
  EXPECT_DOUBLE_EQ(*speed.objective, 0.99);
  EXPECT_DOUBLE_EQ(*speed.peak_per_second, 500);
  EXPECT_EQ(speed.calendar->from_minute, 240);
  EXPECT_EQ(speed.calendar->until_minute, 1440);
  EXPECT_EQ(speed.calendar->zone, "America/New_York");
  EXPECT_EQ(goal.Find("ranking")->slices, std::vector<std::string>{"origin"});
  EXPECT_EQ(goal.Find("nobody"), nullptr);
  EXPECT_TRUE(goal.warnings.empty());
}

constexpr std::string_view kSmall = R"yaml(goal: small
outcome: Fewer surprises.
owner: me
predict: {label: y}
targets:
  - {name: ranking, require: roc_auc >= 60%}
)yaml";

TEST(Goal, FillsInDefaults) {
  const Goal goal = ParsedGoal(kSmall);
  EXPECT_EQ(goal.model, "small");
  EXPECT_DOUBLE_EQ(goal.threshold, 0.5);
  EXPECT_EQ(goal.window.length, std::chrono::hours(24 * 28));
  EXPECT_EQ(goal.zone.name(), "UTC");
  EXPECT_FALSE(goal.kpi.has_value());
  EXPECT_EQ(goal.targets[0].kind, Kind::kQuality);
  EXPECT_EQ(goal.targets[0].priority, 3);
  EXPECT_EQ(goal.Currency(), "");
}

TEST(Goal, TheThresholdFollowsFromTheCostsUnlessGiven) {
  const std::string costs = "kpi: {require: saving >= 1%, costs: {missed: 1000 EUR, flagged: 50 EUR}}\n";
  EXPECT_DOUBLE_EQ(ParsedGoal(Cat(kSmall, costs)).threshold, 0.05);
  std::string given(kSmall);
  given.replace(given.find("label: y"), 8, "label: y, threshold: 0.5");
  const Goal goal = ParsedGoal(Cat(given, costs));
  EXPECT_DOUBLE_EQ(goal.threshold, 0.5);
  ASSERT_EQ(goal.warnings.size(), 1u);
  EXPECT_NE(goal.warnings[0].find("50 / 1000 = 0.05"), std::string::npos) << goal.warnings[0];
}

TEST(Goal, NamesEveryFaultOfAFileAtOnce) {
  const std::string message = RefusedGoal(R"yaml(goal: broken
outcome: x
predict: {label: y, type: multiclass, treshold: 0.2}
kpi: {require: saving >= 10%}
targets:
  - {name: ranking, require: roc_acu >= 0.7}
  - {name: ranking, kind: quality, require: latency <= 5ms, priority: 7}
  - {name: spend, require: cost_per_1000_predictions <= 1 EUR, cost_of_miss: 5 USD/h, calendar: daily}
colour: red
)yaml");
  for (const std::string_view expected :
       {"goal.yaml:1: the key \"owner\" is missing", "goal.yaml:3: type: \"multiclass\"",
        "unknown key \"treshold\"; did you mean threshold?", "goal.yaml:6: require: unknown metric",
        "did you mean roc_auc?", "goal.yaml:7: name: two targets are called \"ranking\"",
        "latency is a metric of performance, not of quality; write kind: performance", "goal.yaml:7: priority: 7",
        "money in EUR beside money in USD", "no calendar", "colour", "kpi: saving needs costs"}) {
    EXPECT_NE(message.find(expected), std::string::npos) << expected << "\nin\n" << message;
  }
}

TEST(Goal, RefusesWhatHasNoMeaning) {
  EXPECT_NE(RefusedGoal("pipeline: x\n").find("its first key must be `goal: NAME`"), std::string::npos);
  EXPECT_NE(RefusedGoal("- a\n- b\n").find("first key"), std::string::npos);
  EXPECT_NE(RefusedGoal("").find("goal.yaml:1:"), std::string::npos);
  EXPECT_NE(RefusedGoal("goal: x\noutcome: y\nowner: z\n").find("predict is missing"), std::string::npos);
  std::string text(kSmall);
  text.replace(text.find("roc_auc >= 60%"), 14, "roc_auc >= 60%, objective: 99%, peak: 5/s");
  EXPECT_NE(RefusedGoal(text).find("objective: has no meaning for a target of kind quality"), std::string::npos);
  EXPECT_NE(RefusedGoal(text).find("peak: has no meaning"), std::string::npos);
}

TEST(Calendar, ReadsDaysAndHours) {
  const auto weekend = ParseCalendar("Sat-Mon 22:30-24:00 UTC");
  ASSERT_TRUE(weekend.ok());
  EXPECT_EQ(weekend->days, (std::array<bool, 7>{true, false, false, false, false, true, true}));
  EXPECT_EQ(weekend->from_minute, 22 * 60 + 30);
  for (const std::string_view bad :
       {"", "Mon-Fri", "Mon-Fri 8-18 UTC", "Mon-Fri 18:00-08:00 UTC", "Mon-Fri 08:00-24:01 UTC",
        "Monday 08:00-18:00 UTC", "Mon-Tue-Wed 08:00-18:00 UTC", "Mon 08:00-18:00 EST5;DROP"}) {
    EXPECT_FALSE(ParseCalendar(bad).ok()) << bad;
  }
}

TEST(Diff, NamesWhatChangedByPath) {
  const Goal before = ParsedGoal(kSmall);
  std::string text(kSmall);
  text.replace(text.find("60%"), 3, "70%");
  text += "  - {name: catch, require: recall >= 45%}\n";
  const std::vector<Change> changes = Diff(ToJson(before), ToJson(ParsedGoal(text)));
  ASSERT_FALSE(changes.empty());
  EXPECT_EQ(changes[0].path, "targets.ranking.require");
  EXPECT_EQ(changes[0].before, "roc_auc >= 60%");
  EXPECT_EQ(changes[0].after, "roc_auc >= 70%");
  EXPECT_EQ(changes[1].path, "targets.catch.name");
  EXPECT_EQ(changes[1].before, "");
  EXPECT_TRUE(Diff(ToJson(before), ToJson(before)).empty());
  const std::vector<Change> back = Diff(ToJson(ParsedGoal(text)), ToJson(before));
  EXPECT_EQ(back.back().after, "");
}

TEST(Goal, JsonHasEveryDefault) {
  const Json json = ToJson(ParsedGoal(kSmall));
  EXPECT_EQ(json.Find("predict")->StringOr("type", ""), "binary_classification");
  EXPECT_EQ(json.Find("defaults")->StringOr("window", ""), "28d");
  EXPECT_EQ(json.StringOr("timezone", ""), "UTC");
  EXPECT_TRUE(json.Find("kpi")->IsNull());
  EXPECT_TRUE(Json::Parse(json.Dump()).ok());
}

}  // namespace
}  // namespace mw::goals
