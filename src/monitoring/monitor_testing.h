// A control plane's monitoring in miniature, for tests: a package in the registry, pieces of windows as model servers
// send them, and the reconciler run until it has nothing left to do.
#pragma once

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
#include "goals/goals_schema.h"
#include "lineage/lineage.h"
#include "monitoring/drift_window.h"
#include "monitoring/monitor_reconciler.h"
#include "monitoring/monitoring.h"
#include "monitoring/testing.h"
#include "sketch/baseline.h"
#include "wire/package.h"

namespace mw::monitoring::testing {

using sketch::ValueKind;

inline constexpr int kRowsOfDay = 200;

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

inline sketch::Profile MakeFeatures(Random& random, int rows, double temp, bool gone) {
  sketch::Profile out({{"temp", ValueKind::kNumber}, {"carrier", ValueKind::kCategory}});
  for (int i = 0; i < rows; ++i) {
    out.column(0).AddNumber(gone ? std::nan("") : temp + 10 * random.Normal());
    out.column(1).AddValue(i % 3 == 0 ? "UA" : "AA");
  }
  return out;
}

/// Ninety days at 50 degrees; predictions around .2.
inline sketch::Baseline MakeDays() {
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

inline void Write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

class MonitorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = driver_.Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    database_ = *std::move(opened);
    std::vector<db::Migration> migrations;
    for (const auto& module : {lineage::Migrations(), goals::Migrations(), registry::Migrations(),
                               endpoints::Migrations(), predictions::Migrations(), Migrations()}) {
      migrations.insert(migrations.end(), module.begin(), module.end());
    }
    ASSERT_TRUE(database_->Migrate(migrations).ok());
    registry_ = std::make_unique<registry::Registry>(*database_, clock_);
    goals_ = std::make_unique<goals::Goals>(*database_, clock_);
    endpoints_ = std::make_unique<endpoints::Endpoints>(*database_, *registry_, clock_);
    predictions_ = std::make_unique<predictions::Predictions>(*database_, clock_, metrics_);
    ASSERT_TRUE(SyncWait(predictions_->Load()).ok());
    Restart();
  }
  void TearDown() override {
    reconciler_.reset();
    predictions_.reset();
    endpoints_.reset();
    goals_.reset();
    registry_.reset();
    database_.reset();
  }

  /// As a new process: nothing is remembered but what the database holds.
  void Restart() {
    reconciler_.reset();
    restarted_ = std::make_unique<MetricsRegistry>();
    baselines_ = std::make_unique<Baselines>(*registry_, blobs_, *goals_, *predictions_, worker_);
    monitoring_ = std::make_unique<Monitoring>(*database_, *endpoints_, *predictions_, *baselines_, worker_);
    reconciler_ =
        std::make_unique<MonitorReconciler>(MonitorParts{*database_, *predictions_, *baselines_, worker_, *restarted_});
    monitoring_->OnSettings([this](const std::string& endpoint) { reconciler_->SettingsChanged(endpoint); });
  }
  [[nodiscard]] std::uint64_t Evaluated() {
    return restarted_->AddCounter("millwright_monitored_windows_total", "").Value();
  }

  struct PackageFiles {
    std::vector<std::string> features;
    std::string schema;
    Json warm_up_row;
    std::map<std::string, std::string> others;  ///< by name
  };
  void RegisterPackage(const PackageFiles& files) {
    const std::filesystem::path directory = std::filesystem::path(driver_directory_.path()) / "package";
    std::filesystem::create_directories(directory);
    Write(directory / "model.json", "{}");  // not a model: what it leans on is not monitored then
    for (const auto& [name, bytes] : files.others) Write(directory / name, bytes);
    wire::Package package;
    package.info.model = "late-departures";
    package.info.features = files.features;
    package.schema = *Json::Parse(files.schema);
    package.warm_up = {{files.warm_up_row}, {0.0F}, {0.5F}};
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
  void Register(bool with_baseline) {
    PackageFiles files;
    files.features = {"temp", "carrier"};
    files.schema = R"({"format_version":1,"name":"f","columns":[{"name":"temp","type":"float","unit":"degF"},)"
                   R"({"name":"carrier","type":"category","vocabulary":["AA","UA"]}]})";
    files.warm_up_row = Json::Make({{"temp", 50}, {"carrier", "AA"}});
    if (with_baseline) files.others["baseline.bin"] = MakeDays().Bytes();
    RegisterPackage(files);
  }

  /// A piece of the hour that begins at `start`, without its rows.
  wire::WindowPiece MakePiece(Timestamp start, int rows, Timestamp received = kToday) {
    wire::WindowPiece piece;
    piece.server = "s";
    piece.boot = "b";
    piece.sequence = ++sequence_;
    piece.endpoint = "late";
    piece.model = "late-departures";
    piece.version = 1;
    piece.window_start = start;
    piece.rows = rows;
    piece.sampled_rows = rows;
    piece.requests = rows;
    piece.first_received = received;
    piece.last_received = received;
    piece.latency.Add(std::chrono::milliseconds(1), rows);
    return piece;
  }
  void Accept(wire::WindowPiece piece) {
    const auto accepted = SyncWait(predictions_->Accept({std::move(piece)}));
    ASSERT_TRUE(accepted.ok()) << accepted.error().ToString();
  }
  /// The rows of the hour that begins at `start`.
  void SendAt(Timestamp start, double temp, bool gone = false, double prediction = 0.2, Timestamp received = kToday) {
    wire::WindowPiece piece = MakePiece(start, kRowsOfDay, received);
    piece.features = MakeFeatures(random_, kRowsOfDay, temp, gone);
    for (int i = 0; i < kRowsOfDay; ++i) {
      piece.sample.ids.push_back(Cat(sequence_, "-", i));
      piece.sample.event_times_us.push_back(ToMicros(piece.window_start) + i);
      piece.sample.predictions.push_back(0.5F);
      piece.prediction.AddNumber(prediction + 0.05 * random_.Normal());
    }
    Accept(std::move(piece));
  }
  /// The rows of one day, at noon.
  void Send(int day, double temp, bool gone = false, double prediction = 0.2) {
    SendAt(kMonday + day * kDay + std::chrono::hours(12), temp, gone, prediction);
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
  std::unique_ptr<goals::Goals> goals_;
  std::unique_ptr<endpoints::Endpoints> endpoints_;
  std::unique_ptr<predictions::Predictions> predictions_;
  std::unique_ptr<Baselines> baselines_;
  std::unique_ptr<Monitoring> monitoring_;
  std::unique_ptr<MonitorReconciler> reconciler_;
  Random random_{9};
  std::uint64_t sequence_ = 0;
  Timestamp now_ = kToday;
};

}  // namespace mw::monitoring::testing
