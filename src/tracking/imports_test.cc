// Imports on both databases: ids and dates stay, an import that was broken off goes on, nothing is twice.
#include "tracking/imports.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/tracking.h"

namespace mw::tracking {
namespace {

template <typename Driver>
class ImportsTest : public db::StoreTest<Driver> {
 protected:
  ImportsTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override {
    imports_.emplace(*this->database_);
    tracking_.emplace(*this->database_, clock_);
  }

  static Experiment Named(std::string id, std::string name) {
    Experiment experiment;
    experiment.id = ExperimentId(std::move(id));
    experiment.project = "default";
    experiment.name = std::move(name);
    experiment.created = 5;
    experiment.updated = 6;
    experiment.tags = {{"team", "growth"}};
    return experiment;
  }
  ImportOutcome Put(const Experiment& experiment, const std::string& source = "there") {
    const auto outcomes = SyncWait(imports_->PutExperiments(source, {experiment}));
    EXPECT_TRUE(outcomes.ok()) << outcomes.error().ToString();
    return outcomes.ok() ? outcomes->at(0) : ImportOutcome{};
  }
  static DatasetInput Input(const std::string& name, const std::string& context) {
    DatasetInput input;
    input.dataset = std::make_shared<const Dataset>(Dataset{name, "d1", "local", "{}", "[]", "{}"});
    input.tags = {{"a", "b"}, {std::string(kContextTag), context}};
    return input;
  }
  static SetDigest DigestOf(const ImportedRun& run) {
    SetDigest digest;
    for (const DatasetInput& input : run.datasets) {
      // The order of tags is not told.
      digest.Add(DatasetMember(input.dataset->name, input.dataset->digest, {input.tags.rbegin(), input.tags.rend()}));
    }
    for (const std::string& model : run.models_read) digest.Add(ModelReadMember(model));
    for (const ModelOutput& output : run.models_made) digest.Add(ModelMadeMember(output.model, output.step));
    return digest;
  }
  static ImportedRun ARun(const std::string& id, const std::string& fingerprint) {
    ImportedRun run;
    run.run.id = RunId(id);
    run.run.experiment = ExperimentId("0");
    run.run.name = "nightly";
    run.run.status = RunStatus::kFailed;
    run.run.stage = Stage::kDeleted;
    run.run.started = 100;
    run.run.ended = 200;
    run.params = {{"depth", "6"}};
    run.tags = {{"branch", "main"}};
    run.fingerprint = fingerprint;
    return run;
  }
  ImportState Put(const ImportedRun& run, const std::string& attempt) {
    const auto outcomes = SyncWait(imports_->PutRuns("there", attempt, {run}));
    EXPECT_TRUE(outcomes.ok()) << outcomes.error().ToString();
    return outcomes.ok() ? outcomes->at(0).state : ImportState::kRefused;
  }
  std::string Add(const std::string& attempt, const std::string& run, std::vector<Point> points) {
    std::vector<PointFrame> frames;
    frames.push_back({run, "loss", std::move(points)});
    const Status added = SyncWait(imports_->AddPoints(attempt, std::move(frames)));
    return added.ok() ? "" : added.error().message;
  }
  ImportOutcome Finish(const std::string& run, const std::string& fingerprint, const std::vector<Point>& points) {
    FinishedRun finished{RunId(run), fingerprint, {}, {}};
    for (const Point& point : points) finished.metrics["loss"].Add(point);
    const auto outcomes = SyncWait(imports_->Finish({finished}));
    EXPECT_TRUE(outcomes.ok()) << outcomes.error().ToString();
    return outcomes.ok() ? outcomes->at(0) : ImportOutcome{};
  }
  std::size_t Stored() {
    const auto rows = this->Read([](db::Snapshot& s) { return s.Query("SELECT SUM(count) FROM tracking_chunks"); });
    return static_cast<std::size_t>(rows->at(0).Int(0));
  }

