// From pieces of windows to stored findings: drift in the second week, late pieces, silence, restarts, and what the
// door shows of it.
#include "monitoring/monitor_reconciler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/random.h"
#include "base/text.h"
#include "blob/directory_artifact.h"
#include "blob/memory_blobs.h"
#include "db/temporary_database.h"
#include "lineage/lineage.h"
#include "monitoring/monitoring.h"
#include "sketch/baseline.h"
#include "wire/package.h"

namespace mw::monitoring {
namespace {

using sketch::ValueKind;

constexpr Duration kDay = std::chrono::hours(24);
const Timestamp kMonday = *ParseTime("2013-07-01T00:00:00Z");
const Timestamp kToday = *ParseTime("2026-01-01T00:00:00Z");
constexpr int kRowsOfDay = 200;

/// One thread for the workers' part.
class Worker final : public Executor {
 public:
  Worker() : thread_([this] { loop_.Run(); }) {}
  ~Worker() override {
    loop_.Stop();
    thread_.join();
  }
  void Post(std::function<void()> work) override { loop_.Post(std::move(work)); }

 private:
  RunLoop loop_;
  std::thread thread_;
};

sketch::Profile MakeFeatures(Random& random, int rows, double temp, bool gone) {
  sketch::Profile out({{"temp", ValueKind::kNumber}, {"carrier", ValueKind::kCategory}});
  for (int i = 0; i < rows; ++i) {
    out.column(0).AddNumber(gone ? std::nan("") : temp + 10 * random.Normal());
    out.column(1).AddValue(i % 3 == 0 ? "UA" : "AA");
  }
  return out;
}

/// Ninety days at 50 degrees; predictions around .2.
sketch::Baseline MakeBaseline() {
  Random random(5);
  sketch::Baseline out;
  out.event_time = "at";
  std::vector<sketch::Profile> days;
  for (int day = 0; day < 90; ++day) {
    sketch::Profile profile = MakeFeatures(random, kRowsOfDay, 50, false);
    sketch::ColumnProfile prediction({"prediction", ValueKind::kNumber});
    for (int i = 0; i < kRowsOfDay; ++i) prediction.AddNumber(0.2 + 0.05 * random.Normal());
    profile.Add(std::move(prediction));
    out.whole.Merge(profile);
    days.push_back(std::move(profile));
  }
  for (const sketch::ColumnProfile& column : out.whole.columns()) {
    out.bins.push_back(sketch::ColumnBins::Of(column, 128));
  }
  for (std::size_t day = 0; day < days.size(); ++day) {
    sketch::BaselineBlock& block = out.blocks.emplace_back();
    block.day = 15'706 + static_cast<std::int64_t>(day);
    block.rows = kRowsOfDay;
    for (std::size_t i = 0; i < out.bins.size(); ++i) {
      sketch::BlockColumn& column = block.columns.emplace_back();
      column.missing = days[day].column(i).missing();
      for (const double count : out.bins[i].Counts(days[day].column(i))) {
        column.counts.push_back(static_cast<std::uint64_t>(count));
      }
    }
  }
  return out;
}

void Write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

class MonitorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = driver_.Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    database_ = *std::move(opened);
    std::vector<db::Migration> migrations;
    for (const auto& module : {lineage::Migrations(), registry::Migrations(), endpoints::Migrations(),
                               predictions::Migrations(), Migrations()}) {
      migrations.insert(migrations.end(), module.begin(), module.end());
    }
    ASSERT_TRUE(database_->Migrate(migrations).ok());
    registry_ = std::make_unique<registry::Registry>(*database_, clock_);
    endpoints_ = std::make_unique<endpoints::Endpoints>(*database_, *registry_, clock_);
    predictions_ = std::make_unique<predictions::Predictions>(*database_, clock_, metrics_);
    ASSERT_TRUE(SyncWait(predictions_->Load()).ok());
    Restart();
  }
  void TearDown() override {
    reconciler_.reset();
    predictions_.reset();
    endpoints_.reset();
    registry_.reset();
    database_.reset();
  }

  /// As a new process: nothing is remembered but what the database holds.
  void Restart() {
    reconciler_.reset();
    restarted_ = std::make_unique<MetricsRegistry>();
    baselines_ = std::make_unique<Baselines>(*registry_, blobs_, worker_, DetectOptions());
    monitoring_ = std::make_unique<Monitoring>(*database_, *endpoints_, *predictions_, *baselines_, worker_);
    reconciler_ =
        std::make_unique<MonitorReconciler>(MonitorParts{*database_, *predictions_, *baselines_, worker_, *restarted_});
  }
  [[nodiscard]] std::uint64_t Evaluated() {
    return restarted_->AddCounter("millwright_monitored_windows_total", "").Value();
  }

