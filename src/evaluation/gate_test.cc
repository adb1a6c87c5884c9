// The gate's decisions: inclusive bounds, closed on everything that is missing, paired against production.
#include "evaluation/gate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"

namespace mw::evaluation {
namespace {

goals::Goal TheGoal() {
  return *goals::ParseGoal(R"yaml(goal: late
outcome: x
owner: y
model: late-departures
predict: {label: late}
kpi: {name: saving, require: saving >= 10%, costs: {missed: 900 USD, flagged: 180 USD}}
targets:
  - {name: ranking, priority: 1, require: roc_auc >= 0.68, cost_of_miss: 600 USD/h}
  - {name: catch, priority: 2, require: recall >= 45%}
  - {name: speed, priority: 1, require: latency <= 20ms}
)yaml",
                           "goal.yaml");
}

MetricValue Value(std::string_view metric, double value, double low, double high) {
  return {.metric = std::string(metric), .value = value, .low = low, .high = high, .rows = 5000};
}

Report TheReport() {
  Report report;
  report.model = "late-departures";
  report.counts = {.rows = 5000, .positives = 1000, .blocks = 700};
  report.rule_cost = 900'000;
  report.overall = {Value("saving", 0.15, 0.12, 0.18), Value("roc_auc", 0.715, 0.706, 0.724),
                    Value("recall", 0.51, 0.49, 0.53), Value("log_loss", 0.48, 0.47, 0.49),
                    Value("ece", 0.05, 0.04, 0.06)};
  report.trivial_model = {"every row 21.4 %", {Value("log_loss", 0.54, 0.54, 0.54)}};
  return report;
}

MetricValue& Metric(Report& report, std::string_view name) {
  for (MetricValue& metric : report.overall) {
    if (metric.metric == name) return metric;
  }
  ADD_FAILURE() << name;
  return report.overall[0];
}

GateDecision Decided(const Report& report, const std::optional<Production>& production = std::nullopt,
                     const GateOptions& options = {}) {
  const goals::Goal goal = TheGoal();
  auto decision = Decide(report, &goal, production, options);
  EXPECT_TRUE(decision.ok()) << (decision.ok() ? "" : decision.error().message);
  return decision.ok() ? *std::move(decision) : GateDecision{};
}

const Check& Named(const GateDecision& decision, std::string_view name) {
  for (const Check& check : decision.checks) {
    if (check.name == name) return check;
  }
  ADD_FAILURE() << "no check " << name;
  static const Check kNone{};
  return kNone;
}

TEST(Gate, PassesAReportThatMeetsEverything) {
  const GateDecision decision = Decided(TheReport());
  EXPECT_EQ(decision.verdict, Verdict::kPass) << GateTable(decision);
  EXPECT_EQ(decision.blocking(), 4u) << "enough data, saving, ranking, trivial model";
  EXPECT_EQ(decision.passed(), 4u);
  EXPECT_FALSE(Named(decision, "catch").blocks);
  EXPECT_EQ(Named(decision, "ranking").need, ">= 0.68");
  EXPECT_NE(GateTable(decision).find("gate passed 4/4"), std::string::npos);
}

TEST(Gate, BoundsAreInclusive) {
  Report report = TheReport();
  Metric(report, "roc_auc").value = 0.68;
  EXPECT_EQ(Named(Decided(report), "ranking").verdict, Verdict::kPass);
  Metric(report, "roc_auc").value = std::nextafter(0.68, 0);
  EXPECT_EQ(Decided(report).verdict, Verdict::kFail);
}

TEST(Gate, AMissOfPriorityOneStopsAndSaysWhatItCosts) {
  Report report = TheReport();
  Metric(report, "saving").value = 0.05;
  const GateDecision decision = Decided(report);
  EXPECT_EQ(decision.verdict, Verdict::kFail);
  EXPECT_EQ(Named(decision, "saving").miss_costs, "45,000 USD short on these rows");
  EXPECT_NE(GateTable(decision).find("gate refused: 3/4 passed"), std::string::npos) << GateTable(decision);
}

TEST(Gate, AMissOfPriorityTwoIsShownAndStopsNothing) {
  Report report = TheReport();
  Metric(report, "recall").value = 0.1;
  const GateDecision decision = Decided(report);
  EXPECT_EQ(decision.verdict, Verdict::kPass);
  EXPECT_EQ(Named(decision, "catch").verdict, Verdict::kFail);
}

TEST(Gate, FailsClosed) {
  Report nan = TheReport();
  Metric(nan, "roc_auc").value = std::nan("");
  EXPECT_EQ(Decided(nan).verdict, Verdict::kFail);
  Report undefined = TheReport();
  Metric(undefined, "roc_auc").value.reset();
  Metric(undefined, "roc_auc").reason = "no row is negative";
  EXPECT_EQ(Named(Decided(undefined), "ranking").verdict, Verdict::kFail);
  EXPECT_EQ(Named(Decided(undefined), "ranking").why, "no row is negative");
  Report missing = TheReport();
  missing.overall.clear();
  EXPECT_EQ(Decided(missing).verdict, Verdict::kFail);
  EXPECT_EQ(Named(Decided(missing), "ranking").why, "no roc_auc was measured");
  Report no_trivial = TheReport();
  no_trivial.trivial_model.metrics.clear();
  EXPECT_EQ(Named(Decided(no_trivial), "trivial model").verdict, Verdict::kFail);
}

TEST(Gate, TooLittleDataDecidesNothing) {
  const struct {
    Counts counts;
    std::string_view why;
  } cases[] = {{{5000, 99, 700}, "99 positives, need 100"},
               {{5000, 4901, 700}, "99 negatives, need 100"},
               {{5000, 1000, 19}, "19 independent blocks, need 20"},
               {{0, 0, 0}, "0 positives, need 100"}};
  for (const auto& c : cases) {
    Report report = TheReport();
    report.counts = c.counts;
    const GateDecision decision = Decided(report);
    EXPECT_EQ(decision.verdict, Verdict::kInsufficient);
    EXPECT_EQ(Named(decision, "enough data").why, c.why);
    EXPECT_EQ(Named(decision, "ranking").verdict, Verdict::kInsufficient);
  }
}

TEST(Gate, AFailureOutweighsInsufficientData) {
  Report report = TheReport();
  report.counts.positives = 5;
  Metric(report, "roc_auc").value = 0.5;
  EXPECT_EQ(Decided(report).verdict, Verdict::kFail);
}

TEST(Gate, ABoundInsideTheIntervalIsSaid) {
  Report report = TheReport();
  Metric(report, "roc_auc").low = 0.67;
  const Check check = Named(Decided(report), "ranking");
  EXPECT_EQ(check.verdict, Verdict::kPass);
  EXPECT_EQ(check.why, "not certain at 95 %");
}

TEST(Gate, TheTrivialModelMustBeBeatenNotEqualled) {
  Report report = TheReport();
  Metric(report, "log_loss").value = 0.54;
  EXPECT_EQ(Named(Decided(report), "trivial model").verdict, Verdict::kFail);
}

constexpr double kMargin = 0.005;
const GateOptions kAgainst{.against_production = true, .margins = {{"roc_auc", kMargin}}};

TEST(GateAgainstProduction, NothingInProductionIsNoObstacle) {
  EXPECT_EQ(Decided(TheReport(), std::nullopt, kAgainst).verdict, Verdict::kPass);
}

TEST(GateAgainstProduction, PairedNonInferiorityIsDecidedByTheInterval) {
  const struct {
    double gain, low, high;
    Verdict verdict;
  } cases[] = {{0.01, 0.005, 0.015, Verdict::kPass},
               {0.0, -0.005, 0.005, Verdict::kPass},  // the margin itself is allowed
               {0.0, -0.0051, 0.005, Verdict::kInsufficient},
               {-0.005, -0.009, 0.0, Verdict::kInsufficient},
               {-0.0051, -0.009, 0.0, Verdict::kFail},
               {std::nan(""), -0.001, 0.001, Verdict::kFail}};
  for (const auto& c : cases) {
    const Production production{.version = 3, .metrics = {}, .gains = {{"roc_auc", c.gain, Interval{c.low, c.high}}}};
    const Check check = Named(Decided(TheReport(), production, kAgainst), "production roc_auc");
    EXPECT_EQ(check.verdict, c.verdict) << c.gain << " " << c.low;
    EXPECT_EQ(check.against, "version 3, same rows");
  }
  const Production no_interval{.version = 3, .metrics = {}, .gains = {{"roc_auc", 0.1, std::nullopt}}};
  EXPECT_EQ(Named(Decided(TheReport(), no_interval, kAgainst), "production roc_auc").verdict, Verdict::kInsufficient);
}

TEST(GateAgainstProduction, ForMetricsThatFallTheSignTurns) {
  const GateOptions options{.against_production = true, .margins = {{"ece", 0.01}}};
  const auto verdict = [&](double gain, double low, double high) {
    const Production production{.version = 3, .metrics = {}, .gains = {{"ece", gain, Interval{low, high}}}};
    return Named(Decided(TheReport(), production, options), "production ece").verdict;
  };
  EXPECT_EQ(verdict(-0.02, -0.03, -0.01), Verdict::kPass);
  EXPECT_EQ(verdict(0.005, 0.0, 0.01), Verdict::kPass);
  EXPECT_EQ(verdict(0.005, 0.0, 0.011), Verdict::kInsufficient);
  EXPECT_EQ(verdict(0.02, 0.0, 0.03), Verdict::kFail);
}

TEST(GateAgainstProduction, RecordedMetricsStandInWhereRowsAreMissing) {
  const auto verdict = [&](double before) {
    return Named(Decided(TheReport(), Production{3, {{"roc_auc", before}}, {}}, kAgainst), "production roc_auc")
        .verdict;
  };
  EXPECT_EQ(verdict(0.7), Verdict::kPass);
  EXPECT_EQ(verdict(0.715 + kMargin - 1e-9), Verdict::kPass);
  EXPECT_EQ(verdict(0.73), Verdict::kFail);
  EXPECT_EQ(verdict(std::nan("")), Verdict::kInsufficient);
  const Production nothing{.version = 3, .metrics = {}, .gains = {}};
  EXPECT_EQ(Named(Decided(TheReport(), nothing, kAgainst), "production roc_auc").verdict, Verdict::kInsufficient);
}

TEST(Gate, RefusesQuestionsThatMakeNoSense) {
  const goals::Goal goal = TheGoal();
  const auto refused = [&](GateOptions options) {
    const auto decision = Decide(TheReport(), &goal, std::nullopt, options);
    return decision.ok() ? std::string("accepted") : decision.error().message;
  };
  EXPECT_NE(refused({true, {{"roc_acu", 0.1}}}).find("did you mean roc_auc?"), std::string::npos);
  EXPECT_NE(refused({true, {{"flagged_share", 0.1}}}).find("neither better nor worse"), std::string::npos);
  EXPECT_NE(refused({true, {{"roc_auc", -0.1}}}).find("0 or more"), std::string::npos);
  EXPECT_NE(refused({true, {{"roc_auc", std::nan("")}}}).find("no margin"), std::string::npos);
  EXPECT_NE(refused({true, {}}).find("needs a margin"), std::string::npos);
  Report other = TheReport();
  other.model = "iris";
  EXPECT_FALSE(Decide(other, &goal, std::nullopt, {}).ok());
}

TEST(Gate, WithoutAGoalOnlyTheOtherChecksRemain) {
  const GateDecision decision = *Decide(TheReport(), nullptr, std::nullopt, {});
  EXPECT_EQ(decision.checks.size(), 2u);
  EXPECT_EQ(decision.verdict, Verdict::kPass);
  const Json json = ToJson(decision);
  EXPECT_EQ(json.StringOr("verdict", ""), "pass");
  EXPECT_EQ(json.Find("checks")->AsArray().size(), 2u);
}

}  // namespace
}  // namespace mw::evaluation