  SimulatedClock clock_{FromMicros(1'000'000)};
  std::optional<Imports> imports_;
  std::optional<Tracking> tracking_;
};
TYPED_TEST_SUITE(ImportsTest, db::TestDrivers, db::TestDriverNames);

std::vector<Point> Curve(std::int64_t first, std::int64_t count) {
  std::vector<Point> points;
  for (std::int64_t i = first; i < first + count; ++i)
    points.push_back({1000 + i, i, std::sin(static_cast<double>(i))});
  return points;
}

TYPED_TEST(ImportsTest, AnExperimentKeepsItsIdWhereThatIsFree) {
  EXPECT_EQ(this->Put(TestFixture::Named("7", "churn")).to, "7");
  EXPECT_EQ(this->Put(TestFixture::Named("7", "churn")).state, ImportState::kKnown);
  const ImportOutcome other = this->Put(TestFixture::Named("7", "other"), "elsewhere");
  EXPECT_EQ(other.state, ImportState::kMade);
  EXPECT_EQ(other.to, "8") << "7 is taken, and ids are not given twice";
  EXPECT_EQ(this->Put(TestFixture::Named("947731014665753283", "random")).to, "947731014665753283");
  NewExperiment made;
  made.name = "made here";
  EXPECT_EQ(SyncWait(this->tracking_->CreateExperiment(made))->text(), "9") << "no counter reaches random ids";
  const auto churn = SyncWait(this->tracking_->GetExperiment(ExperimentId("7")));
  EXPECT_EQ(churn->created, 5);
  EXPECT_EQ(churn->tags.at("team"), "growth");
}

TYPED_TEST(ImportsTest, AnExperimentOfTheSameNameTakesTheRuns) {
  const ImportOutcome merged = this->Put(TestFixture::Named("3", "Default"));
  EXPECT_EQ(merged.state, ImportState::kMerged);
  EXPECT_EQ(merged.to, "0");
  ASSERT_EQ(this->Put(TestFixture::Named("4", "gone")).to, "4");
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteExperiment(ExperimentId("4"))).ok());
  const ImportOutcome refused = this->Put(TestFixture::Named("4", "gone"), "elsewhere");
  EXPECT_EQ(refused.state, ImportState::kRefused);
  EXPECT_NE(refused.why.find("is deleted here; restore it"), std::string::npos);
}

TYPED_TEST(ImportsTest, InfinitiesAreBoundedAndStillTheSame) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity(), kMost = std::numeric_limits<double>::max();
  ASSERT_EQ(this->Put(TestFixture::ARun("ab", "f1"), "one"), ImportState::kOpen);
  const std::vector<Point> points = {{1, 1, kInfinity}, {2, 2, -kInfinity}, {3, 3, std::nan("")}};
  EXPECT_EQ(this->Add("one", "ab", points), "");
  EXPECT_EQ(this->Finish("ab", "f1", points).state, ImportState::kDone) << "compared as they are kept";
  const auto history = SyncWait(this->tracking_->MetricHistory(RunId("ab"), "loss"));
  ASSERT_EQ(history->size(), 3U);
  EXPECT_EQ(history->at(0).value, kMost);
  EXPECT_EQ(history->at(1).value, -kMost);
  EXPECT_TRUE(std::isnan(history->at(2).value));
}