  void Register(bool with_baseline) {
    const std::filesystem::path directory = std::filesystem::path(driver_directory_.path()) / "package";
    std::filesystem::create_directories(directory);
    Write(directory / "model.json", "{}");  // not a model: what it leans on is not monitored then
    if (with_baseline) Write(directory / "baseline.bin", MakeBaseline().Bytes());
    wire::Package package;
    package.info.model = "late-departures";
    package.info.features = {"temp", "carrier"};
    package.schema =
        *Json::Parse(R"({"format_version":1,"name":"f","columns":[{"name":"temp","type":"float","unit":"degF"},)"
                     R"({"name":"carrier","type":"category","vocabulary":["AA","UA"]}]})");
    package.warm_up = {{Json::Make({{"temp", 50}, {"carrier", "AA"}})}, {0.0F}, {0.5F}};
    const Status written = wire::WritePackage(directory.string(), package);
    ASSERT_TRUE(written.ok()) << written.error().ToString();
    const Result<blob::Digest> digest = blob::PutDirectory(blobs_, directory.string());
    ASSERT_TRUE(digest.ok()) << digest.error().ToString();
    registry::NewVersion version;
    version.name.model = "late-departures";
    version.package = *digest;
    ASSERT_TRUE(SyncWait(registry_->CreateVersion(version)).ok());
    const auto deployed = SyncWait(endpoints_->Deploy({"late", "late-departures", "1", "test", ""}));
    ASSERT_TRUE(deployed.ok()) << deployed.error().ToString();
  }

  /// The rows of one day, at noon.
  void Send(int day, double temp, bool gone = false, double prediction = 0.2) {
    wire::WindowPiece piece;
    piece.server = "s";
    piece.boot = "b";
    piece.sequence = ++sequence_;
    piece.endpoint = "late";
    piece.model = "late-departures";
    piece.version = 1;
    piece.window_start = kMonday + day * kDay + std::chrono::hours(12);
    piece.rows = kRowsOfDay;
    piece.sampled_rows = kRowsOfDay;
    piece.requests = kRowsOfDay;
    piece.first_received = kToday;
    piece.last_received = kToday;
    piece.latency.Add(std::chrono::milliseconds(1), kRowsOfDay);
    piece.features = MakeFeatures(random_, kRowsOfDay, temp, gone);
    for (int i = 0; i < kRowsOfDay; ++i) {
      piece.sample.ids.push_back(Cat(sequence_, "-", i));
      piece.sample.event_times_us.push_back(ToMicros(piece.window_start) + i);
      piece.sample.predictions.push_back(0.5F);
      piece.prediction.AddNumber(prediction + 0.05 * random_.Normal());
    }
    const auto accepted = SyncWait(predictions_->Accept({piece}));
    ASSERT_TRUE(accepted.ok()) << accepted.error().ToString();
  }
  void SendWeek(int week, double temp, bool gone = false, double prediction = 0.2) {
    for (int day = 0; day < 7; ++day) Send(week * 7 + day, temp, gone, prediction);
  }

  void Settle() { SyncWait(TickUntilSettled()); }
  Task<void> TickUntilSettled() {
    for (int i = 0; i < 10'000; ++i) {
      co_await reconciler_->Tick(now_);
      co_await reconciler_->Drain();
      now_ += std::chrono::seconds(5);
      if (i > 0 && reconciler_->settled()) co_return;
    }
    ADD_FAILURE() << "never settled";
  }

  Json Report() {
    Result<Json> report = SyncWait(monitoring_->Report("late", 0));
    EXPECT_TRUE(report.ok()) << report.error().ToString();
    return report.ok() ? *report : *Json::Parse(R"({"windows":[],"findings":[],"features":[],"baseline":{}})");
  }
  static std::string States(const Json& report) {
    std::string out;
    for (const Json& window : report.Find("windows")->AsArray()) CatTo(out, window.StringOr("state", ""), " ");
    return out;
  }
  std::string Sentences() {
    std::string out;
    const Result<std::vector<Finding>> findings = SyncWait(monitoring_->Findings("late", 0, Timestamp::min(), kNever));
    EXPECT_TRUE(findings.ok());
    for (const Finding& each : findings.value_or(std::vector<Finding>())) {
      CatTo(out, FormatTime(each.from).substr(5, 5), " ", Name(each.severity), " ", each.sentence, "\n");
    }
    return out;
  }

  db::TemporarySqlite driver_;
  db::TemporaryDirectory driver_directory_;
  Worker worker_;
  blob::MemoryBlobs blobs_;
  RealClock clock_;
  MetricsRegistry metrics_;
  std::unique_ptr<MetricsRegistry> restarted_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<endpoints::Endpoints> endpoints_;
  std::unique_ptr<predictions::Predictions> predictions_;
  std::unique_ptr<Baselines> baselines_;
  std::unique_ptr<Monitoring> monitoring_;
  std::unique_ptr<MonitorReconciler> reconciler_;
  Random random_{9};
  std::uint64_t sequence_ = 0;
  Timestamp now_ = kToday;
};

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
