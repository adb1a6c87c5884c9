// What runs read and made, on both databases.
#include "tracking/inputs.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/datasets.h"
#include "tracking/logged_models.h"
#include "tracking/run_table.h"
#include "tracking/testing.h"
#include "tracking/tracking.h"
#include "tracking/trash.h"

namespace mw::tracking {
namespace {

DatasetInput Read(std::string name, std::string digest, std::string context = "", std::string profile = "") {
  Dataset dataset{std::move(name), std::move(digest), "local", R"({"uri": "/data/rows.csv"})", "", std::move(profile)};
  DatasetInput input{std::make_shared<const Dataset>(std::move(dataset))};
  if (!context.empty()) input.tags.emplace_back(std::string(kContextTag), std::move(context));
  return input;
}

template <typename Driver>
class InputsTest : public db::StoreTest<Driver> {
 protected:
  InputsTest() : db::StoreTest<Driver>(MigrationsWithTrash()) {}
  void Begin() override {
    tracking_.emplace(*this->database_, clock_);
    inputs_.emplace(*this->database_);
    for (const char* id : {"a", "b", "c"}) Make(id, ExperimentId("0"));
  }
  void Make(std::string_view id, ExperimentId experiment) {
    NewRun run;
    run.id = RunId(std::string(id));
    run.experiment = std::move(experiment);
    run.started = ++started_;
    ASSERT_TRUE(SyncWait(tracking_->CreateRun(run)).ok());
  }
  Status Log(LoggedInputs logged) { return SyncWait(inputs_->Log(std::move(logged))); }
  RunDetails Details(std::string_view id) { return SyncWait(tracking_->GetRun(RunId(std::string(id)))).value(); }
  /// "name digest key=value...; ..."
  static std::string Shown(const RunDetails& run) {
    std::string out;
    for (const DatasetInput& input : run.dataset_inputs) {
      CatTo(out, out.empty() ? "" : "; ", input.dataset->name, " ", input.dataset->digest);
      for (const auto& [key, value] : input.tags) CatTo(out, " ", key, "=", value);
    }
    return out;
  }
  std::string Found(const std::string& filter) {
    RunQuery query;
    query.experiments = {ExperimentId("0")};
    query.filter = search::ParseRunFilter(filter).value();
    query.order = search::ParseRunOrderBy(std::vector<std::string>{"start_time ASC"}).value();
    std::string out;
    const RunPage page = SyncWait(tracking_->SearchRuns(query)).value();
    for (const RunDetails& run : page.runs) out += run.run.id.text();
    return out;
  }
  /// How many lines of the runs' table fit.
  std::size_t Matches(const std::string& filter) {
    search::Filter parsed = search::ParseRunFilter(filter).value();
    RunTable table(*this->database_);
    return SyncWait(table.Matches(ExperimentId("0"), Stage::kActive, std::move(parsed))).value().Count();
  }
  std::int64_t Count(const std::string& table) {
    return SyncWait(this->database_->Read([&](db::Snapshot& s) -> Result<std::int64_t> {
             return TRY(s.Query(Cat("SELECT COUNT(*) FROM ", table)))
             [0].Int(0);
           }))
        .value();
  }

