// The time line of changes: each kind, in the order of time, and no more than was asked for.
#include <gtest/gtest.h>

#include "api/native/testing.h"

namespace mw::api::native {
namespace {

constexpr std::string_view kPipeline = "pipeline: nightly\nsteps:\n  only: {run: [program]}\n";
constexpr auto kHour = std::chrono::hours(1);

class ChangeRoutesTest : public ::testing::Test {
 protected:
  std::int64_t Register(const std::string& attempt, const std::string& run) {
    registry::NewVersion version;
    version.name.model = "late";
    version.package = Cat("sha256:", std::string(64, attempt.back()));
    version.attempt_id = attempt;
    version.run_id = run;
    const auto made = SyncWait(world_.registry.CreateVersion(std::move(version)));
    EXPECT_TRUE(made.ok()) << made.error().ToString();
    return made.ok() ? made->version : 0;
  }
  void Point(const std::string& alias, std::int64_t version) {
    EXPECT_TRUE(SyncWait(world_.registry.SetAlias({"default", "late"}, alias, version, "ada")).ok());
  }
  void Deploy(const std::string& version) {
    EXPECT_TRUE(SyncWait(world_.endpoints.Deploy({"late", "late", version, "ada", ""})).ok());
  }
  void ReportReady(std::int64_t version) {
    wire::StatusReport report;
    report.server = "one";
    report.generation = world_.endpoints.generation();
    report.endpoints = {{"late", version, wire::VersionState::kReady, ""}};
    EXPECT_TRUE(SyncWait(world_.endpoints.Report(report)).ok());
  }
  /// One line for each change: "14:26 goal late: version 1 applied (by)".
  std::string Lines(const std::string& query = "") {
    std::string lines;
    const Json answer = world_.Get("/api/v1/changes" + query);
    for (const Json& change : answer.Find("changes")->AsArray()) {
      const std::string by = change.StringOr("by", "");
      CatTo(lines, change.StringOr("at", "").substr(11, 5), " ", change.StringOr("kind", ""), " ",
            change.StringOr("subject", ""), ": ", change.StringOr("text", ""), by.empty() ? "" : Cat(" (", by, ")"),
            "\n");
    }
    return lines;
  }

  RecordedWorld world_;
};

TEST_F(ChangeRoutesTest, NothingIsAnAnswer) {
  EXPECT_EQ(world_.Say("/api/v1/changes"), R"({"since":"2020-09-12T12:26:40Z","changes":[]})");
}

TEST_F(ChangeRoutesTest, FilesThatWereApplied) {
  world_.Apply(kLateGoal);
  world_.Advance(kHour);
  const pipelines::Definition definition{"nightly", 0, std::string(kPipeline), "p.yaml", "/base", {}};
  ASSERT_TRUE(SyncWait(world_.definitions.Apply(definition, false)).ok());
  world_.Advance(kHour);
  world_.Apply(Cat(kLateGoal, "# May\n"));
  EXPECT_EQ(Lines(),
            "12:26 goal late: version 1 applied\n"
            "13:26 pipeline nightly: version 1 applied from /base\n"
            "14:26 goal late: version 2 applied\n");
}

TEST_F(ChangeRoutesTest, RunsFromStartToEnd) {
  const pipelines::RunId id = world_.machine.Submit(std::string(kPipeline));
  EXPECT_EQ(Lines(), Cat("12:26 run nightly: started, ", id.text(), "\n"));
  world_.Advance(kHour);
  EXPECT_EQ(world_.machine.Finish(id), pipelines::RunState::kSucceeded);
  EXPECT_TRUE(Lines().ends_with("13:26 run nightly: succeeded after 1h 0m\n")) << Lines();
  EXPECT_EQ(Lines("?since=30m"), "13:26 run nightly: succeeded after 1h 0m\n") << "its start is longer ago";
}

TEST_F(ChangeRoutesTest, VersionsAndWhereAliasesWent) {
  Register("a1", "run-1");
  Register("a2", "");
  world_.Advance(kHour);
  Point("candidate", 1);
  world_.Advance(kHour);
  Point("candidate", 2);
  world_.Advance(kHour);
  ASSERT_TRUE(SyncWait(world_.registry.RemoveAlias({"default", "late"}, "candidate", "bob")).ok());
  EXPECT_EQ(Lines("?since=150m"),
            "13:26 alias late: alias candidate: version 1 (ada)\n"
            "14:26 alias late: alias candidate: version 2, before 1 (ada)\n"
            "15:26 alias late: alias candidate removed from version 2 (bob)\n");
  const std::string all = Lines();
  EXPECT_NE(all.find("12:26 version late: version 1 registered (run run-1)\n"), std::string::npos) << all;
  EXPECT_NE(all.find("12:26 version late: version 2 registered\n"), std::string::npos) << all;
}

TEST_F(ChangeRoutesTest, DeploymentsAreWantedAndThenLive) {
  Register("a1", "");
  world_.Advance(kHour);
  Deploy("1");
  world_.Advance(kHour);
  ReportReady(1);
  const std::string lines = Lines("?since=90m");
  EXPECT_NE(lines.find("13:26 deployment late: late version 1 wanted: "), std::string::npos) << lines;
  EXPECT_TRUE(lines.ends_with("14:26 deployment late: late version 1 is live\n")) << lines;
}

TEST_F(ChangeRoutesTest, LimitsAreChangesToo) {
  const auto set = [this](endpoints::AdmissionRequest request) {
    request.requested_by = "ada";
    ASSERT_TRUE(SyncWait(world_.endpoints.SetAdmission(std::move(request))).ok());
    world_.Advance(kHour);
  };
  set({.shares = {{"shop", 50}, {"batch", 20}}, .rows_per_second_max = 200});
  set({.rows_in_flight_max = 1000});
  set({.from_nothing = true});
  EXPECT_EQ(Lines(),
            "12:26 limits model servers: 200 rows a second, of them batch 20, shop 50 (ada)\n"
            "13:26 limits model servers: 200 rows a second, of them batch 20, shop 50; at most 1000 rows in flight "
            "(ada)\n"
            "14:26 limits model servers: none (ada)\n");
  EXPECT_EQ(Lines("?since=90m"), "14:26 limits model servers: none (ada)\n");
}

TEST_F(ChangeRoutesTest, SinceIsADurationOrATime) {
  world_.Apply(kLateGoal);
  world_.Advance(2 * kHour);
  EXPECT_EQ(Lines("?since=1h"), "");
  EXPECT_EQ(Lines("?since=2h"), "12:26 goal late: version 1 applied\n") << "from that moment on";
  EXPECT_EQ(Lines("?since=2020-09-13T12:26:41Z"), "");
  EXPECT_EQ(Lines("?since=2020-09-13T12:00:00Z"), "12:26 goal late: version 1 applied\n");
  EXPECT_EQ(world_.Say("/api/v1/changes?since=yesterday"),
            "400 since=\"yesterday\" is neither a duration (24h, 3d) nor a time (2013-07-01T00:00:00Z)");
}

}  // namespace
}  // namespace mw::api::native
