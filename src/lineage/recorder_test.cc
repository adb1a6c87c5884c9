// What modules tell becomes one graph: a version's data, its run, where it was deployed and what people said of it.
#include "lineage/recorder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "db/temporary_database.h"
#include "lineage/lineage.h"

namespace mw::lineage {
namespace {

const Timestamp kRunStarted = FromMicros(1'700'000'000'000'000);

template <typename Driver>
class RecorderTest : public db::StoreTest<Driver> {
 protected:
  RecorderTest() : db::StoreTest<Driver>(Migrations()) {}

  template <typename Told, typename Function>
  void Tell(Function function, const Told& told) {
    clock_.Advance(std::chrono::seconds(1));
    const Status done = this->Write([&](db::Transaction& t) { return function(t, clock_, told); });
    ASSERT_TRUE(done.ok()) << done.error().ToString();
  }
  ArtifactId Titled(std::string_view type, std::string_view title) {
    const auto found =
        this->Read([&](db::Snapshot& s) { return Lineage::ArtifactsByTitle(s, "default", type, title); });
    EXPECT_TRUE(found.ok() && found->size() == 1) << type << " " << title;
    return found.ok() && !found->empty() ? found->front().id : ArtifactId();
  }
  /// "dataset flights, version m@1": what is above or below, sorted.
  std::set<std::string> Around(const ArtifactId& from, Way way, const Reach& reach = {}) {
    const auto graph = this->Read([&](db::Snapshot& s) { return Lineage::Walk(s, {from}, way, reach); });
    std::set<std::string> titles;
    if (!graph.ok()) return {graph.error().ToString()};
    for (const Artifact& artifact : graph->artifacts) titles.insert(Cat(artifact.type, " ", artifact.title));
    return titles;
  }

  void TellAll() {
    Tell(RecordRun, ToldRun{.id = "r1", .experiment = "flights", .name = "kind-crane-1", .started = kRunStarted});
    const ToldArtifact rows{.port = "training", .title = "flights", .digest = "d1"};
    const ToldArtifact model{.type = std::string(kModel), .title = "m-1", .uri = "mlflow-artifacts:/1/m-1"};
    Tell([](db::Transaction& t, const Clock& c, const ToldArtifact& told) { return RecordRunInput(t, c, "r1", told); },
         rows);
    Tell([](db::Transaction& t, const Clock& c, const ToldArtifact& told) { return RecordRunOutput(t, c, "r1", told); },
         model);
    Tell(RecordVersion, ToldVersion{.model = "late", .version = 1, .uri = "mlflow-artifacts:/1/m-1", .run_id = "r1"});
    Tell(RecordDeployment, ToldDeployment{.endpoint = "late", .generation = 4, .model = "late", .versions = {1}});
    Tell(RecordPredictions,
         ToldPredictions{
             .id = "w1", .title = "late hour 1", .model = "late", .version = 1, .metadata = Json::Make({{"rows", 3}})});
  }

  SimulatedClock clock_{kRunStarted};
};

TYPED_TEST_SUITE(RecorderTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RecorderTest, FromDataToDeploymentAndBack) {
  this->TellAll();
  this->TellAll();
  const ArtifactId data = this->Titled("dataset", "flights");
  EXPECT_EQ(this->Around(data, Way::kDownstream),
            (std::set<std::string>{"dataset flights", "model m-1", "version late@1", "deployment late#4",
                                   "predictions late hour 1"}));
  EXPECT_EQ(this->Around(this->Titled("deployment", "late#4"), Way::kUpstream),
            (std::set<std::string>{"dataset flights", "model m-1", "version late@1", "deployment late#4"}));
  EXPECT_EQ(this->Around(this->Titled("version", "late@1"), Way::kBoth, {.hops_max = 2}),
            (std::set<std::string>{"model m-1", "version late@1", "deployment late#4", "predictions late hour 1"}));
}

TYPED_TEST(RecorderTest, TwoInputsOfOneNameAreTwo) {
  for (const char* digest : {"d1", "d2", "d1", "d2"}) {
    this->Tell(
        [](db::Transaction& t, const Clock& c, const ToldArtifact& told) { return RecordRunInput(t, c, "r1", told); },
        ToldArtifact{.port = "training: rows", .title = "rows", .digest = digest});
  }
  const auto events = this->Read([&](db::Snapshot& s) { return Lineage::EventsOf(s, ExecutionId("r1")); });
  std::set<std::string> ports;
  for (const Event& event : events.value()) ports.insert(event.port);
  EXPECT_EQ(ports, (std::set<std::string>{"training: rows", "training: rows d2"}));
}

TYPED_TEST(RecorderTest, ARunIsToldAgainAsItGoesOn) {
  this->TellAll();
  this->Tell(RecordRun, ToldRun{.id = "r1",
                                .experiment = "flights",
                                .name = "renamed",
                                .state = ExecutionState::kComplete,
                                .started = kRunStarted,
                                .ended = kRunStarted + std::chrono::seconds(9)});
  const auto run = this->Read([](db::Snapshot& s) { return Lineage::ExecutionById(s, ExecutionId("r1")); });
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->name, "renamed");
  EXPECT_EQ(run->state, ExecutionState::kComplete);
  EXPECT_EQ(run->ended - run->started, std::chrono::seconds(9));
  const auto events = this->Read([](db::Snapshot& s) { return Lineage::EventsOf(s, ExecutionId("r1")); });
  EXPECT_EQ(events->size(), 2U) << "its dataset and its model stay";
}

TYPED_TEST(RecorderTest, AVersionOfAPackageComesFromTheStepThatMadeIt) {
  NewExecution train;
  train.id = ExecutionId("attempt");
  train.type = "train";
  train.outputs = {{"model", "model", "sha256:package"}};
  const auto recorded =
      this->Write([&](db::Transaction& t) { return Lineage(this->clock_).RecordExecution(t, train); });
  ASSERT_TRUE(recorded.ok());
  this->Tell(RecordVersion, ToldVersion{.model = "late", .version = 7, .digest = "sha256:package", .run_id = "p1"});
  const auto up = this->Read([&](db::Snapshot& s) { return Lineage::Upstream(s, this->Titled("version", "late@7")); });
  ASSERT_TRUE(up.ok());
  EXPECT_EQ(up->executions.size(), 2U);
  EXPECT_EQ(up->artifacts.front().id, recorded->outputs.at("model"));
}

TYPED_TEST(RecorderTest, AVersionOfFilesComesFromItsRunAndThatOnesData) {
  const auto read = [](std::string_view run, std::string_view digest) {
    return [run, digest](db::Transaction& t, const Clock& c, const ToldArtifact&) {
      return RecordRunInput(t, c, run, ToldArtifact{.title = "flights", .digest = std::string(digest)});
    };
  };
  for (const char* id : {"r1", "r2", "r3"}) {
    this->Tell(RecordRun, ToldRun{.id = id, .experiment = "1", .name = id, .started = kRunStarted});
    this->Tell(read(id, id), ToldArtifact());
  }
  const auto tell = [&](ToldVersion version) {
    version.model = "late";
    this->Tell(RecordVersion, version);
    this->Tell(RecordVersion, version);
  };
  const auto above = [&](std::string_view title) {
    return this->Around(this->Titled("version", title), Way::kUpstream);
  };
  tell({.version = 1, .uri = "mlflow-artifacts:/1/r1/artifacts/model", .run_id = "r1"});
  EXPECT_EQ(above("late@1"), (std::set<std::string>{"version late@1", "model mlflow-artifacts:/1/r1/artifacts/model",
                                                    "dataset flights"}));
  // The same place filled by another run is another model.
  tell({.version = 2, .uri = "s3://models/late", .run_id = "r2"});
  EXPECT_EQ(above("late@2"),
            (std::set<std::string>{"version late@2", "model s3://models/late of run r2", "dataset flights"}));
  // Of two models of a run the one that is registered.
  tell({.version = 3, .uri = "models:/m-1", .run_id = "r2", .logged_model = "m-1"});
  EXPECT_EQ(above("late@3"), (std::set<std::string>{"version late@3", "model m-1", "dataset flights"}));
  const auto up = this->Read([&](db::Snapshot& s) { return Lineage::Upstream(s, this->Titled("version", "late@3")); });
  ASSERT_TRUE(up.ok());
  EXPECT_EQ(up->executions.size(), 2U) << "the run and the registration";
  tell({.version = 4, .uri = "models:/late/1", .run_id = "r1"});
  EXPECT_TRUE(above("late@4").contains("version late@1")) << "a copy comes from the version that it copies";
  tell({.version = 5, .uri = "s3://models/late", .run_id = "nobody"});
  EXPECT_EQ(above("late@5"), (std::set<std::string>{"version late@5"}));
  std::string long_place = "s3://";
  for (int i = 0; i < 1000; ++i) long_place += "\u00e9";
  tell({.version = 6, .uri = Cat(long_place, "x"), .run_id = "r3"});
  EXPECT_TRUE(above("late@6").contains("dataset flights"));
}

TYPED_TEST(RecorderTest, WhatPeopleSayIsAnExecutionOnIt) {
  this->TellAll();
  ToldRecord record{.type = "sign-off", .on = {this->Titled("version", "late@1")}, .by = "Ann", .note = "looks right"};
  const auto said = this->Write([&](db::Transaction& t) { return RecordByHand(t, this->clock_, record); });
  ASSERT_TRUE(said.ok()) << said.error().ToString();
  const auto down =
      this->Read([&](db::Snapshot& s) { return Lineage::Downstream(s, this->Titled("version", "late@1")); });
  const auto execution = std::find_if(down->executions.begin(), down->executions.end(),
                                      [](const Execution& one) { return one.type == "sign-off"; });
  ASSERT_NE(execution, down->executions.end());
  EXPECT_EQ(execution->metadata.Dump(), R"({"by":"Ann","note":"looks right"})");
  record.on.clear();
  const auto nothing = this->Write([&](db::Transaction& t) { return RecordByHand(t, this->clock_, record); });
  EXPECT_EQ(nothing.error().message, "a record needs something that it is about");
}

TYPED_TEST(RecorderTest, ACutWalkStillFindsWhatItReached) {
  // 12,000 models of one dataset: more than a walk takes; the last one answers users.
  NewExecution first;
  first.type = "train";
  first.id = ExecutionId("first");
  first.outputs = {{"rows", "dataset", "sha256:rows"}};
  const Lineage lineage(this->clock_);
  const ArtifactId data =
      this->Write([&](db::Transaction& t) { return lineage.RecordExecution(t, first); })->outputs.at("rows");
  std::vector<ArtifactId> models;
  const Status made = this->Write([&](db::Transaction& t) -> Status {
    models.clear();
    for (int i = 0; i < 12'000; ++i) {
      NewExecution train;
      train.type = "train";
      train.id = ExecutionId(Cat("train-", i));
      train.inputs = {{"rows", data, "", ""}};
      train.outputs = {{"model", "model", Cat("sha256:", i)}};
      models.push_back(TRY(lineage.RecordExecution(t, train)).outputs.at("model"));
    }
    NewExecution other;
    other.type = "train";
    other.id = ExecutionId("other");
    other.outputs = {{"model", "model", "sha256:other"}};
    models.push_back(TRY(lineage.RecordExecution(t, other)).outputs.at("model"));
    return Ok();
  });
  ASSERT_TRUE(made.ok()) << made.error().ToString();
  const auto ids = this->Read([&](db::Snapshot& s) { return Lineage::WalkIds(s, {data}, Way::kDownstream, {}); });
  EXPECT_TRUE(ids->truncated);
  EXPECT_EQ(ids->artifacts.size(), Lineage::kGraphArtifactsMax);
  const auto reached = this->Read([&](db::Snapshot& s) { return Lineage::Reached(s, {data}, models); });
  ASSERT_TRUE(reached.ok());
  EXPECT_EQ(reached->size(), 12'000U) << "all but the one that was made of something else";
}

}  // namespace
}  // namespace mw::lineage
