// Imports of logged models on both databases: ids, dates and all that was measured stay; nothing is twice.
#include "tracking/model_imports.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/logged_models.h"
#include "tracking/testing.h"
#include "tracking/trash.h"

namespace mw::tracking {
namespace {

template <typename Driver>
class ModelImportsTest : public db::StoreTest<Driver> {
 protected:
  ModelImportsTest() : db::StoreTest<Driver>(MigrationsWithTrash()) {}
  void Begin() override {
    imports_.emplace(*this->database_);
    models_.emplace(*this->database_, clock_);
    runs_.emplace(*this->database_);
    tracking_.emplace(*this->database_, clock_);
    ImportedRun run;
    run.run.id = RunId("r1");
    run.run.experiment = ExperimentId("0");
    ASSERT_TRUE(SyncWait(runs_->PutRuns("there", "one", {run})).ok());
  }

  static ImportedLoggedModel AModel(const std::string& id, const std::string& fingerprint = "f1") {
    ImportedLoggedModel imported;
    imported.model.id = LoggedModelId(id);
    imported.model.experiment = ExperimentId("0");
    imported.model.name = "churner";
    imported.model.type = "forest";
    imported.model.source_run = "r1";
    imported.model.status = LoggedModelStatus::kFailed;
    imported.model.status_message = "no space";
    imported.model.created = 100;
    imported.model.updated = 200;
    imported.params = {{"depth", "6"}};
    imported.tags = {{"team", "growth"}};
    imported.fingerprint = fingerprint;
    return imported;
  }
  std::string Put(const ImportedLoggedModel& model) {
    const auto outcomes = SyncWait(imports_->Put("there", {model}));
    return outcomes.ok() ? std::string(ImportStateName(outcomes->at(0).state)) : outcomes.error().message;
  }
  static ModelMetric Measured(double value, std::int64_t step, const std::string& run, const std::string& dataset) {
    return {"auc", {1000 + step, step, value}, run, dataset, dataset.empty() ? "" : "d1"};
  }
  std::string Add(const std::string& model, const std::vector<ModelMetric>& metrics) {
    const auto left_out = SyncWait(imports_->AddMetrics(LoggedModelId(model), metrics));
    if (!left_out.ok()) return left_out.error().message;
    std::string out;
    for (const auto& [run, count] : *left_out) CatTo(out, out.empty() ? "" : ", ", run, " ", count);
    return out;
  }
  ImportOutcome Finish(const std::string& model, const std::vector<ModelMetric>& metrics,
                       const std::string& fingerprint = "f1") {
    FinishedModel finished{LoggedModelId(model), fingerprint, {}};
    for (const ModelMetric& metric : metrics) finished.metrics.Add(ModelMetricMember(metric));
    const auto outcomes = SyncWait(imports_->Finish({finished}));
    EXPECT_TRUE(outcomes.ok()) << outcomes.error().ToString();
    return outcomes.ok() ? outcomes->at(0) : ImportOutcome{};
  }

