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
#include "blob/directory_artifact.h"
#include "blob/directory_blobs.h"
#include "net/loop_server.h"
#include "net/socket.h"
#include "wire/desired_state.h"

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
  const Checks checks = DiskChecks(::testing::TempDir(), clock);
  ASSERT_EQ(checks.size(), 3U);
  EXPECT_NE(checks[2].value.find("p99"), std::string::npos) << checks[2].value;
  const Checks nowhere = DiskChecks("/no/such/directory", clock);
  ASSERT_EQ(nowhere.size(), 1U);
  EXPECT_EQ(nowhere[0].health, Health::kBad);
}

TEST(MachineChecks, NoticeFilesFromTheFuture) {
  std::string home = ::testing::TempDir() + "mw-checks-XXXXXX";
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

/// Answers every request with the same body.
class Canned final : public net::LoopHandler {
 public:
  explicit Canned(std::string body) : body_(std::move(body)) {}
  void Handle(const net::RequestView&, net::ResponseWriter& out) override { out.Json(body_); }

 private:
  const std::string body_;
};

/// What the check says of a package with that warmup.json behind a server that answers so.
Check GoldenRowOf(const std::string& warm_up, const std::string& answer) {
  std::string home = ::testing::TempDir() + "mw-checks-XXXXXX";
  EXPECT_NE(mkdtemp(home.data()), nullptr);
  Config config;
  config.home = home;
  EXPECT_TRUE(MakeDirectories(home + "/package").ok());
  EXPECT_TRUE(MakeDirectories(config.ServePath()).ok());
  EXPECT_TRUE(WriteFileDurably(home + "/package/warmup.json", warm_up).ok());
  wire::DesiredState state;
  state.endpoints.emplace_back();
  state.endpoints[0].name = state.endpoints[0].model = "fraud";
  state.endpoints[0].version = 3;
  {
    const auto blobs = blob::DirectoryBlobs::Open(config.ArtifactsPath());
    state.endpoints[0].package = *blob::PutDirectory(**blobs, home + "/package");
  }
  EXPECT_TRUE(WriteFileDurably(config.ServePath() + "/desired_state.json", wire::ToJson(state).Dump()).ok());
  MetricsRegistry metrics;
  net::LoopServerOptions options;
  options.loops = 1;
  const auto server = net::LoopServer::Start(
      options, [&](int) { return std::make_unique<Canned>(answer); }, metrics);
  const Checks checks = GoldenRowChecks(config, Cat("http://127.0.0.1:", (*server)->port()));
  std::filesystem::remove_all(home);
  EXPECT_EQ(checks.size(), 1U);
  return checks.empty() ? Check() : checks[0];
}

std::string Answered(std::string_view datatype, std::string_view data) {
  return Cat(R"({"outputs":[{"name":"y","datatype":")", datatype, R"(","shape":[1],"data":[)", data, "]}]}");
}

TEST(HomeChecks, AskForARowAgain) {
  const std::string rows = R"({"rows":[{"x":1}],"margins":[0.5],"probabilities":[0.25]})";
  const Check good = GoldenRowOf(rows, Answered("FP32", "0.25"));
  EXPECT_EQ(good.health, Health::kOk) << good.value;
  EXPECT_EQ(good.value, "version 3 answers a golden row to the bit");
  EXPECT_EQ(GoldenRowOf(rows, Answered("FP32", "0.25000003")).health, Health::kBad);
  EXPECT_EQ(GoldenRowOf(R"({"rows":[]})", Answered("FP32", "0.25")).health, Health::kWarn);
}

TEST(HomeChecks, AskForARecordedRequestAgain) {
  const std::string recorded = R"({"requests":[{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[2]}],)"
                               R"("outputs":[{"name":"y","datatype":"FP32","shape":[1],"data":[0.25]}]}]})";
  const Check good = GoldenRowOf(recorded, Answered("FP32", "0.2500001"));
  EXPECT_EQ(good.health, Health::kOk) << good.value;
  EXPECT_EQ(good.value, "version 3 answers a recorded request alike");
  const Check other = GoldenRowOf(recorded, Answered("FP32", "0.75"));
  EXPECT_EQ(other.health, Health::kBad);
  EXPECT_NE(other.value.find("output \"y\" is 0.75"), std::string::npos) << other.value;
  EXPECT_EQ(other.remedy, "millwright rollback fraud --dry-run");
  EXPECT_EQ(GoldenRowOf(recorded, Answered("INT64", "0")).health, Health::kBad);
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
