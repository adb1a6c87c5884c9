// Logged models on both databases: how they are made, finished and found, and what runs log of them.
#include "tracking/logged_models.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/artifacts.h"
#include "tracking/testing.h"
#include "tracking/tracking.h"
#include "tracking/trash.h"

namespace mw::tracking {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

template <typename Driver>
class LoggedModelsTest : public db::StoreTest<Driver> {
 protected:
  LoggedModelsTest() : db::StoreTest<Driver>(MigrationsWithTrash()) {}
  void Begin() override {
    tracking_.emplace(*this->database_, clock_);
    models_.emplace(*this->database_, clock_);
    artifacts_.emplace(*this->database_, clock_);
    trash_.emplace(*this->database_, clock_);
  }

  LoggedModelId Make(NewLoggedModel model) {
    clock_.Advance(std::chrono::milliseconds(1));
    auto made = SyncWait(models_->Create(std::move(model)));
    EXPECT_TRUE(made.ok()) << made.error().ToString();
    return made.ok() ? made->model.id : LoggedModelId();
  }
  LoggedModelId Make(const std::string& name) { return Make({ExperimentId("0"), name, "", ""}); }
  LoggedModelDetails Get(const LoggedModelId& id) { return SyncWait(models_->Get(id)).value(); }
  Code ErrorOf(const LoggedModelId& id) {
    const auto got = SyncWait(models_->Get(id));
    return got.ok() ? Code::kInternal : got.error().code;
  }
  void MakeRun(const std::string& id) {
    NewRun run;
    run.id = RunId(id);
    run.experiment = ExperimentId("0");
    ASSERT_TRUE(SyncWait(tracking_->CreateRun(run)).ok());
  }
  Status Measure(const std::string& run, const LoggedModelId& model, double value, std::int64_t step = 0,
                 const std::string& dataset = "", const std::string& digest = "") {
    LogBatch batch;
    batch.run = RunId(run);
    batch.metrics = {{"plain", {1, step, 7}}, {"auc", {1, step, value}}};
    batch.model_points = {{1, model.text(), dataset, digest}};
    return SyncWait(tracking_->Log(batch));
  }
  std::int64_t Count(const std::string& what) {
    return SyncWait(this->database_->Read([&](db::Snapshot& s) -> Result<std::int64_t> {
             const db::Rows rows = TRY(s.Query(Cat("SELECT COUNT(*) FROM ", what)));
             return rows[0].Int(0);
           }))
        .value();
  }
  void ClearAll() {
    while (SyncWait(trash_->Clear()).value()) {
    }
  }
  /// Names of all models that a search finds, a page of `limit` after the other.
  std::string Found(const std::string& filter, std::vector<search::LoggedModelOrderField> order = {},
                    std::vector<DatasetChoice> datasets = {}, std::int64_t limit = 50) {
    LoggedModelQuery query;
    query.experiments = {ExperimentId("0"), ExperimentId("77"), ExperimentId("x")};
    query.filter = search::ParseLoggedModelFilter(filter).value();
    query.order = search::ParseLoggedModelOrderBy(order).value();
    query.datasets = std::move(datasets);
    query.limit = limit;
    std::string names;
    for (bool more = true; more;) {
      auto page = SyncWait(models_->Search(query));
      EXPECT_TRUE(page.ok()) << page.error().ToString();
      if (!page.ok()) return "error";
      EXPECT_LE(page->models.size(), static_cast<std::size_t>(limit));
      for (const LoggedModelDetails& model : page->models) names += model.model.name;
      more = page->next.has_value();
      if (more) query.after = ParsePageToken(PageToken(query, *page->next), query).value();
    }
    return names;
  }