  SimulatedClock clock_{FromMicros(1'000'000)};
  std::optional<ModelImports> imports_;
  std::optional<LoggedModels> models_;
  std::optional<Imports> runs_;
  std::optional<Tracking> tracking_;
};
TYPED_TEST_SUITE(ModelImportsTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(ModelImportsTest, AModelKeepsEverything) {
  ASSERT_EQ(this->Put(TestFixture::AModel("m-1")), "open");
  const std::vector<ModelMetric> metrics = {TestFixture::Measured(0.5, 0, "r1", ""),
                                            TestFixture::Measured(kNan, 1, "r1", "a table"),
                                            TestFixture::Measured(0.7, 1, "r1", "b")};
  EXPECT_EQ(this->Add("m-1", metrics), "");
  EXPECT_EQ(this->Add("m-1", {metrics[1]}), "") << "again is nothing new";
  EXPECT_EQ(this->Finish("m-1", metrics).state, ImportState::kDone);
  const auto details = SyncWait(this->models_->Get(LoggedModelId("m-1")));
  ASSERT_TRUE(details.ok()) << details.error().ToString();
  EXPECT_EQ(details->model.name, "churner");
  EXPECT_EQ(details->model.type, "forest");
  EXPECT_EQ(details->model.source_run, "r1");
  EXPECT_EQ(details->model.status, LoggedModelStatus::kFailed);
  EXPECT_EQ(details->model.status_message, "no space");
  EXPECT_EQ(details->model.created, 100);
  EXPECT_EQ(details->model.updated, 200);
  EXPECT_EQ(details->model.artifact_uri, "mlflow-artifacts:/0/models/m-1/artifacts");
  EXPECT_EQ(details->params, (std::vector<std::pair<std::string, std::string>>{{"depth", "6"}}));
  EXPECT_EQ(details->tags, (std::vector<std::pair<std::string, std::string>>{{"team", "growth"}}));
  ASSERT_EQ(details->metrics.size(), 3U);
  EXPECT_TRUE(std::isnan(details->metrics[1].point.value));
  EXPECT_EQ(details->metrics[1].dataset_name, "a table");
  EXPECT_EQ(details->metrics[1].dataset_digest, "d1");
  EXPECT_EQ(this->Put(TestFixture::AModel("m-1")), "done");
}

TYPED_TEST(ModelImportsTest, InfinitiesAreKeptAsTheBounds) {
  constexpr double kMax = std::numeric_limits<double>::max(), kInfinity = std::numeric_limits<double>::infinity();
  ASSERT_EQ(this->Put(TestFixture::AModel("m-1")), "open");
  EXPECT_EQ(
      this->Add("m-1", {TestFixture::Measured(kInfinity, 0, "r1", ""), TestFixture::Measured(-kInfinity, 1, "r1", "")}),
      "");
  const std::vector<ModelMetric> kept = {TestFixture::Measured(kMax, 0, "r1", ""),
                                         TestFixture::Measured(-kMax, 1, "r1", "")};
  EXPECT_EQ(this->Finish("m-1", kept).state, ImportState::kDone);
  const auto details = SyncWait(this->models_->Get(LoggedModelId("m-1")));
  ASSERT_EQ(details->metrics.size(), 2U);
  EXPECT_EQ(details->metrics[0].point.value, kMax);
  EXPECT_EQ(details->metrics[1].point.value, -kMax);
}

TYPED_TEST(ModelImportsTest, OneThatChangedIsOpenAgain) {
  this->Put(TestFixture::AModel("m-1"));
  ASSERT_EQ(this->Finish("m-1", {}).state, ImportState::kDone);
  EXPECT_NE(this->Add("m-1", {TestFixture::Measured(1, 0, "r1", "")}).find("is not being imported"), std::string::npos);
  ImportedLoggedModel changed = TestFixture::AModel("m-1", "f2");
  changed.model.status = LoggedModelStatus::kReady;
  changed.model.status_message = "";
  changed.model.stage = Stage::kDeleted;
  changed.tags.emplace_back("team", "core");
  ASSERT_EQ(this->Put(changed), "open");
  const auto details = SyncWait(this->models_->Get(LoggedModelId("m-1"), true));
  EXPECT_EQ(details->model.status, LoggedModelStatus::kReady);
  EXPECT_EQ(details->model.status_message, "");
  EXPECT_EQ(details->model.stage, Stage::kDeleted);
  EXPECT_EQ(details->tags.at(0).second, "core");
  EXPECT_EQ(SyncWait(this->models_->Get(LoggedModelId("m-1"))).error().code, Code::kNotFound);
  EXPECT_EQ(this->Finish("m-1", {}, "f2").state, ImportState::kDone);
}

TYPED_TEST(ModelImportsTest, WhatIsMissingIsTold) {
  this->Put(TestFixture::AModel("m-1"));
  NewRun own;
  own.id = RunId("r2");
  own.experiment = ExperimentId("0");
  ASSERT_TRUE(SyncWait(this->tracking_->CreateRun(own)).ok());
  const ModelMetric here = TestFixture::Measured(1, 0, "r1", ""), elsewhere = TestFixture::Measured(1, 0, "gone", ""),
                    others = TestFixture::Measured(1, 0, "r2", "");
  EXPECT_EQ(this->Add("m-1", {here, elsewhere, elsewhere, others}), "gone 2, r2 1") << "r2 was not imported";
  EXPECT_EQ(this->Finish("m-1", {here, elsewhere}).why, "it has 1 points of metrics here and 2 there");
  EXPECT_EQ(this->Finish("m-1", {elsewhere}).why, "it has 1 points of metrics here and 1 there with other values");
  EXPECT_EQ(this->Finish("m-1", {here}).state, ImportState::kDone);
}

TYPED_TEST(ModelImportsTest, WhatWasMadeHereIsLeftAloneAndWhatIsNoModelIsRefused) {
  NewLoggedModel own;
  own.experiment = ExperimentId("0");
  own.name = "own";
  const std::string id = SyncWait(this->models_->Create(own))->model.id.text();
  EXPECT_EQ(this->Put(TestFixture::AModel(id)), "taken");
  EXPECT_NE(this->Add(id, {}).find("is not being imported"), std::string::npos);
  for (const char* bad : {"", "../m-1", "m 1"}) {
    EXPECT_NE(this->Put(TestFixture::AModel(bad)).find("must have 1 to 64 letters"), std::string::npos) << bad;
  }
  ImportedLoggedModel lost = TestFixture::AModel("m-2");
  lost.model.experiment = ExperimentId("99");
  EXPECT_NE(this->Put(lost).find("which is not here"), std::string::npos);
}

TYPED_TEST(ModelImportsTest, AllOfThemAreListedAlsoThoseThatAreDeleted) {
  ImportedLoggedModel deleted = TestFixture::AModel("m-1");
  deleted.model.stage = Stage::kDeleted;
  this->Put(deleted);
  this->Put(TestFixture::AModel("m-2"));
  this->Add("m-2", {TestFixture::Measured(1, 0, "r1", "a"), TestFixture::Measured(2, 1, "r1", "")});
  const auto all = SyncWait(this->models_->List(ExperimentId("0"), LoggedModelId()));
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ(all->at(0).model.model.stage, Stage::kDeleted);
  EXPECT_EQ(all->at(0).metrics, 0);
  EXPECT_EQ(all->at(1).metrics, 2);
  EXPECT_EQ(all->at(1).model.params.size(), 1U);
  EXPECT_EQ(SyncWait(this->models_->List(ExperimentId("0"), LoggedModelId("m-1")))->size(), 1U);
  EXPECT_TRUE(SyncWait(this->models_->List(ExperimentId("none"), LoggedModelId()))->empty());
  const auto first = SyncWait(this->models_->Metrics(LoggedModelId("m-2"), 0));
  ASSERT_EQ(first->size(), 2U);
  const auto rest = SyncWait(this->models_->Metrics(LoggedModelId("m-2"), 1));
  ASSERT_EQ(rest->size(), 1U);
  EXPECT_EQ(ModelMetricMember(rest->at(0)), ModelMetricMember(first->at(1)));
}

TYPED_TEST(ModelImportsTest, WhatWasPurgedMayComeAgain) {
  ImportedLoggedModel deleted = TestFixture::AModel("m-1");
  deleted.model.stage = Stage::kDeleted;
  this->Put(deleted);
  ASSERT_EQ(this->Finish("m-1", {}).state, ImportState::kDone);
  Trash trash(*this->database_, this->clock_);
  const auto models = SyncWait(trash.Models(FromMicros(std::int64_t{1} << 50)));
  ASSERT_EQ(models->size(), 1U);
  ASSERT_TRUE(*this->Write([&](db::Transaction& t) { return Trash::PurgeModel(t, models->at(0), 1); }));
  while (*SyncWait(trash.Clear())) {
  }
  EXPECT_EQ(this->Put(deleted), "open");
}

TEST(SetDigest, IsOfTheSet) {
  SetDigest one, other;
  for (const char* member : {"a", "b", "c"}) one.Add(member);
  for (const char* member : {"c", "a", "b"}) other.Add(member);
  EXPECT_EQ(one, other);
  EXPECT_EQ(one.count, 3);
  // Both ends of an import may be of different ages.
  SetDigest fixed;
  fixed.Add("a");
  EXPECT_EQ(fixed.sum, 0x2C0BDBF481420F8U);
  EXPECT_NE(DatasetMember("ab", "c", {}), DatasetMember("a", "bc", {}));
  EXPECT_NE(ModelMadeMember("m", 1), ModelMadeMember("m", 2));
  EXPECT_NE(ModelReadMember("m"), ModelMadeMember("m", 0));
}

}  // namespace
}  // namespace mw::tracking
