// The layout for a narrow screen, and checks of this very machine where the answer is known.
#include "app/checks/check.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "app/checks/control_checks.h"
#include "app/checks/home_checks.h"
#include "app/checks/machine_checks.h"
#include "app/checks/processes.h"
#include "app/version.h"
#include "base/file.h"
#include "base/text.h"
#include "net/socket.h"

namespace mw::app {
namespace {

TEST(Check, WrapsValuesAndPutsTheRemedyBelow) {
  const Checks checks = {
      {"disk", Health::kOk, "12.0 GB free", ""},
      {"a name", Health::kBad, "one two three four five six seven eight", "millwright up --home DIR"}};
  const std::string text = Describe(checks, 40);
  EXPECT_EQ(text,
            "ok    disk    12.0 GB free\n"
            "bad   a name  one two three four five\n"
            "              six seven eight\n"
            "              -> millwright up --home\n"
            "                 DIR\n");
  for (const std::string_view line : Split(text, '\n')) EXPECT_LE(line.size(), 40U) << line;
}

TEST(Check, GoesThroughJson) {
  const Check check{"disk", Health::kWarn, "little", "free some"};
  const Check back = CheckFromJson(ToJson(check));
  EXPECT_EQ(back.name, check.name);
  EXPECT_EQ(back.health, check.health);
  EXPECT_EQ(back.remedy, check.remedy);
  EXPECT_EQ(CheckFromJson(Json::MakeObject()).health, Health::kBad);
}

TEST(MachineChecks, SayWhoHoldsAPort) {
  const auto socket = net::ListenTcp("127.0.0.1", 0);
  ASSERT_TRUE(socket.ok());
  const int port = net::LocalPort(socket->get());
  const auto listener = ListenerOf(port);
  ASSERT_TRUE(listener);
  EXPECT_EQ(listener->pid, getpid());
  EXPECT_EQ(PortCheck("console", port, getpid()).health, Health::kOk);
  const Check held = PortCheck("console", port, 0);
  EXPECT_EQ(held.health, Health::kBad);
  EXPECT_NE(held.value.find(Cat("pid ", getpid())), std::string::npos) << held.value;
}

TEST(MachineChecks, LookAtTheDisk) {
  const RealClock clock;
  const Checks checks = DiskChecks(testing::TempDir(), clock);
  ASSERT_EQ(checks.size(), 3U);
  EXPECT_NE(checks[2].value.find("p99"), std::string::npos) << checks[2].value;
  const Checks nowhere = DiskChecks("/no/such/directory", clock);
  ASSERT_EQ(nowhere.size(), 1U);
  EXPECT_EQ(nowhere[0].health, Health::kBad);
}

TEST(MachineChecks, NoticeFilesFromTheFuture) {
  std::string home = testing::TempDir() + "mw-checks-XXXXXX";
  ASSERT_NE(mkdtemp(home.data()), nullptr);
  ASSERT_TRUE(WriteFileDurably(home + "/millwright.db", "").ok());
  const RealClock real;
  EXPECT_NE(ClockCheck(home, real).health, Health::kBad);
  const SimulatedClock slow(real.Now() - std::chrono::hours(3));
  EXPECT_EQ(ClockCheck(home, slow).health, Health::kBad);
  EXPECT_NE(ClockCheck(home, slow).value.find("in the future"), std::string::npos);
  std::filesystem::remove_all(home);
}

TEST(HomeChecks, SayWhatAnEmptyHomeLacks) {
  Config config;
  config.home = "/no/such/home";
  const Checks database = DatabaseChecks(config);
  EXPECT_EQ(database[0].health, Health::kBad);
  EXPECT_NE(database[0].value.find("/no/such/home/millwright.db"), std::string::npos);
  const Checks backup = BackupChecks(config, RealClock());
  EXPECT_EQ(backup[0].health, Health::kWarn);
  EXPECT_EQ(backup[0].value, "never");
  EXPECT_TRUE(PackageChecks(config).empty());
}

TEST(ControlChecks, CompareGenerationsAndVersions) {
  wire::StatusReport report{"s", std::string(kVersion), "http://127.0.0.1:8080", 7, {}};
  EXPECT_EQ(ServerCheck(report, 7).health, Health::kOk);
  EXPECT_EQ(ServerCheck(report, 8).health, Health::kWarn);
  report.version = "0.0.1";
  EXPECT_EQ(ServerCheck(report, 7).health, Health::kWarn);
}

TEST(ControlChecks, DroppedRowsAndMissingLabelsAreSaid) {
  predictions::WindowSummary window;
  window.rows = 12'345;
  EXPECT_EQ(RecordingCheck("e", {window}).health, Health::kOk);
  window.dropped_rows = 3;
  const Check dropped = RecordingCheck("e", {window});
  EXPECT_EQ(dropped.health, Health::kWarn);
  EXPECT_NE(dropped.value.find("3 dropped"), std::string::npos) << dropped.value;
  predictions::LabelCoverage coverage;
  EXPECT_EQ(LabelCheck("e", coverage).health, Health::kOk);
  coverage.predictions = 10;
  EXPECT_EQ(LabelCheck("e", coverage).health, Health::kWarn);
  coverage.labelled = 9;
  EXPECT_EQ(LabelCheck("e", coverage).health, Health::kOk);
}

TEST(ControlChecks, ASampleIsCalledOne) {
  predictions::WindowSummary window;
  window.rows = window.sampled_rows = 4454;
  EXPECT_EQ(RecordingCheck("e", {window}).value.find("one by one"), std::string::npos);
  window.sampled_rows = 2501;
  EXPECT_NE(RecordingCheck("e", {window}).value.find("2,501 of them one by one"), std::string::npos);
}

TEST(ControlChecks, ImpossibleLabelsAreSaidWithTheFirst) {
  monitoring::MeasuredWindow window;
  EXPECT_EQ(GoalCheck("g", {window}).health, Health::kOk);
  window.impossible = 2;
  window.first_impossible = "prediction \"p3\" has the label 99";
  const Check check = GoalCheck("g", {monitoring::MeasuredWindow(), window});
  EXPECT_EQ(check.health, Health::kWarn);
  EXPECT_EQ(check.value, "measured without 2 impossible labels; prediction \"p3\" has the label 99");
}

}  // namespace
}  // namespace mw::app