  SimulatedClock clock_{FromMicros(kNow * 1000)};
  std::optional<Tracking> tracking_;
  std::optional<LoggedModels> models_;
  std::optional<Artifacts> artifacts_;
  std::optional<Trash> trash_;
};

TYPED_TEST_SUITE(LoggedModelsTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(LoggedModelsTest, AModelIsMadeFinishedAndDeleted) {
  const LoggedModelId id =
      this->Make({ExperimentId("0"), "forest", "classifier", "run1", {{"depth", "3"}}, {{"team", "ops"}}});
  EXPECT_EQ(id.text().size(), 34U);
  LoggedModelDetails model = this->Get(id);
  EXPECT_EQ(model.model.name, "forest");
  EXPECT_EQ(model.model.type, "classifier");
  EXPECT_EQ(model.model.source_run, "run1");
  EXPECT_EQ(model.model.status, LoggedModelStatus::kPending);
  EXPECT_EQ(model.model.artifact_uri, Cat("mlflow-artifacts:/0/models/", id.text(), "/artifacts"));
  EXPECT_EQ(model.model.created, kNow + 1);
  EXPECT_EQ(model.params, (std::vector<std::pair<std::string, std::string>>{{"depth", "3"}}));
  EXPECT_EQ(model.tags, (std::vector<std::pair<std::string, std::string>>{{"team", "ops"}}));
  this->clock_.Advance(std::chrono::milliseconds(5));
  EXPECT_EQ(SyncWait(this->models_->Finalize(id, LoggedModelStatus::kReady))->model.status, LoggedModelStatus::kReady);
  EXPECT_EQ(this->Get(id).model.updated, kNow + 6);
  ASSERT_TRUE(SyncWait(this->models_->Delete(id)).ok());
  EXPECT_EQ(this->ErrorOf(id), Code::kNotFound);
  EXPECT_EQ(SyncWait(this->models_->Get(id, true))->model.stage, Stage::kDeleted);
  EXPECT_EQ(SyncWait(this->models_->Delete(id)).error().code, Code::kNotFound);
  EXPECT_EQ(SyncWait(this->models_->Finalize(id, LoggedModelStatus::kReady)).error().code, Code::kNotFound);
  EXPECT_EQ(SyncWait(this->models_->SetTags(id, {{"a", "b"}})).error().code, Code::kNotFound);
  EXPECT_EQ(this->Found(""), "");
  EXPECT_FALSE(this->Get(this->Make("")).model.name.empty()) << "one is made up";
}

TYPED_TEST(LoggedModelsTest, ItIsMadeInExperimentsThatAreThere) {
  EXPECT_EQ(SyncWait(this->models_->Create({ExperimentId("9"), "a", "", ""})).error().message,
            "No Experiment with id=9 exists");
  const ExperimentId gone = SyncWait(this->tracking_->CreateExperiment({"default", "gone"})).value();
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteExperiment(gone)).ok());
  EXPECT_EQ(SyncWait(this->models_->Create({gone, "a", "", ""})).error().message,
            "The experiment 1 must be in the 'active' state. Current state is deleted.");
  EXPECT_EQ(SyncWait(this->models_->Create({ExperimentId("0"), std::string(3000, 'x'), "", ""})).error().code,
            Code::kInvalidArgument);
}

TYPED_TEST(LoggedModelsTest, TagsChangeAndParametersDoNot) {
  const LoggedModelId id = this->Make("a");
  ASSERT_TRUE(SyncWait(this->models_->SetTags(id, {{"k", "1"}, {"b/c d", "2"}})).ok());
  ASSERT_TRUE(SyncWait(this->models_->SetTags(id, {{"k", "3"}})).ok());
  EXPECT_EQ(this->Get(id).tags, (std::vector<std::pair<std::string, std::string>>{{"b/c d", "2"}, {"k", "3"}}));
  ASSERT_TRUE(SyncWait(this->models_->DeleteTag(id, "k")).ok());
  EXPECT_EQ(SyncWait(this->models_->DeleteTag(id, "k")).error().message,
            Cat("No tag with key 'k' found for model with ID '", id.text(), "'."));
  ASSERT_TRUE(SyncWait(this->models_->LogParams(id, {{"p", "1"}})).ok());
  ASSERT_TRUE(SyncWait(this->models_->LogParams(id, {{"p", "1"}, {"q", "2"}})).ok()) << "the same again";
  const Status refused = SyncWait(this->models_->LogParams(id, {{"p", "9"}, {"r", "3"}}));
  EXPECT_EQ(refused.error().message,
            Cat("Changing param values is not allowed. Param with key='p' was already logged with value='1' for model "
                "ID='",
                id.text(), "'. Attempted logging new value '9'."));
  EXPECT_EQ(this->Get(id).params, (std::vector<std::pair<std::string, std::string>>{{"p", "1"}, {"q", "2"}}));
  EXPECT_EQ(SyncWait(this->models_->LogParams(id, {{"", "9"}})).error().code, Code::kInvalidArgument);
}

