// From pieces and labels to boards and recorded verdicts, on a real database.
#include "monitoring/production_reconciler.h"

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
#include "monitoring/testing.h"
#include "wire/package.h"

namespace mw::monitoring {
namespace {

using testing::kToday;

constexpr std::string_view kGoal = R"yaml(goal: late
outcome: Nobody waits.
owner: desk
timezone: America/New_York
predict: {label: came_late, threshold: 0.20}
kpi: {name: saving, require: saving >= 10%, costs: {missed: 900 USD, flagged: 180 USD}}
defaults: {window: month, slices: [place]}
targets:
  - {name: ranking, priority: 1, require: roc_auc >= 0.68}
  - {name: calibration, priority: 1, require: ece <= 0.06, cost_of_miss: 600 USD/h}
  - {name: model-age, require: model.age <= 45d}
)yaml";

const Timestamp kMay = *ParseTime("2013-05-01T04:00:00Z");
constexpr int kRowsOfHour = 12;

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

class NoRuns final : public RunSource {
 public:
  Task<Result<RunFacts>> Of(std::string run_id, std::string /*package*/) override {
    co_return RunFacts{Cat("pipeline-", run_id), {{"train_until", "2013-04-01"}, {"judge_until", "2013-05-01"}}, ""};
  }
};

class ProductionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = driver_.Open();
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    database_ = *std::move(opened);
    std::vector<db::Migration> migrations;
    for (const auto& module : {lineage::Migrations(), registry::Migrations(), goals::Migrations(),
                               endpoints::Migrations(), predictions::Migrations()}) {
      migrations.insert(migrations.end(), module.begin(), module.end());
    }
    ASSERT_TRUE(database_->Migrate(migrations).ok());
    registry_ = std::make_unique<registry::Registry>(*database_, clock_);
    goals_ = std::make_unique<goals::Goals>(*database_, clock_);
    endpoints_ = std::make_unique<endpoints::Endpoints>(*database_, *registry_, clock_);
    predictions_ = std::make_unique<predictions::Predictions>(*database_, clock_, metrics_);
    ASSERT_TRUE(SyncWait(predictions_->Load()).ok());
    versions_ = std::make_unique<VersionBook>(*registry_, blobs_, runs_, worker_);
    Restart();
  }
  void Restart() {
    reconciler_ = std::make_unique<ProductionReconciler>(
        ProductionReconciler::Parts{*goals_, *endpoints_, *predictions_, *versions_, worker_, nullptr});
  }
  void Apply(std::string_view goal = kGoal) {
    ASSERT_TRUE(SyncWait(goals_->Apply("default", std::string(goal), "goal.yaml")).ok());
  }
  void Deploy() {
    const std::filesystem::path directory = std::filesystem::path(directory_.path()) / "package";
    std::filesystem::create_directories(directory);
    wire::PackageInfo info;
    info.model = "late";
    info.features = {"place"};
    info.lineage = Json::Make({{"training", Json::Make({{"positive_share", 0.2}, {"until", "2013-04-16T04:00:00Z"}})}});
    for (const char* file : {"model.json", "schema.json", "warmup.json"}) {
      info.files.push_back({file, 2, "sha256:" + std::string(64, '0')});
      std::ofstream(directory / file) << "{}";
    }
    std::ofstream(directory / "package.json") << wire::PackageInfoText(info);
    std::ofstream(directory / "schema.json")
        << R"({"format_version":1,"name":"f","columns":[{"name":"place","type":"category","vocabulary":["north","east"]}]})";
    const auto digest = blob::PutDirectory(blobs_, directory.string());
    ASSERT_TRUE(digest.ok()) << digest.error().ToString();
    registry::NewVersion version;
    version.name.model = "late";
    version.package = *digest;
    version.run_id = "r1";
    ASSERT_TRUE(SyncWait(registry_->CreateVersion(version)).ok());
    const auto deployed = SyncWait(endpoints_->Deploy({"late", "late", "1", "test", ""}));
    ASSERT_TRUE(deployed.ok()) << deployed.error().ToString();
  }

  /// Twelve rows for each hour of a month, `shift` more of them positive than the model says.
  void Send(int month, double shift, bool labels = true) {
    const auto from = WindowAt(month).from, until = WindowAt(month).until;
    std::vector<wire::WindowPiece> pieces;
    wire::LabelBatch batch{"late", Cat("b", ++batch_), {}};
    for (Timestamp hour = from; hour < until; hour += std::chrono::hours(1)) {
      wire::WindowPiece piece;
      piece.server = "s";
      piece.boot = "b";
      piece.sequence = ++sequence_;
      piece.endpoint = "late";
      piece.model = "late";
      piece.version = 1;
      piece.window_start = hour;
      piece.rows = piece.sampled_rows = piece.requests = kRowsOfHour;
      piece.first_received = piece.last_received = kToday;
      piece.latency.Add(std::chrono::milliseconds(1), kRowsOfHour);
      piece.features = sketch::Profile({{"place", sketch::ValueKind::kCategory}});
      piece.sample.feature_names = {"place"};
      for (int i = 0; i < kRowsOfHour; ++i) {
        const double chance = 0.5 * random_.Uniform() * random_.Uniform() + (random_.Uniform() < 0.1 ? 0.4 : 0);
        const std::string id = Cat(sequence_, "-", i);
        piece.sample.ids.push_back(id);
        piece.sample.event_times_us.push_back(ToMicros(hour) + i);
        piece.sample.predictions.push_back(static_cast<float>(chance));
        piece.sample.features.push_back(static_cast<float>(i % 2));
        piece.features.column(0).AddValue(i % 2 == 0 ? "north" : "east");
        piece.prediction.AddNumber(chance);
        if (!labels) continue;
        const double label = random_.Uniform() < chance + shift ? 1 : 0;
        batch.labels.push_back({wire::LabelBy::kPrediction, id, label, ToMicros(hour) + 3'600'000'000});
      }
      pieces.push_back(std::move(piece));
    }
    const auto accepted = SyncWait(predictions_->Accept(std::move(pieces)));
    ASSERT_TRUE(accepted.ok()) << accepted.error().ToString();
    if (!labels) return;
    const auto labelled = SyncWait(predictions_->AcceptLabels(std::move(batch)));
    ASSERT_TRUE(labelled.ok()) << labelled.error().ToString();
  }
  static goals::Window WindowAt(int month) {
    const auto zone = *TimeZone::Load("America/New_York");
    return goals::WindowsOf({.months = true}, zone, kMay, kMay + std::chrono::hours(24 * 200))
        .at(static_cast<std::size_t>(month));
  }

  void Settle() {
    for (int i = 0; i < 4; ++i) {
      SyncWait(reconciler_->Tick(now_));
      now_ += std::chrono::seconds(2);
    }
  }
  Json Board() {
    auto board = SyncWait(reconciler_->Board("late"));
    EXPECT_TRUE(board.ok()) << board.error().ToString();
    return board.ok() ? ToJson(*board) : Json::MakeObject();
  }
  static std::string Strip(const Json& board, std::string_view name) {
    std::string out;
    for (const Json& target : board.Find("targets")->AsArray()) {
      if (target.StringOr("name", "") != name) continue;
      for (const Json& cell : target.Find("cells")->AsArray()) CatTo(out, cell.StringOr("outcome", ""), " ");
    }
    return out;
  }
  std::vector<goals::StoredVerdict> Recorded() {
    return SyncWait(goals_->History("default", "late", "", 10'000)).value_or(std::vector<goals::StoredVerdict>());
  }

  db::TemporarySqlite driver_;
  db::TemporaryDirectory directory_;
  Worker worker_;
  blob::MemoryBlobs blobs_;
  RealClock clock_;
  MetricsRegistry metrics_;
  NoRuns runs_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<goals::Goals> goals_;
  std::unique_ptr<endpoints::Endpoints> endpoints_;
  std::unique_ptr<predictions::Predictions> predictions_;
  std::unique_ptr<VersionBook> versions_;
  std::unique_ptr<ProductionReconciler> reconciler_;
  Random random_{9};
  std::uint64_t sequence_ = 0;
  int batch_ = 0;
  Timestamp now_ = kToday;
};

TEST_F(ProductionTest, MonthsAreJudgedAsTheyComeAndRecordedOnce) {
  Apply();
  Deploy();
  Send(0, 0);
  Settle();
  Json board = Board();
  EXPECT_EQ(board.IntOr("pending", -1), 0);
  EXPECT_EQ(Strip(board, "calibration"), "met ");
  EXPECT_EQ(Strip(board, "model-age"), "missed ");
  const std::size_t recorded = Recorded().size();
  EXPECT_EQ(recorded, 4U) << "the KPI and three targets";
  EXPECT_EQ(Recorded().front().stage, "production");
  EXPECT_EQ(Recorded().front().model_version, 1);
  EXPECT_EQ(Recorded().front().verdict.StringOr("window", ""), "May 2013");
  Send(1, 0.2);
  EXPECT_GT(Board().IntOr("pending", 0), 0) << "what has changed is not judged yet";
  Settle();
  board = Board();
  EXPECT_EQ(Strip(board, "calibration"), "met missed ");
  EXPECT_EQ(board.Find("windows")->AsArray()[1].IntOr("labelled", 0), kRowsOfHour * 24 * 30);
  ASSERT_EQ(board.Find("whys")->AsArray().size(), 3U) << "June's quality, and the model's age in both";
  const Json& why = board.Find("whys")->AsArray()[1];
  EXPECT_NE(why.StringOr("sentence", "").find("came late, v1 expected"), std::string::npos);
  EXPECT_EQ(why.Find("remedy")->StringOr("command", ""),
            "millwright run pipeline-r1 --set train_until=2013-06-01 --set judge_until=2013-07-01");

  // As a new process: everything is judged again, nothing is recorded twice.
  const std::size_t before = Recorded().size();
  Restart();
  EXPECT_GT(Board().IntOr("pending", 0), 0);
  Settle();
  EXPECT_EQ(Board().Dump(), board.Dump());
  EXPECT_EQ(Recorded().size(), before);
}

TEST_F(ProductionTest, LabelsThatComeLateReplaceTheEstimate) {
  Apply();
  Deploy();
  Send(0, 0);
  Send(1, 0, false);
  Settle();
  const Json board = Board();
  EXPECT_EQ(Strip(board, "ranking"), "met not measurable yet ");
  const Json& cell = board.Find("targets")->AsArray()[1].Find("cells")->AsArray()[1];
  EXPECT_TRUE(cell.BoolOr("estimate", false));
  const double estimated = cell.DoubleOr("value", 0);
  EXPECT_GT(estimated, 0.68);
  wire::LabelBatch batch{"late", "late ones", {}};
  const auto rows = SyncWait(predictions_->Joined({"late", 0, WindowAt(1).from, WindowAt(1).until}));
  ASSERT_TRUE(rows.ok());
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const double label = random_.Uniform() < static_cast<double>(rows->predictions[i]) ? 1 : 0;
    batch.labels.push_back({wire::LabelBy::kPrediction, rows->ids[i], label, rows->event_times_us[i] + 1});
  }
  ASSERT_TRUE(SyncWait(predictions_->AcceptLabels(std::move(batch))).ok());
  Settle();
  const Json known = Board();
  EXPECT_EQ(Strip(known, "ranking"), "met met ");
  const Json& now = known.Find("targets")->AsArray()[1].Find("cells")->AsArray()[1];
  EXPECT_NEAR(now.DoubleOr("value", 0), estimated, 0.02);
  EXPECT_FALSE(now.BoolOr("estimate", true));
}

TEST_F(ProductionTest, AnAlteredGoalIsHeldAgainstThePast) {
  Apply();
  Deploy();
  Send(0, 0);
  Send(1, 0.2);
  Settle();
  std::string stricter(kGoal);
  stricter.replace(stricter.find("roc_auc >= 0.68"), 15, "roc_auc >= 0.99");
  const auto answers = SyncWait(reconciler_->Feasible(*goals::ParseGoal(stricter, "goal.yaml")));
  ASSERT_TRUE(answers.ok()) << answers.error().ToString();
  ASSERT_EQ(answers->size(), 4U);
  EXPECT_EQ(answers->at(1), "ranking: would have been met in 0 of 2 months of 2013 by v1 (May, Jun missed)");
  EXPECT_EQ(answers->at(2), "calibration: would have been met in 1 of 2 months of 2013 by v1 (Jun missed)");
  Apply(stricter);
  now_ += ProductionReconciler::kGoalsEvery;
  Settle();
  EXPECT_EQ(Strip(Board(), "ranking"), "missed missed ") << "the new version of the goal is judged from the beginning";
}

TEST_F(ProductionTest, WithoutAnEndpointThereIsNothingToJudge) {
  Apply();
  Settle();
  EXPECT_EQ(Board().StringOr("state", ""), "unknown");
  EXPECT_EQ(Board().IntOr("pending", -1), 0);
  EXPECT_TRUE(SyncWait(reconciler_->Feasible(*goals::ParseGoal(kGoal, "goal.yaml")))->empty());
  EXPECT_EQ(SyncWait(reconciler_->Board("nobody")).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace mw::monitoring
