// What lineage is told of predictions: one artifact for each endpoint and version, whoever starts again.
#include "app/prediction_lineage.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "base/text.h"
#include "db/inline_database.h"
#include "db/temporary_database.h"
#include "lineage/lineage.h"
#include "lineage/recorder.h"

namespace mw::app {
namespace {

using std::chrono::hours;

class PredictionLineageTest : public ::testing::Test {
 protected:
  PredictionLineageTest() {
    std::vector<db::Migration> all = lineage::Migrations();
    for (const db::Migration& one : predictions::Migrations()) all.push_back(one);
    EXPECT_TRUE(database_.Migrate(all).ok());
    Start();
  }
  /// The control plane, from the start on: nothing but the database is as it was.
  void Start() {
    lineage_.reset();
    predictions_.emplace(database_, clock_, metrics_);
    EXPECT_TRUE(SyncWait(predictions_->Load()).ok());
    lineage_.emplace(*predictions_, database_, clock_);
  }
  /// A row of that hour, answered by that version.
  void Predict(std::uint64_t sequence, std::int64_t version, int hour) {
    wire::WindowPiece piece;
    piece.server = "s";
    piece.boot = "b";
    piece.sequence = sequence;
    piece.endpoint = "desk";
    piece.model = "late";
    piece.version = version;
    piece.window_start = *ParseTime("2026-01-01T00:00:00Z") + hours(hour);
    piece.rows = piece.requests = 1;
    piece.prediction.AddNumber(0.5);
    const auto accepted = SyncWait(predictions_->Accept({piece}));
    ASSERT_TRUE(accepted.ok()) << accepted.error().ToString();
  }
  Timestamp Tick() { return SyncWait(lineage_->Tick(clock_.Now())); }
  /// What was recorded of predictions and what it was made of: "desk version 1 <- late@1; ".
  std::string Told() {
    return *SyncWait(database_.Read([](db::Snapshot& s) -> Result<std::string> {
      std::string told;
      for (const auto& [id, title] : TRY(lineage::Lineage::TitlesOf(s, "default", lineage::kPredictions))) {
        CatTo(told, title, " <-");
        const lineage::Graph graph = TRY(lineage::Lineage::Upstream(s, id));
        for (const lineage::Artifact& artifact : graph.artifacts) {
          if (artifact.id != id) CatTo(told, " ", artifact.title);
        }
        told += "; ";
      }
      return told;
    }));
  }

  db::TemporaryDirectory directory_;
  db::InlineDatabase database_{directory_.path() + "/test.db"};
  SimulatedClock clock_{*ParseTime("2026-01-02T00:00:00Z")};
  MetricsRegistry metrics_;
  std::optional<predictions::Predictions> predictions_;
  std::optional<PredictionLineage> lineage_;
};

TEST_F(PredictionLineageTest, OneArtifactForEachEndpointAndVersion) {
  EXPECT_EQ(Tick(), clock_.Now() + PredictionLineage::kPeriod);
  EXPECT_EQ(Told(), "");
  Predict(1, 1, 0);
  Predict(2, 1, 1);
  Tick();
  EXPECT_EQ(Told(), "desk version 1 <- late@1; ") << "windows are no nodes";
  clock_.Advance(hours(1));
  Predict(3, 1, 2);
  Predict(4, 2, 2);
  Tick();
  Tick();
  EXPECT_EQ(Told(), "desk version 2 <- late@2; desk version 1 <- late@1; ");
}

TEST_F(PredictionLineageTest, AreToldOnceAlsoAfterAStart) {
  Predict(1, 1, 0);
  Start();
  Tick();
  EXPECT_EQ(Told(), "desk version 1 <- late@1; ") << "what came before the start";
  Start();
  Tick();
  Predict(2, 1, 1);
  Tick();
  EXPECT_EQ(Told(), "desk version 1 <- late@1; ");
}

TEST_F(PredictionLineageTest, AreFoundBelowWhatTheVersionWasMadeOf) {
  const Status told = SyncWait(database_.Write([this](db::Transaction& t) -> Status {
    lineage::NewExecution train;
    train.id = lineage::ExecutionId("train");
    train.type = "train";
    train.inputs = {{"rows", {}, "dataset", "sha256:rows"}};
    train.outputs = {{"model", "model", "sha256:package"}};
    TRY(lineage::Lineage(clock_).RecordExecution(t, train));
    return lineage::RecordVersion(t, clock_, {.model = "late", .version = 1, .digest = "sha256:package"});
  }));
  ASSERT_TRUE(told.ok()) << told.error().ToString();
  Predict(1, 1, 0);
  Tick();
  const auto reached = *SyncWait(database_.Read([](db::Snapshot& s) -> Result<lineage::Graph> {
    const lineage::Artifact rows = TRY(lineage::Lineage::ArtifactByDigest(s, "default", "sha256:rows"));
    return lineage::Lineage::Downstream(s, rows.id);
  }));
  std::string titles;
  for (const lineage::Artifact& artifact : reached.artifacts) CatTo(titles, artifact.type, ":", artifact.title, " ");
  EXPECT_NE(titles.find("predictions:desk version 1 "), std::string::npos) << titles;
}

}  // namespace
}  // namespace mw::app