TYPED_TEST(LoggedModelsTest, WhatRunsMeasureIsTheModelsToo) {
  this->MakeRun("r");
  const LoggedModelId id = this->Make("a");
  ASSERT_TRUE(this->Measure("r", id, 0.5, 1, "rows", "d1").ok());
  ASSERT_TRUE(this->Measure("r", id, 0.5, 1, "rows", "d1").ok()) << "an exact repeat";
  ASSERT_TRUE(this->Measure("r", id, std::nan(""), 2).ok());
  ASSERT_TRUE(this->Measure("r", id, std::nan(""), 2).ok());
  const std::vector<ModelMetric> metrics = this->Get(id).metrics;
  ASSERT_EQ(metrics.size(), 2U);
  EXPECT_EQ(metrics[0].key, "auc");
  EXPECT_EQ(metrics[0].point.value, 0.5);
  EXPECT_EQ(metrics[0].run, "r");
  EXPECT_EQ(metrics[0].dataset_name, "rows");
  EXPECT_EQ(metrics[0].dataset_digest, "d1");
  EXPECT_TRUE(std::isnan(metrics[1].point.value));
  EXPECT_EQ(metrics[1].dataset_name, "");
  EXPECT_EQ(SyncWait(this->tracking_->MetricHistory(RunId("r"), "auc"))->size(), 2U);
  const Status nobody = this->Measure("r", LoggedModelId("m-nobody"), 1, 9);
  EXPECT_EQ(nobody.error().message, "Logged model with ID 'm-nobody' not found.");
  EXPECT_EQ(SyncWait(this->tracking_->MetricHistory(RunId("r"), "plain"))->size(), 2U) << "all or nothing";
  ASSERT_TRUE(SyncWait(this->models_->Delete(id)).ok());
  EXPECT_TRUE(this->Measure("r", id, 0.9, 3).ok()) << "late data is taken";
}

TYPED_TEST(LoggedModelsTest, OfManyPointsTheLatestAreTold) {
  this->MakeRun("r");
  const LoggedModelId id = this->Make("a");
  LogBatch batch;
  batch.run = RunId("r");
  for (std::size_t i = 0; i < 1137; ++i) {
    batch.metrics.push_back({"loss", {1, static_cast<std::int64_t>(i), 0.5}});
    batch.model_points.push_back({i, id.text(), "", ""});
  }
  ASSERT_TRUE(SyncWait(this->tracking_->Log(batch)).ok());
  EXPECT_EQ(this->Count("tracking_logged_model_metrics"), 1137);
  const std::vector<ModelMetric> metrics = this->Get(id).metrics;
  ASSERT_EQ(metrics.size(), 1000U);
  EXPECT_EQ(metrics.front().point.step, 137);
  EXPECT_EQ(metrics.back().point.step, 1136);
}

TYPED_TEST(LoggedModelsTest, SearchesFindByEveryKindOfClause) {
  this->MakeRun("r");
  const LoggedModelId a = this->Make({ExperimentId("0"), "a", "tree", "r", {{"kind", "x"}}, {{"team", "ops"}}});
  const LoggedModelId b = this->Make({ExperimentId("0"), "b", "tree", "", {{"kind", "X"}}, {{"team", "ml"}}});
  const LoggedModelId c = this->Make({ExperimentId("0"), "c", "", "", {}, {}});
  this->Make({SyncWait(this->tracking_->CreateExperiment({"default", "other"})).value(), "other", "tree", "r"});
  ASSERT_TRUE(SyncWait(this->models_->Finalize(a, LoggedModelStatus::kReady)).ok());
  ASSERT_TRUE(SyncWait(this->models_->Finalize(b, LoggedModelStatus::kFailed)).ok());
  ASSERT_TRUE(this->Measure("r", a, 0.5, 1, "one", "1").ok() && this->Measure("r", a, 0.9, 2, "two", "2").ok());
  ASSERT_TRUE(this->Measure("r", b, 0.7, 1, "one", "1").ok() && this->Measure("r", c, std::nan(""), 1).ok());
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "cba"},
      {"name = 'a'", "a"},
      {"attributes.name != 'a'", "cb"},
      {"name IN ('a', 'c')", "ca"},
      {"name NOT IN ('a')", "cb"},
      {"name LIKE 'A'", ""},
      {"name ILIKE 'A'", "a"},
      {Cat("model_id = '", b.text(), "'"), "b"},
      {"model_type = 'tree'", "ba"},
      {"model_type != 'line'", "ba"},
      {"source_run_id = 'r'", "a"},
      {"status = 'READY'", "a"},
      {"status = 'LOGGED_MODEL_UPLOAD_FAILED'", "b"},
      {"status IN ('PENDING', 'FAILED')", "cb"},
      {"creation_timestamp > 1700000000001", "cb"},
      {"params.kind = 'x'", "a"},
      {"params.kind ILIKE 'x'", "ba"},
      {"tags.team != 'ops'", "b"},
      {"tags.nothing = 'ops'", ""},
      {"metrics.auc > 0.6", "ba"},
      {"metrics.auc > 0.6 AND params.kind = 'x'", "a"},
      {"metrics.auc < 100", "ba"},
      {"metrics.auc = 0.9", "a"},
      {"metrics.auc = 0.5", ""},
      {"metrics.auc != 0.9", "b"},
      {"metrics.nothing > 0", ""},
  };
  for (const auto& [filter, found] : cases) EXPECT_EQ(this->Found(filter), found) << filter;
  EXPECT_EQ(this->Found("metrics.auc = 0.5", {}, {{"one"}}), "a") << "the latest on that dataset";
  EXPECT_EQ(this->Found("metrics.auc > 0.6", {}, {{"one"}}), "b");
  EXPECT_EQ(this->Found("metrics.auc > 0.6", {}, {{"one"}, {"two", "2"}}), "ba");
  EXPECT_EQ(this->Found("metrics.auc > 0.6", {}, {{"two", "no"}}), "");
  EXPECT_EQ(this->Found("", {}, {{"one", "1"}}), "ba");
  EXPECT_EQ(this->Found("", {}, {{"nobody"}}), "");
}

