// The trash on both databases: what is purged leaves nothing in any table, and nobody else's goes with it.
#include "tracking/trash.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/artifacts.h"
#include "tracking/tracking.h"
#include "tracking/uploads.h"

namespace mw::tracking {
namespace {

std::vector<db::Migration> EveryMigration() {
  std::vector<db::Migration> all = Migrations();
  for (const auto& more : {Uploads::Migrations(), Trash::Migrations()}) all.insert(all.end(), more.begin(), more.end());
  return all;
}

template <typename Driver>
class TrashTest : public db::StoreTest<Driver> {
 protected:
  TrashTest() : db::StoreTest<Driver>(EveryMigration()) {}
  void Begin() override {
    tracking_.emplace(*this->database_, clock_);
    artifacts_.emplace(*this->database_, clock_);
    trash_.emplace(*this->database_, clock_);
  }

  /// A run with one of everything, points in chunks and in the tail.
  void MakeRun(const std::string& id, const ExperimentId& experiment) {
    NewRun run;
    run.id = RunId(id);
    run.experiment = experiment;
    ASSERT_TRUE(SyncWait(tracking_->CreateRun(run)).ok());
    LogBatch batch;
    batch.run = run.id;
    for (int step = 0; step < 5000; ++step) batch.metrics.push_back({Cat("m", step % 70), {step, step, 0.5}});
    batch.params = {{"p", "v"}};
    batch.tags = {{"t", "v"}};
    ASSERT_TRUE(SyncWait(tracking_->Log(batch)).ok());
    const std::string root = Cat(experiment.text(), "/", id, "/artifacts");
    ASSERT_TRUE(SyncWait(artifacts_->Put({Cat(root, "/a"), Cat("sha256:", id), 1})).ok());
    ASSERT_TRUE(SyncWait(artifacts_->Put({Cat(root, "/d/b"), "sha256:both", 2})).ok());
  }
  std::vector<Trashed> Trashed_() { return SyncWait(trash_->Runs(clock_.Now())).value(); }
  void ClearAll() {
    while (SyncWait(trash_->Clear()).value()) {
    }
  }
  std::int64_t Count(const std::string& what) {
    return SyncWait(this->database_->Read([&](db::Snapshot& s) -> Result<std::int64_t> {
             return TRY(s.Query(Cat("SELECT COUNT(*) FROM ", what)))
             [0].Int(0);
           }))
        .value();
  }

  SimulatedClock clock_{FromMicros(1'000'000'000'000)};
  std::optional<Tracking> tracking_;
  std::optional<Artifacts> artifacts_;
  std::optional<Trash> trash_;
};

TYPED_TEST_SUITE(TrashTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(TrashTest, APurgedRunLeavesNothingAndTakesNothingElse) {
  const ExperimentId zero("0");
  this->MakeRun("a", zero);
  this->MakeRun("b", zero);
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteRun(RunId("a"))).ok());
  ASSERT_TRUE(SyncWait(this->trash_->Notice()).ok());
  const std::vector<Trashed> found = this->Trashed_();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, "a");
  EXPECT_EQ(found[0].artifact_uri, "mlflow-artifacts:/0/a/artifacts");
  EXPECT_TRUE(SyncWait(this->trash_->PurgeRun(found[0])).value());
  EXPECT_EQ(SyncWait(this->tracking_->GetRun(RunId("a"))).error().code, Code::kNotFound);
  EXPECT_FALSE(SyncWait(this->trash_->PurgeRun(found[0])).value()) << "it is gone already";
  this->ClearAll();
  // Every table that knows runs by number knows one run only.
  const std::int64_t number = found[0].number;
  for (const char* table : {"tracking_tails", "tracking_chunks", "tracking_latest", "tracking_params", "tracking_tags",
                            "tracking_trash", "tracking_remains"}) {
    EXPECT_EQ(this->Count(Cat(table, " WHERE run = ", number)), 0) << table;
  }
  EXPECT_EQ(this->Count("tracking_artifacts"), 2);
  EXPECT_EQ(SyncWait(this->trash_->PurgedBlobs()).value(), (std::vector<std::string>{"sha256:a", "sha256:both"}));
  EXPECT_EQ(SyncWait(this->tracking_->MetricHistory(RunId("b"), "m3")).value().size(), 72U);
  ASSERT_TRUE(SyncWait(this->trash_->ForgetBlobs({"sha256:a"})).ok());
  EXPECT_EQ(SyncWait(this->trash_->PurgedBlobs()).value(), (std::vector<std::string>{"sha256:both"}));
}

