// From pieces of windows to stored findings: drift in the second week, late pieces, silence, restarts, and what the
// door shows of it.
#include "monitoring/evaluation_json.h"
#include "monitoring/monitor_testing.h"

namespace mw::monitoring {
namespace {

using testing::kMonday;
using testing::kToday;
using testing::MonitorTest;

TEST_F(MonitorTest, DriftIsFoundInTheSecondWeekThatShowsIt) {
  Register(true);
  for (int week = 0; week < 3; ++week) SendWeek(week, 50);
  for (int week = 3; week < 5; ++week) SendWeek(week, 60);
  Send(35, 50);  // event time passes the last week's end
  Settle();
  const Json report = Report();
  EXPECT_EQ(States(report), "ok ok ok ok warning ok ");
  EXPECT_EQ(report.StringOr("drift_window", ""), "7d");
  EXPECT_EQ(report.Find("baseline")->IntOr("rows", 0), 18'000);
  ASSERT_EQ(report.Find("findings")->AsArray().size(), 1U);
  const Json& finding = report.Find("findings")->AsArray()[0];
  EXPECT_EQ(finding.StringOr("column", ""), "temp");
  EXPECT_EQ(finding.StringOr("severity", ""), "note");
  EXPECT_EQ(finding.Find("window")->StringOr("from", ""), "2013-07-29T00:00:00Z");
  ASSERT_EQ(report.Find("features")->AsArray().size(), 3U);
  const Json& cells = *report.Find("features")->AsArray()[0].Find("cells");
  EXPECT_EQ(cells.AsArray()[4].StringOr("severity", ""), "note");
  EXPECT_EQ(cells.AsArray()[4].StringOr("floor_method", ""), "blocks");
  EXPECT_TRUE(cells.AsArray()[0].Find("severity")->IsNull());
}

// The same pieces again change nothing; a piece that comes weeks later does.
TEST_F(MonitorTest, LatePiecesAreTakenIn) {
  Register(true);
  for (int week = 0; week < 4; ++week) SendWeek(week, 50);
  Settle();
  EXPECT_EQ(Sentences(), "");
  const std::uint64_t before = Evaluated();
  for (int day = 0; day < 7; ++day) Send(7 + day, 50, true);  // from a server that was away
  Settle();
  EXPECT_EQ(Sentences(), "07-08 alert temp is missing in 50 % of rows, was 0 % in training: the source has gaps\n");
  EXPECT_LE(Evaluated() - before, 4U);
}

TEST_F(MonitorTest, MovedPredictionsAreAnAlert) {
  Register(true);
  SendWeek(0, 50);
  SendWeek(1, 50, false, 0.3);
  SendWeek(2, 50, false, 0.3);
  Send(21, 50);
  Settle();
  EXPECT_EQ(States(Report()), "ok ok alert ok ");
  EXPECT_NE(Sentences().find("07-15 alert predictions moved: mean 0.3, was 0.2"), std::string::npos) << Sentences();
}

TEST_F(MonitorTest, AFaultIsSeenBeforeTheWeekIsOver) {
  Register(true);
  SendWeek(0, 50);
  Send(7, 50, true);
  Settle();
  EXPECT_EQ(Sentences(),
            "07-08 alert temp is missing in 100 % of rows, was 0 % in training: the source stopped or was renamed\n");
}

TEST_F(MonitorTest, SilentWeeksAreAnOutage) {
  Register(true);
  SendWeek(0, 50);
  SendWeek(3, 50);
  Settle();
  EXPECT_EQ(States(Report()), "ok no_data no_data ok ");
  EXPECT_EQ(SyncWait(monitoring_->Findings("late", 1, Timestamp::min(), kNever))->size(), 2U);
}

// A request now and then: weeks without one are no outage, and are said to be nothing.
TEST_F(MonitorTest, SilenceBetweenATrialAndTheNextIsNoOutage) {
  Register(true);
  for (const int week : {0, 2, 4}) Accept(MakePiece(kMonday + week * 7 * kDay, 1));
  Settle();
  EXPECT_EQ(States(Report()),
            "insufficient_data insufficient_data insufficient_data insufficient_data insufficient_data ");
  EXPECT_EQ(Sentences(), "");
  Restart();
  Settle();
  EXPECT_EQ(Evaluated(), 0U);
}

// One request with an event time of years before writes no years of silence; those that were written go.
TEST_F(MonitorTest, AStrayRequestOfYearsBeforeMakesNoSilentYears) {
  Register(true);
  SendWeek(0, 50);
  Settle();
  const WindowKey stale{"late", 1, kMonday - 70 * kDay, 7 * kDay};
  const Status written = SyncWait(database_->Write([&](db::Transaction& transaction) {
    Evaluation evaluation;
    evaluation.from = stale.start;
    evaluation.until = stale.start + stale.length;
    return PutWindow(transaction, stale, "2/silent", ToJson(evaluation).Dump());
  }));
  ASSERT_TRUE(written.ok()) << written.error().ToString();
  Accept(MakePiece(kMonday - 700 * kDay, 1));
  Accept(MakePiece(kMonday + std::chrono::hours(1), 1));  // the week after the gap is looked at again
  Settle();
  EXPECT_EQ(Report().Find("windows")->AsArray().size(), 2U) << States(Report());
  EXPECT_EQ(Sentences(), "");
  SendWeek(9, 50);  // near enough: an outage
  Settle();
  EXPECT_EQ(Report().Find("windows")->AsArray().size(), 11U) << States(Report());
}

// A new process looks at every window again and finds each as it was left.
TEST_F(MonitorTest, ARestartEvaluatesNothingAnew) {
  Register(true);
  for (int week = 0; week < 3; ++week) SendWeek(week, 50);
  SendWeek(3, 60);
  SendWeek(4, 60);
  Settle();
  EXPECT_GE(Evaluated(), 5U);
  const std::string before = Report().Dump();
  Restart();
  Settle();
  EXPECT_EQ(Evaluated(), 0U);
  EXPECT_EQ(Report().Dump(), before);
}

// Killed anywhere, in any order, in any portions: the same windows and findings.
TEST_F(MonitorTest, PortionsAndRestartsDoNotMatter) {
  Register(true);
  for (int week = 0; week < 5; ++week) {
    for (int day = 0; day < 7; ++day) {
      Send(week * 7 + day, week < 3 ? 50 : 60, week == 1);
      if (day % 3 == 1) Settle();
      if (day == 4) Restart();
    }
  }
  Send(35, 50);
  Settle();
  EXPECT_EQ(States(Report()), "ok alert ok ok warning ok ");
}

TEST_F(MonitorTest, SlicesThatThePackageLacksAreSaidToBeMissing) {
  Register(true);
  Settings settings;
  settings.slices = {"carrier"};
  ASSERT_TRUE(SyncWait(monitoring_->PutSettings("late", settings)).ok());
  EXPECT_EQ(Report().Find("slices_missing")->Dump(), R"(["carrier"])");
}

TEST_F(MonitorTest, WithoutABaselineItSaysSo) {
  Register(false);
  SendWeek(0, 50);
  Settle();
  const Json report = Report();
  EXPECT_EQ(States(report), "baseline_missing ");
  EXPECT_TRUE(report.Find("baseline")->IsNull());
  const auto feature = SyncWait(monitoring_->Feature("late", 0, "temp", kMonday, kMonday + 7 * kDay));
  ASSERT_FALSE(feature.ok());
  EXPECT_EQ(feature.error().code, Code::kFailedPrecondition);
}

TEST_F(MonitorTest, ShowsADistributionAgainstItsBaseline) {
  Register(true);
  SendWeek(0, 60);
  Settle();
  const Result<Json> temp = SyncWait(monitoring_->Feature("late", 0, "temp", kMonday, kMonday + 7 * kDay));
  ASSERT_TRUE(temp.ok()) << temp.error().ToString();
  const std::size_t bars = temp->Find("baseline")->AsArray().size();
  EXPECT_EQ(temp->Find("edges")->AsArray().size(), bars + 1);
  double before = 0;
  double now = 0;
  for (std::size_t i = 0; i < bars; ++i) {
    before += temp->Find("baseline")->AsArray()[i].AsDouble();
    now += temp->Find("window")->AsArray()[i].AsDouble();
  }
  EXPECT_NEAR(before, 1, 1e-9);
  EXPECT_NEAR(now, 1, 1e-9);
  EXPECT_GT(temp->DoubleOr("jsd", 0), 0.1);
  EXPECT_NEAR(temp->DoubleOr("wasserstein", 0), 1, 0.1);
  const Result<Json> carrier = SyncWait(monitoring_->Feature("late", 0, "carrier", kMonday, kMonday + 7 * kDay));
  ASSERT_TRUE(carrier.ok());
  EXPECT_EQ(carrier->Find("categories")->Dump(), R"j(["AA","UA","(others)"])j");
  EXPECT_TRUE(SyncWait(monitoring_->Feature("late", 0, "prediction", kMonday, kMonday + 7 * kDay)).ok());
  const auto unknown = SyncWait(monitoring_->Feature("late", 0, "tmp", kMonday, kMonday + 7 * kDay));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().message, "the model has no feature \"tmp\"; it has temp, carrier and prediction");
}

}  // namespace
}  // namespace mw::monitoring