TYPED_TEST(LoggedModelsTest, OrdersAndPagesGoOnWhereTheyWere) {
  this->MakeRun("r");
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  const std::vector<double> values = {0.5, 0.25, std::nan(""), 0.5, -1};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const LoggedModelId id = this->Make({ExperimentId("0"), names[i], i == 1 ? "" : "tree", ""});
    ASSERT_TRUE(this->Measure("r", id, 9, 1, "rows", "1").ok());
    ASSERT_TRUE(this->Measure("r", id, values[i], 2, "other", "1").ok()) << "the latest counts";
  }
  this->Make("f");
  const auto by = [](std::string field, bool ascending = true, std::string dataset = "", std::string digest = "") {
    return search::LoggedModelOrderField{std::move(field), ascending, std::move(dataset), std::move(digest)};
  };
  const std::vector<std::pair<std::vector<search::LoggedModelOrderField>, std::string>> cases = {
      {{}, "fedcba"},
      {{by("name")}, "abcdef"},
      {{by("creation_timestamp")}, "abcdef"},
      {{by("model_type"), by("name", false)}, "edcafb"},
      {{by("metrics.auc")}, "ebdacf"},
      {{by("metrics.auc", false)}, "dabecf"},
      {{by("metrics.auc", true, "rows", "1"), by("name")}, "abcdef"},
      {{by("metrics.auc", false, "rows"), by("metrics.auc", true, "other")}, "ebdacf"},
      {{by("metrics.nothing")}, "fedcba"},
  };
  for (const auto& [order, found] : cases) {
    for (const std::int64_t limit : {1, 2, 50}) EXPECT_EQ(this->Found("", order, {}, limit), found) << limit;
  }
}

TYPED_TEST(LoggedModelsTest, ADeletedModelIsTakenAwayWithItsFiles) {
  this->MakeRun("r");
  const LoggedModelId a = this->Make({ExperimentId("0"), "a", "", "", {{"p", "1"}}, {{"t", "1"}}}), b = this->Make("b");
  for (const LoggedModelId& id : {a, b}) {
    ASSERT_TRUE(this->Measure("r", id, 0.5).ok());
    const std::string path = Cat("0/models/", id.text(), "/artifacts/model.pkl");
    ASSERT_TRUE(SyncWait(this->artifacts_->Put({path, Cat("sha256:", id.text()), 1})).ok());
  }
  ASSERT_TRUE(SyncWait(this->models_->Delete(a)).ok());
  const std::int64_t deleted = ToMicros(this->clock_.Now()) / 1000;
  EXPECT_TRUE(SyncWait(this->trash_->Models(FromMicros((deleted - 1) * 1000)))->empty()) << "too young";
  const std::vector<Trashed> trashed = SyncWait(this->trash_->Models(this->clock_.Now())).value();
  ASSERT_EQ(trashed.size(), 1U);
  EXPECT_EQ(trashed[0].id, a.text());
  EXPECT_EQ(trashed[0].deleted_at, deleted);
  const auto purge = [&](db::Transaction& t) { return Trash::PurgeModel(t, trashed[0], kNow); };
  EXPECT_TRUE(SyncWait(this->database_->Write(purge)).value());
  EXPECT_FALSE(SyncWait(this->database_->Write(purge)).value()) << "it is gone already";
  this->ClearAll();
  EXPECT_FALSE(SyncWait(this->models_->Get(a, true)).ok());
  EXPECT_EQ(SyncWait(this->trash_->PurgedBlobs()).value(), (std::vector<std::string>{Cat("sha256:", a.text())}));
  EXPECT_EQ(this->Count("tracking_logged_model_params") + this->Count("tracking_logged_model_tags"), 0);
  EXPECT_EQ(this->Count("tracking_logged_model_metrics"), 1);
  EXPECT_EQ(this->Get(b).metrics.size(), 1U);
  EXPECT_EQ(this->Count("tracking_artifacts"), 1);
}