TYPED_TEST(TrashTest, WhatIsRestoredIsNotPurged) {
  this->MakeRun("a", ExperimentId("0"));
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteRun(RunId("a"))).ok());
  ASSERT_TRUE(SyncWait(this->trash_->Notice()).ok());
  const std::vector<Trashed> found = this->Trashed_();
  ASSERT_TRUE(SyncWait(this->tracking_->RestoreRun(RunId("a"))).ok());
  EXPECT_FALSE(SyncWait(this->trash_->PurgeRun(found.at(0))).value());
  EXPECT_TRUE(SyncWait(this->tracking_->GetRun(RunId("a"))).ok());
  this->clock_.Advance(std::chrono::hours(1));
  ASSERT_TRUE(SyncWait(this->trash_->Notice()).ok());
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteRun(RunId("a"))).ok());
  ASSERT_TRUE(SyncWait(this->trash_->Notice()).ok());
  EXPECT_TRUE(SyncWait(this->trash_->Runs(this->clock_.Now() - std::chrono::minutes(1))).value().empty())
      << "the time is that of the last deletion";
}

TYPED_TEST(TrashTest, AnExperimentGoesWhenItsRunsAreGone) {
  const ExperimentId id = SyncWait(this->tracking_->CreateExperiment({.name = "e"})).value();
  this->MakeRun("a", id);
  ASSERT_TRUE(SyncWait(this->artifacts_->Put({Cat(id.text(), "/models/m/artifacts/x"), "sha256:m", 1})).ok());
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteExperiment(id)).ok());
  ASSERT_TRUE(SyncWait(this->trash_->Notice()).ok());
  EXPECT_TRUE(SyncWait(this->trash_->EmptyExperiments(this->clock_.Now())).value().empty());
  EXPECT_TRUE(SyncWait(this->trash_->PurgeRun(this->Trashed_().at(0))).value());
  const auto empty = SyncWait(this->trash_->EmptyExperiments(this->clock_.Now())).value();
  ASSERT_EQ(empty.size(), 1U);
  EXPECT_TRUE(SyncWait(this->trash_->PurgeExperiment(empty[0])).value());
  this->ClearAll();
  EXPECT_EQ(this->Count("tracking_artifacts"), 0);
  EXPECT_EQ(SyncWait(this->tracking_->GetExperiment(id)).error().code, Code::kNotFound);
  EXPECT_TRUE(SyncWait(this->tracking_->CreateExperiment({.name = "e"})).ok()) << "the name is free again";
}

TYPED_TEST(TrashTest, ADirectoryThatAnotherExperimentWasGivenStays) {
  const ExperimentId id = SyncWait(this->tracking_->CreateExperiment({.name = "e"})).value();
  NewExperiment other;
  other.name = "f";
  other.artifact_location = Cat("mlflow-artifacts:/", id.text(), "/shared");
  ASSERT_TRUE(SyncWait(this->tracking_->CreateExperiment(other)).ok());
  ASSERT_TRUE(SyncWait(this->artifacts_->Put({Cat(id.text(), "/shared/x"), "sha256:x", 1})).ok());
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteExperiment(id)).ok());
  EXPECT_TRUE(SyncWait(this->trash_->PurgeExperiment(
                           SyncWait(this->trash_->EmptyExperiments(this->clock_.Now())).value().at(0)))
                  .value());
  this->ClearAll();
  EXPECT_EQ(this->Count("tracking_artifacts"), 1);
}

TYPED_TEST(TrashTest, SizesAreOfEachExperiment) {
  const ExperimentId id = SyncWait(this->tracking_->CreateExperiment({.name = "e"})).value();
  this->MakeRun("a", id);
  this->MakeRun("b", id);
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteRun(RunId("b"))).ok());
  const auto sizes = SyncWait(this->trash_->Sizes()).value();
  ASSERT_EQ(sizes.size(), 2U);
  EXPECT_EQ(sizes[0].runs, 0);
  EXPECT_EQ(sizes[1].name, "e");
  EXPECT_EQ(sizes[1].runs, 2);
  EXPECT_EQ(sizes[1].deleted_runs, 1);
  EXPECT_EQ(sizes[1].files, 4);
  EXPECT_EQ(sizes[1].artifact_bytes, 6);
  EXPECT_GT(sizes[1].point_bytes, 0);
}

TEST(ArtifactPlaces, AreThoseOfThisServer) {
  EXPECT_EQ(ArtifactPlace("mlflow-artifacts:/1/r/artifacts"), "1/r/artifacts");
  EXPECT_EQ(ArtifactPlace("mlflow-artifacts:///1"), "1");
  for (const char* other : {"mlflow-artifacts:/", "mlflow-artifacts://host:5000/1", "s3://b/1", "/tmp/1", "file:///tmp",
                            "mlflow-artifacts:/../1", "mlflow-artifacts:/1/%2e%2e/2", ""}) {
    EXPECT_FALSE(ArtifactPlace(other)) << other;
  }
}

}  // namespace
}  // namespace mw::tracking