TYPED_TEST(ImportsTest, ARunKeepsEverything) {
  ASSERT_EQ(this->Put(TestFixture::ARun("ab", "f1"), "one"), ImportState::kOpen);
  const std::vector<Point> points = Curve(0, 10'000);
  EXPECT_EQ(this->Add("one", "ab", points), "");
  EXPECT_EQ(this->Finish("ab", "f1", points).state, ImportState::kDone);
  const auto details = SyncWait(this->tracking_->GetRun(RunId("ab")));
  ASSERT_TRUE(details.ok());
  EXPECT_EQ(details->run.stage, Stage::kDeleted);
  EXPECT_EQ(details->run.status, RunStatus::kFailed);
  EXPECT_EQ(details->run.started, 100);
  EXPECT_EQ(details->run.ended, 200);
  EXPECT_EQ(details->params.at(0).second, "6");
  EXPECT_TRUE(Same(details->latest.at(0).second, points.back()));
  EXPECT_EQ(SyncWait(this->tracking_->MetricHistory(RunId("ab"), "loss"))->size(), points.size());
  EXPECT_EQ(this->Put(TestFixture::ARun("ab", "f1"), "two"), ImportState::kDone);
}

TYPED_TEST(ImportsTest, AnImportThatWasBrokenOffGoesOn) {
  ASSERT_EQ(this->Put(TestFixture::ARun("ab", "f1"), "one"), ImportState::kOpen);
  EXPECT_EQ(this->Add("one", "ab", Curve(0, 3000)), "");
  ASSERT_EQ(this->Put(TestFixture::ARun("ab", "f1"), "two"), ImportState::kOpen);
  EXPECT_EQ(this->Add("two", "ab", Curve(0, 5000)), "");
  EXPECT_EQ(this->Stored(), 5000U) << "no point is stored twice";
  EXPECT_EQ(this->Finish("ab", "f1", Curve(0, 5000)).state, ImportState::kDone);
}

TYPED_TEST(ImportsTest, ARunThatHasGoneOnElsewhereIsOpenAgain) {
  ASSERT_EQ(this->Put(TestFixture::ARun("ab", "f1"), "one"), ImportState::kOpen);
  EXPECT_EQ(this->Add("one", "ab", Curve(0, 10)), "");
  ASSERT_EQ(this->Finish("ab", "f1", Curve(0, 10)).state, ImportState::kDone);
  EXPECT_NE(this->Add("one", "ab", Curve(10, 10)).find("is not being imported"), std::string::npos);
  ASSERT_EQ(this->Put(TestFixture::ARun("ab", "f2"), "two"), ImportState::kOpen);
  EXPECT_EQ(this->Add("two", "ab", Curve(0, 20)), "");
  EXPECT_EQ(this->Finish("ab", "f2", Curve(0, 20)).state, ImportState::kDone);
  EXPECT_EQ(this->Stored(), 20U);
}

TYPED_TEST(ImportsTest, WhatIsMissingIsToldAndTheRunStaysOpen) {
  ASSERT_EQ(this->Put(TestFixture::ARun("ab", "f1"), "one"), ImportState::kOpen);
  EXPECT_EQ(this->Add("one", "ab", Curve(0, 9)), "");
  const ImportOutcome differs = this->Finish("ab", "f1", Curve(0, 10));
  EXPECT_EQ(differs.state, ImportState::kDiffers);
  EXPECT_EQ(differs.why, "metric \"loss\" has 9 points here and 10 there");
  EXPECT_EQ(this->Add("one", "ab", Curve(9, 1)), "");
  EXPECT_EQ(this->Finish("ab", "f1", Curve(0, 10)).state, ImportState::kDone);
}

TYPED_TEST(ImportsTest, WhatARunReadAndMadeComesAndIsToldOnce) {
  std::vector<std::string> told;
  this->imports_->OnRun([&](db::Transaction&, const Run& run) {
    told.push_back(Cat("run ", run.id.text(), " ", StatusName(run.status)));
    return Ok();
  });
  this->imports_->OnLogged([&](db::Transaction&, const LoggedInputs& logged) {
    told.push_back(Cat(logged.run.text(), " ", logged.datasets.size(), " datasets, ", logged.models_read.size(),
                       " read, ", logged.models_made.size(), " made"));
    return Ok();
  });
  ImportedRun run = TestFixture::ARun("ab", "f1");
  // MLflow's clients may log one without a name.
  run.datasets = {TestFixture::Input("flights", "training"), TestFixture::Input("", "test")};
  run.models_read = {"m-1"};
  run.models_made = {{"m-2", 3}, {"m-2", 4}};
  ASSERT_EQ(this->Put(run, "one"), ImportState::kOpen);
  EXPECT_EQ(told, (std::vector<std::string>{"run ab failed", "ab 2 datasets, 1 read, 2 made"}));
  const auto details = SyncWait(this->tracking_->GetRun(RunId("ab")));
  ASSERT_EQ(details->dataset_inputs.size(), 2U);
  EXPECT_EQ(*details->dataset_inputs[0].dataset, *run.datasets[0].dataset);
  EXPECT_EQ(details->dataset_inputs[0].tags, run.datasets[0].tags);
  EXPECT_EQ(details->model_inputs, run.models_read);
  EXPECT_EQ(details->model_outputs, run.models_made);

  FinishedRun finished{RunId("ab"), "f1", {}, TestFixture::DigestOf(run)};
  EXPECT_EQ(SyncWait(this->imports_->Finish({finished}))->at(0).state, ImportState::kDone);
  EXPECT_EQ(this->Put(run, "two"), ImportState::kDone);
  EXPECT_EQ(told.size(), 2U) << "nothing has changed";
  run.fingerprint = "f2";
  run.models_read.push_back("m-3");
  ASSERT_EQ(this->Put(run, "two"), ImportState::kOpen);
  EXPECT_EQ(told.back(), "ab 0 datasets, 1 read, 0 made") << "what is new";
}

TYPED_TEST(ImportsTest, MissingInputsAreTold) {
  ImportedRun run = TestFixture::ARun("ab", "f1");
  run.datasets = {TestFixture::Input("flights", "training")};
  ASSERT_EQ(this->Put(run, "one"), ImportState::kOpen);
  run.datasets = {TestFixture::Input("flights", "test")};
  FinishedRun other{RunId("ab"), "f1", {}, TestFixture::DigestOf(run)};
  ImportOutcome outcome = SyncWait(this->imports_->Finish({other}))->at(0);
  EXPECT_EQ(outcome.state, ImportState::kDiffers);
  EXPECT_EQ(outcome.why, "it has 1 datasets and models here that it read or made, and 1 there that are others");
  run.models_made = {{"m-1", 0}};
  FinishedRun more{RunId("ab"), "f1", {}, TestFixture::DigestOf(run)};
  outcome = SyncWait(this->imports_->Finish({more}))->at(0);
  EXPECT_EQ(outcome.why, "it has 1 datasets and models here that it read or made, and 2 there");
  run.datasets[0] = TestFixture::Input(std::string(Imports::kDatasetNameBytesMax + 1, 'n'), "training");
  EXPECT_EQ(SyncWait(this->imports_->PutRuns("there", "one", {run})).error().code, Code::kInvalidArgument);
  run.datasets.clear();
  run.models_made = {{"", 0}};
  EXPECT_EQ(SyncWait(this->imports_->PutRuns("there", "one", {run})).error().code, Code::kInvalidArgument);
}

TYPED_TEST(ImportsTest, ARunThatWasMadeHereIsLeftAlone) {
  NewRun made;
  made.id = RunId("ab");
  made.experiment = ExperimentId("0");
  ASSERT_TRUE(SyncWait(this->tracking_->CreateRun(made)).ok());
  EXPECT_EQ(this->Put(TestFixture::ARun("ab", "f1"), "one"), ImportState::kTaken);
  EXPECT_NE(this->Add("one", "ab", Curve(0, 1)), "");
}

TEST(PointFrames, FramesComeBackAndDamagedOnesAreRefused) {
  std::string body;
  AppendFrame(body, "ab", "val/loss", Curve(0, 100));
  AppendFrame(body, "cd", "x", Curve(5, 1));
  std::vector<PointFrame> frames;
  const auto take = [&](PointFrame frame) {
    frames.push_back(std::move(frame));
    return Ok();
  };
  ASSERT_TRUE(ReadFrames(body, take).ok());
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_EQ(frames[0].key, "val/loss");
  EXPECT_EQ(frames[0].points.size(), 100U);
  EXPECT_EQ(frames[1].run, "cd");
  for (const std::size_t size : {std::size_t{3}, std::size_t{20}, body.size() - 1}) {
    EXPECT_EQ(ReadFrames(std::string_view(body).substr(0, size), take).error().code, Code::kInvalidArgument) << size;
  }
}

TEST(PointFrames, TheDigestIsOfTheSet) {
  PointDigest one, other;
  const std::vector<Point> points = Curve(0, 50);
  for (const Point& point : points) one.Add(point);
  for (std::size_t i = points.size(); i > 0; --i) other.Add(points[i - 1]);
  EXPECT_EQ(one, other);
  other.Add({1, 2, 3});
  EXPECT_FALSE(one == other);
}

}  // namespace
}  // namespace mw::tracking