TYPED_TEST(LoggedModelsTest, AnExperimentGoesWhenItsModelsAreGone) {
  const ExperimentId experiment = SyncWait(this->tracking_->CreateExperiment({"default", "x"})).value();
  const LoggedModelId id = this->Make({experiment, "a", "", ""});
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteExperiment(experiment)).ok());
  EXPECT_TRUE(SyncWait(this->trash_->EmptyExperiments(this->clock_.Now()))->empty());
  const std::vector<Trashed> trashed = SyncWait(this->trash_->Models(this->clock_.Now())).value();
  ASSERT_EQ(trashed.size(), 1U);
  EXPECT_EQ(trashed[0].artifact_uri, Cat("mlflow-artifacts:/1/models/", id.text(), "/artifacts"));
  const Trashed whole{1, "1", "x", experiment, 0, "mlflow-artifacts:/1"};
  EXPECT_FALSE(SyncWait(this->trash_->PurgeExperiment(whole)).value());
  ASSERT_TRUE(SyncWait(this->database_->Write([&](db::Transaction& t) {
                return Trash::PurgeModel(t, trashed[0], kNow);
              })).value());
  EXPECT_EQ(SyncWait(this->trash_->EmptyExperiments(this->clock_.Now()))->size(), 1U);
  EXPECT_TRUE(SyncWait(this->trash_->PurgeExperiment(whole)).value());
}

TYPED_TEST(LoggedModelsTest, TheOlderWayIsAListInATag) {
  this->MakeRun("r");
  const auto note = [&](const char* path) {
    return SyncWait(this->models_->Note(RunId("r"), Json::Make({{"artifact_path", path}})));
  };
  ASSERT_TRUE(note("a").ok() && note("b").ok());
  const auto tags = SyncWait(this->tracking_->GetRun(RunId("r")))->tags;
  EXPECT_EQ(tags[0].second, R"([{"artifact_path":"a"},{"artifact_path":"b"}])");
  LogBatch spoilt;
  spoilt.run = RunId("r");
  spoilt.tags = {{std::string(LoggedModels::kHistoryTag), "no list"}};
  ASSERT_TRUE(SyncWait(this->tracking_->Log(spoilt)).ok());
  EXPECT_EQ(note("c").error().code, Code::kInvalidArgument);
  EXPECT_EQ(SyncWait(this->models_->Note(RunId("nobody"), Json::MakeObject())).error().code, Code::kNotFound);
}

TEST(LoggedModelTokens, AreOfOneSearch) {
  LoggedModelQuery query;
  query.experiments = {ExperimentId("0")};
  query.filter = search::ParseLoggedModelFilter("name = 'a'").value();
  const RunPlace place{{}, 5, "m-1"};
  const std::string token = PageToken(query, place);
  EXPECT_EQ(ParsePageToken(token, query).value(), place);
  LoggedModelQuery other = query;
  other.filter = search::ParseLoggedModelFilter("name = 'b'").value();
  EXPECT_EQ(ParsePageToken(token, other).error().code, Code::kInvalidArgument);
  other = query;
  other.datasets = {{"rows", ""}};
  EXPECT_FALSE(ParsePageToken(token, other).ok());
  for (const char* bad : {"", "x", "0123456789abcdef", "0123456789abcdef00"}) {
    EXPECT_FALSE(ParsePageToken(bad, query).ok()) << bad;
  }
}

}  // namespace
}  // namespace mw::tracking