  std::int64_t started_ = 0;
  SimulatedClock clock_{FromMicros(1'000'000'000'000)};
  std::optional<Tracking> tracking_;
  std::optional<Inputs> inputs_;
};

TYPED_TEST_SUITE(InputsTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(InputsTest, ARunGivesWhatItReadAndMade) {
  DatasetInput rows = Read("rows", "d1", "training", R"({"num_rows": 5})");
  rows.tags.emplace_back("a", "b");
  LoggedInputs logged{RunId("a"), {rows, Read("few", "d2")}, {"m-2", "m-1"}, {{"m-9", 2}, {"m-8", 7}, {"m-7", 2}}};
  ASSERT_TRUE(this->Log(logged).ok());
  const RunDetails run = this->Details("a");
  EXPECT_EQ(this->Shown(run), "rows d1 a=b mlflow.data.context=training; few d2");
  EXPECT_EQ(*run.dataset_inputs[0].dataset, *rows.dataset);
  EXPECT_EQ(run.model_inputs, (std::vector<std::string>{"m-1", "m-2"}));
  EXPECT_EQ(run.model_outputs, (std::vector<ModelOutput>{{"m-7", 2}, {"m-9", 2}, {"m-8", 7}}));
  EXPECT_EQ(this->Shown(this->Details("b")), "");
}

TYPED_TEST(InputsTest, WhatWasLoggedFirstStays) {
  std::vector<std::size_t> told;
  this->inputs_->OnLogged([&](db::Transaction&, const LoggedInputs& fresh) {
    told.push_back(fresh.datasets.size() + fresh.models_read.size() + fresh.models_made.size());
    return Ok();
  });
  const LoggedInputs first{RunId("a"), {Read("rows", "d1", "training"), Read("rows", "d1", "testing")}, {}, {{"m", 1}}};
  for (int round = 0; round < 2; ++round) ASSERT_TRUE(this->Log(first).ok());
  ASSERT_TRUE(this->Log({RunId("a"), {Read("rows", "d1", "x"), Read("rows", "d2")}}).ok());
  ASSERT_TRUE(this->Log({RunId("b"), {Read("rows", "d1", "testing", "another profile")}}).ok());
  EXPECT_EQ(this->Shown(this->Details("a")), "rows d1 mlflow.data.context=training; rows d2");
  EXPECT_EQ(this->Shown(this->Details("b")), "rows d1 mlflow.data.context=testing");
  EXPECT_EQ(this->Details("b").dataset_inputs[0].dataset->profile, "");
  EXPECT_EQ(told, (std::vector<std::size_t>{2, 1, 1})) << "nobody is told of a repeat";
  EXPECT_EQ(this->Count("tracking_datasets"), 2);
}

TYPED_TEST(InputsTest, AWitnessThatFailsKeepsNothing) {
  this->inputs_->OnLogged([](db::Transaction&, const LoggedInputs&) { return Status(InvalidArgument("no")); });
  EXPECT_EQ(this->Log({RunId("a"), {Read("rows", "d1")}}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(this->Count("tracking_datasets") + this->Count("tracking_inputs"), 0);
}

TYPED_TEST(InputsTest, RefusesWhatCannotBe) {
  EXPECT_EQ(this->Log({RunId("none"), {Read("rows", "d1")}}).error().code, Code::kNotFound);
  EXPECT_EQ(this->Log({RunId("a"), {}, {""}}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(this->Log({RunId("a"), {}, {}, {{std::string(Inputs::kModelIdBytesMax + 1, 'm'), 0}}}).error().code,
            Code::kInvalidArgument);
  EXPECT_EQ(this->Log({RunId("a"), {}, std::vector<std::string>(Inputs::kEntriesMax + 1, "m")}).error().code,
            Code::kInvalidArgument);
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteRun(RunId("a"))).ok());
  EXPECT_EQ(this->Log({RunId("a"), {Read("rows", "d1")}}).error().ToString(),
            "The run a must be in the 'active' state. Current state is deleted.");
}

TYPED_TEST(InputsTest, RunsAreFoundByTheirDatasets) {
  ASSERT_TRUE(this->Log({RunId("a"), {Read("alpha", "aa", "training"), Read("alpha", "xx", "eval")}}).ok());
  ASSERT_TRUE(this->Log({RunId("b"), {Read("beta", "bb", "testing")}}).ok());
  ASSERT_TRUE(this->Log({RunId("c"), {Read("Gamma", "cc", "training")}}).ok());
  const auto check = [&] {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"dataset.name = 'alpha'", "a"},
        {"dataset.name != 'alpha'", "bc"},
        {"dataset.name LIKE '%mm%'", "c"},
        {"dataset.name ILIKE 'g%'", "c"},
        {"dataset.name IN ('alpha', 'beta')", "ab"},
        {"dataset.name NOT IN ('alpha')", "bc"},
        {"dataset.digest = 'bb'", "b"},
        {"dataset.digest = 'BB'", ""},
        {"dataset.context = 'training'", "ac"},
        {"dataset.context LIKE 'tra%'", "ac"},
        {"dataset.context IN ('testing', 'eval')", "ab"},
        {"dataset.context != 'training'", "ab"},
        {"dataset.context = 'training' AND dataset.name = 'alpha'", "a"},
        {"dataset.name = 'nobody logged one'", ""},
    };
    for (const auto& [filter, ids] : cases) {
      EXPECT_EQ(this->Found(filter), ids) << filter;
      EXPECT_EQ(this->Matches(filter), ids.size()) << filter;
    }
  };
  check();
  // Among many runs the search begins from the index of the clause.
  const ExperimentId other = SyncWait(this->tracking_->CreateExperiment({.name = "other"})).value();
  for (int i = 0; i < 10; ++i) this->Make(Cat("other", i), other);
  ASSERT_TRUE(SyncWait(this->database_->Write([](db::Transaction& t) -> Status {
                TRY(t.Execute("UPDATE tracking_counters SET value = 1000000 WHERE name = 'runs'"));
                return Ok();
              })).ok());
  check();
}

TYPED_TEST(InputsTest, SummariesNameEachContextOnce) {
  ASSERT_TRUE(this->Log({RunId("a"), {Read("rows", "d1", "training"), Read("few", "d2")}}).ok());
  ASSERT_TRUE(this->Log({RunId("b"), {Read("rows", "d1", "training")}}).ok());
  ASSERT_TRUE(this->Log({RunId("c"), {Read("rows", "d1", "testing")}}).ok());
  const ExperimentId zero("0");
  const auto summaries = SyncWait(this->inputs_->Summaries({zero, ExperimentId("77")})).value();
  EXPECT_EQ(summaries,
            (std::vector<DatasetSummary>{
                {zero, "few", "d2", ""}, {zero, "rows", "d1", "testing"}, {zero, "rows", "d1", "training"}}));
  EXPECT_TRUE(SyncWait(this->inputs_->Summaries({})).value().empty());
}

TYPED_TEST(InputsTest, DatasetsAreListedWithTheirUse) {
  const ExperimentId other = SyncWait(this->tracking_->CreateExperiment({.name = "other"})).value();
  this->Make("d", other);
  ASSERT_TRUE(this->Log({RunId("a"), {Read("rows", "d1", "training")}}).ok());
  ASSERT_TRUE(this->Log({RunId("b"), {Read("rows", "d1", "testing"), Read("few", "d2")}}).ok());
  ASSERT_TRUE(this->Log({RunId("d"), {Read("rows", "d1", "training"), Read("rows", "d3")}}).ok());
  Datasets datasets(*this->database_);
  const auto shown = [&](DatasetQuery query) {
    std::string text;
    const std::vector<DatasetLine> lines = SyncWait(datasets.List(std::move(query))).value();
    for (const DatasetLine& line : lines) {
      CatTo(text, line.experiment.text(), " ", line.name, " ", line.digest, " ", Join(line.contexts, "+"), " ",
            line.runs, line.newest->id.text(), "; ");
    }
    return text;
  };
  EXPECT_EQ(shown({}), "1 rows d3  1d; 1 rows d1 training 1d; 0 few d2  1b; 0 rows d1 testing+training 2b; ");
  EXPECT_EQ(shown({.experiment = ExperimentId("0")}), "0 few d2  1b; 0 rows d1 testing+training 2b; ");
  EXPECT_EQ(shown({.experiment = other, .name = "few"}), "");
  EXPECT_EQ(shown({.name = "rows", .limit = 1}), "1 rows d3  1d; ");
  EXPECT_EQ(shown({.name = "rows", .before = 3}), "0 rows d1 testing+training 2b; ");
  EXPECT_EQ(SyncWait(datasets.List({.limit = 0})).error().ToString(), "limit is 1 to 1000, not 0");
  const auto uses = [&](const std::string& digest) {
    const DatasetDetails details = SyncWait(datasets.Get("rows", digest)).value();
    std::string text = Cat(details.runs_in_all, ":");
    for (const DatasetRun& run : details.runs) CatTo(text, " ", run.id.text(), " ", run.context);
    for (const ExperimentId& id : details.experiments) CatTo(text, " ", id.text());
    return text;
  };
  EXPECT_EQ(uses("d1"), "3: d training b testing a training 0 1");
  EXPECT_EQ(uses("d3"), "1: d  1");
  EXPECT_EQ(SyncWait(datasets.Get("rows", "d9")).error().code, Code::kNotFound);
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteExperiment(other)).ok());
  EXPECT_EQ(shown({}), "0 few d2  1b; 0 rows d1 testing+training 2b; ");
}

TYPED_TEST(InputsTest, ADatasetKnowsTheModelsThatItMadeAndMeasured) {
  ASSERT_TRUE(this->Log({RunId("a"), {Read("rows", "d1")}}).ok());
  LoggedModels models(*this->database_, this->clock_);
  const auto make = [&](std::string_view name, std::string_view run) {
    NewLoggedModel model{ExperimentId("0"), std::string(name), "", std::string(run)};
    const LoggedModelId id = SyncWait(models.Create(std::move(model))).value().model.id;
    EXPECT_TRUE(this->Log({RunId(std::string(run)), {}, {}, {{id.text(), 0}}}).ok());
    return id;
  };
  const auto measure = [&](const LoggedModelId& model, std::string_view dataset) {
    LogBatch batch;
    batch.run = RunId("b");
    batch.metrics = {{"auc", {1, 0, 0.5}}};
    batch.model_points = {{0, model.text(), std::string(dataset), "d1"}};
    EXPECT_TRUE(SyncWait(this->tracking_->Log(batch)).ok());
  };
  const LoggedModelId both = make("both", "a"), made = make("made", "a"), measured = make("measured", "c");
  make("neither", "c");
  for (const LoggedModelId& model : {both, measured}) measure(model, "rows");
  measure(made, "other");
  Datasets datasets(*this->database_);
  std::string text;
  const DatasetDetails details = SyncWait(datasets.Get("rows", "d1")).value();
  for (const DatasetModel& model : details.models) {
    CatTo(text, model.name, model.made ? " made" : "", model.measured ? " measured" : "", " ", model.source_run, "; ");
  }
  EXPECT_EQ(text, "measured measured c; made made a; both made measured a; ");
  ASSERT_TRUE(SyncWait(models.Delete(both)).ok());
  EXPECT_EQ(SyncWait(datasets.Get("rows", "d1")).value().models.size(), 2U);
}

TYPED_TEST(InputsTest, APurgedRunTakesWhatNoOtherReads) {
  Trash trash(*this->database_, this->clock_);
  ASSERT_TRUE(
      this->Log({RunId("a"), {Read("both", "d1", "training"), Read("mine", "d2", "x")}, {"m"}, {{"n", 1}}}).ok());
  ASSERT_TRUE(this->Log({RunId("b"), {Read("both", "d1", "training")}}).ok());
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteRun(RunId("a"))).ok());
  ASSERT_TRUE(SyncWait(trash.Notice()).ok());
  const std::vector<Trashed> trashed = SyncWait(trash.Runs(this->clock_.Now())).value();
  for (const Trashed& run : trashed) {
    EXPECT_TRUE(SyncWait(trash.PurgeRun(run)).value());
  }
  while (SyncWait(trash.Clear()).value()) {
  }
  EXPECT_EQ(this->Count("tracking_run_models"), 0);
  EXPECT_EQ(this->Count("tracking_input_tags"), 1);
  EXPECT_EQ(this->Count("tracking_datasets"), 1);
  EXPECT_EQ(this->Shown(this->Details("b")), "both d1 mlflow.data.context=training");
}

TYPED_TEST(InputsTest, APageOfManyRunsSharesTheirDataset) {
  for (int i = 0; i < 300; ++i) {
    const std::string id = Cat("run", i);
    this->Make(id, ExperimentId("0"));
    ASSERT_TRUE(this->Log({RunId(id), {Read("rows", "d1", Cat("part ", i))}}).ok());
  }
  RunQuery query;
  query.experiments = {ExperimentId("0")};
  query.filter = search::ParseRunFilter("dataset.name = 'rows'").value();
  const RunPage page = SyncWait(this->tracking_->SearchRuns(query)).value();
  ASSERT_EQ(page.runs.size(), 300U);
  for (const RunDetails& run : page.runs) {
    EXPECT_EQ(this->Shown(run), Cat("rows d1 mlflow.data.context=part ", run.run.id.text().substr(3)));
  }
  EXPECT_EQ(page.runs[0].dataset_inputs[0].dataset, page.runs[1].dataset_inputs[0].dataset);
}

}  // namespace
}  // namespace mw::tracking
