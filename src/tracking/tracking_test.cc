// Tracking on both databases: experiments, runs, curves of metrics, and logging that may be repeated.
#include "tracking/tracking.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/point_store.h"
#include "tracking/testing.h"

namespace mw::tracking {
namespace {

constexpr std::int64_t kStartMillis = 1'700'000'000'000;
using Texts = std::vector<std::pair<std::string, std::string>>;

template <typename Driver>
class TrackingTest : public db::StoreTest<Driver> {
 protected:
  TrackingTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override { tracking_.emplace(*this->database_, clock_); }

  RunId Start(std::string id, std::string experiment = "flights") {
    NewRun run;
    run.id = RunId(std::move(id));
    run.experiment_name = std::move(experiment);
    run.name = "nightly";
    run.user = "ada";
    run.source = "late-departures-training";
    run.tags = {{"branch", "main"}};
    run.started = kStartMillis;
    const auto made = SyncWait(tracking_->CreateRun(run));
    EXPECT_TRUE(made.ok()) << made.error().ToString();
    return run.id;
  }
  /// "" or the error's message.
  static std::string Said(const Status& status) { return status.ok() ? "" : status.error().message; }
  std::string Log(LogBatch batch) { return Said(SyncWait(tracking_->Log(std::move(batch)))); }
  std::string LogPoint(const RunId& id, const std::string& key, std::int64_t step, double value, std::int64_t time) {
    return Log({id, {{key, {time, step, value}}}, {}, {}});
  }
  RunDetails Get(const RunId& id) {
    auto details = SyncWait(tracking_->GetRun(id));
    EXPECT_TRUE(details.ok()) << details.error().ToString();
    return details.ok() ? *details : RunDetails{};
  }
  Point Latest(const RunId& id, const std::string& key) {
    for (const auto& [name, point] : Get(id).latest) {
      if (name == key) return point;
    }
    ADD_FAILURE() << "no " << key;
    return {};
  }
  std::vector<Point> History(const RunId& id, const std::string& key) {
    auto history = SyncWait(tracking_->MetricHistory(id, key));
    EXPECT_TRUE(history.ok()) << history.error().ToString();
    return history.ok() ? *history : std::vector<Point>();
  }
  ExperimentId Make(const std::string& name) {
    NewExperiment experiment;
    experiment.name = name;
    const auto made = SyncWait(tracking_->CreateExperiment(experiment));
    EXPECT_TRUE(made.ok()) << made.error().ToString();
    return made.ok() ? *made : ExperimentId();
  }

  SimulatedClock clock_{FromMicros(kStartMillis * 1000)};
  std::optional<Tracking> tracking_;
};

TYPED_TEST_SUITE(TrackingTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(TrackingTest, KeepsARunFromStartToEnd) {
  const RunId id = this->Start("r1");
  EXPECT_EQ(this->Get(id).run.status, RunStatus::kRunning);
  EXPECT_FALSE(this->Get(id).run.ended.has_value());
  EXPECT_EQ(this->Log({id, {}, {{"max_depth", "6"}, {"note", "Zürich"}}, {{"reviewed", "no"}}}), "");
  EXPECT_EQ(this->Log({id, {}, {}, {{"reviewed", "yes"}}}), "");
  const auto end = [&](RunStatus status, std::int64_t at) {
    return SyncWait(this->database_->Write([&](db::Transaction& t) { return Tracking::EndRun(t, id, status, at); }))
        .ok();
  };
  EXPECT_TRUE(end(RunStatus::kFinished, kStartMillis + 60'000));
  EXPECT_TRUE(end(RunStatus::kFailed, kStartMillis + 90'000)) << "it stays as it ended";
  EXPECT_FALSE(end(RunStatus::kRunning, kStartMillis));
  const RunDetails details = this->Get(id);
  EXPECT_EQ(details.run.name, "nightly");
  EXPECT_EQ(details.run.user, "ada");
  EXPECT_EQ(details.run.source, "late-departures-training");
  EXPECT_EQ(details.run.status, RunStatus::kFinished);
  EXPECT_EQ(details.run.started, kStartMillis);
  EXPECT_EQ(details.run.ended, kStartMillis + 60'000);
  EXPECT_EQ(details.run.artifact_uri, "mlflow-artifacts:/1/r1/artifacts");
  EXPECT_EQ(details.params, (Texts{{"max_depth", "6"}, {"note", "Zürich"}}));
  EXPECT_EQ(details.tags, (Texts{{"branch", "main"}, {"mlflow.runName", "nightly"}, {"reviewed", "yes"}}));
}

TYPED_TEST(TrackingTest, NamesARunByArgumentTagOrItself) {
  const RunId id = this->Start("r1");
  ASSERT_TRUE(SyncWait(this->tracking_->UpdateRun(id, {RunStatus::kFailed, kStartMillis + 5, "better"})).ok());
  EXPECT_EQ(this->Get(id).run.name, "better");
  EXPECT_EQ(this->Get(id).tags[1].second, "better");
  EXPECT_EQ(this->Log({id, {}, {}, {{"mlflow.runName", "best"}}}), "");
  EXPECT_EQ(this->Log({id, {}, {}, {{"mlflow.runName", ""}}}), "");
  EXPECT_EQ(this->Get(id).run.name, "best") << "no name is none";
  EXPECT_EQ(this->Get(id).run.status, RunStatus::kFailed);
  NewRun run;
  run.id = RunId("r2");
  const auto made_up = SyncWait(this->tracking_->CreateRun(run));
  ASSERT_TRUE(made_up.ok());
  EXPECT_EQ(std::count(made_up->name.begin(), made_up->name.end(), '-'), 2) << made_up->name;
  run.id = RunId("r3");
  run.name = "a";
  run.tags = {{"mlflow.runName", "b"}};
  EXPECT_EQ(SyncWait(this->tracking_->CreateRun(run)).error().message,
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            "(run_name='a', mlflow.runName='b').");
}

TYPED_TEST(TrackingTest, ShowsTheLatestPointOfEachMetric) {
  const RunId id = this->Start("r1");
  EXPECT_EQ(this->Log({id, {{"auc", {1, 0, 0.60}}, {"auc", {2, 1, 0.65}}, {"loss", {1, 0, 0.5}}}, {}, {}}), "");
  EXPECT_EQ(this->LogPoint(id, "auc", 2, 0.70, 2), "");
  EXPECT_EQ(this->Latest(id, "auc").value, 0.70) << "the greatest step";
  EXPECT_EQ(this->LogPoint(id, "auc", 0, 0.61, 10), "");
  EXPECT_EQ(this->Latest(id, "auc").value, 0.70) << "whatever the time";
  EXPECT_EQ(this->LogPoint(id, "auc", 2, 0.10, 3), "");
  EXPECT_EQ(this->Latest(id, "auc").value, 0.10) << "of one step the later";
  EXPECT_EQ(this->LogPoint(id, "auc", 2, 0.05, 3), "");
  EXPECT_EQ(this->Latest(id, "auc").value, 0.10) << "of one time the greater";
  const std::vector<Point> history = this->History(id, "auc");
  ASSERT_EQ(history.size(), 6U);
  EXPECT_TRUE(std::is_sorted(history.begin(), history.end(), Before));
  EXPECT_TRUE(this->History(id, "unknown").empty());
}

TYPED_TEST(TrackingTest, LoggingTwiceChangesNothing) {
  const RunId id = this->Start("r1");
  const LogBatch batch{id, {{"auc", {1, 0, 0.60}}}, {{"k", "v"}}, {{"t", "v"}}};
  EXPECT_EQ(this->Log(batch), "");
  EXPECT_EQ(this->Log(batch), "");
  EXPECT_EQ(this->History(id, "auc").size(), 1U);
  EXPECT_EQ(this->Start("r1"), id) << "and so does starting the run again";
  EXPECT_EQ(SyncWait(this->tracking_->ListRuns("default", "flights", RunId(), 10))->size(), 1U);
}

TYPED_TEST(TrackingTest, ManyPointsAreSealedAndReadBackWhole) {
  const RunId id = this->Start("r1"), other = this->Start("r2");
  Random random(1);
  std::vector<std::vector<Point>> expected(3);
  for (int batch = 0; batch < 60; ++batch) {
    LogBatch log;
    log.run = id;
    for (std::size_t metric = 0; metric < 3; ++metric) {
      for (int i = 0; i < 100; ++i) {
        const Point point{kStartMillis + batch * 1000 + i, batch * 100 + i, random.Normal()};
        log.metrics.push_back({Cat("m", metric), point});
        expected[metric].push_back(point);
      }
    }
    // Twice, as clients do whose answer was lost; also across what is sealed.
    EXPECT_EQ(this->Log(log), "");
    if (batch % 7 == 0) {
      EXPECT_EQ(this->Log(log), "");
    }
    EXPECT_EQ(this->LogPoint(other, "m1", batch, batch, kStartMillis + batch), "");
  }
  for (std::size_t metric = 0; metric < 3; ++metric) {
    const std::vector<Point> history = this->History(id, Cat("m", metric));
    EXPECT_TRUE(std::equal(history.begin(), history.end(), expected[metric].begin(), expected[metric].end(), Same));
    EXPECT_TRUE(Same(this->Latest(id, Cat("m", metric)), expected[metric].back()));
  }
  EXPECT_EQ(this->History(other, "m1").size(), 60U);
  const auto count = [this](const char* table) {
    return SyncWait(this->database_->Read([&](db::Snapshot& s) -> Result<std::int64_t> {
             return TRY(s.Query(Cat("SELECT COUNT(*) FROM ", table)))
             .at(0).Int(0);
           }))
        .value();
  };
  EXPECT_GT(count("tracking_chunks"), 3);
  EXPECT_LT(count("tracking_chunks"), 40) << "small last chunks are filled up";
  EXPECT_LT(count("tracking_tails"), 70);
}

TYPED_TEST(TrackingTest, KeepsValuesThatAreNoFiniteNumbers) {
  const RunId id = this->Start("r1");
  EXPECT_EQ(
      this->Log(
          {id, {{"loss", {1, 0, std::nan("")}}, {"low", {1, 0, -kInfinity}}, {"high", {1, 0, kInfinity}}}, {}, {}}),
      "");
  EXPECT_TRUE(std::isnan(this->Latest(id, "loss").value));
  constexpr double kMost = std::numeric_limits<double>::max();
  EXPECT_EQ(this->Latest(id, "low").value, -kMost) << "as MLflow keeps them";
  EXPECT_EQ(this->Latest(id, "high").value, kMost);
  EXPECT_EQ(this->History(id, "high").at(0).value, kMost);
  EXPECT_TRUE(std::isnan(this->History(id, "loss").at(0).value));
  EXPECT_EQ(this->LogPoint(id, "loss", 1, 0.5, 1), "");
  EXPECT_EQ(this->Latest(id, "loss").value, 0.5);
}

TYPED_TEST(TrackingTest, AParameterIsLoggedOnceUnlessAStepIsTriedAgain) {
  const RunId id = this->Start("r1");
  EXPECT_EQ(this->Said(SyncWait(this->tracking_->LogParam(id, "depth", "6"))), "");
  EXPECT_EQ(this->Said(SyncWait(this->tracking_->LogParam(id, "depth", "6"))), "");
  EXPECT_EQ(this->Said(SyncWait(this->tracking_->LogParam(id, "depth", "7"))),
            "Changing param values is not allowed. Param with key='depth' was already logged with value='6' for run "
            "ID='r1'. Attempted logging new value '7'.");
  EXPECT_EQ(this->Log({id, {{"auc", {1, 0, 1}}}, {{"new", "1"}, {"depth", "it's"}}, {}}),
            "Changing param values is not allowed. Params were already logged='[{'key': 'depth', 'old_value': '6', "
            "'new_value': \"it's\"}]' for run ID='r1'.");
  EXPECT_EQ(this->Get(id).params, (Texts{{"depth", "6"}})) << "a refused batch leaves nothing";
  EXPECT_TRUE(this->Get(id).latest.empty());
  EXPECT_EQ(this->Log({id, {}, {{"depth", "8"}}, {}, ParamRule::kLastStays}), "");
  EXPECT_EQ(this->Get(id).params, (Texts{{"depth", "8"}}));
}

TYPED_TEST(TrackingTest, DeletesAndRestoresRunsAndTags) {
  const RunId id = this->Start("r1");
  EXPECT_EQ(this->Said(SyncWait(this->tracking_->DeleteTag(id, "branch"))), "");
  EXPECT_EQ(this->Said(SyncWait(this->tracking_->DeleteTag(id, "branch"))),
            "No tag with name: branch in run with id r1");
  EXPECT_EQ(this->Said(SyncWait(this->tracking_->DeleteTag(id, "never"))), "No tag with name: never in run with id r1");
  ASSERT_TRUE(SyncWait(this->tracking_->DeleteRun(id)).ok());
  EXPECT_EQ(this->Get(id).run.stage, Stage::kDeleted);
  EXPECT_EQ(this->LogPoint(id, "auc", 0, 1, 1), "The run r1 must be in the 'active' state. Current state is deleted.");
  EXPECT_FALSE(SyncWait(this->tracking_->UpdateRun(id, {RunStatus::kFinished, 1, {}})).ok());
  ASSERT_TRUE(SyncWait(this->tracking_->RestoreRun(id)).ok());
  EXPECT_EQ(this->LogPoint(id, "auc", 0, 1, 1), "");
  EXPECT_EQ(SyncWait(this->tracking_->DeleteRun(RunId("nobody"))).error().code, Code::kNotFound);
}

TYPED_TEST(TrackingTest, ExperimentsHaveNumbersThatAreNeverGivenTwice) {
  auto& tracking = *this->tracking_;
  EXPECT_EQ(SyncWait(tracking.GetExperiment(ExperimentId("0")))->name, "Default");
  EXPECT_EQ(this->Make("a").text(), "1");
  EXPECT_EQ(this->Make("b").text(), "2");
  NewExperiment again;
  again.name = "a";
  EXPECT_EQ(SyncWait(tracking.CreateExperiment(again)).error().code, Code::kAlreadyExists);
  ASSERT_TRUE(SyncWait(tracking.DeleteExperiment(ExperimentId("2"))).ok());
  EXPECT_EQ(SyncWait(tracking.DeleteExperiment(ExperimentId("2"))).error().code, Code::kNotFound);
  again.name = "b";
  EXPECT_NE(SyncWait(tracking.CreateExperiment(again)).error().message.find("It is deleted; restore it"),
            std::string::npos);
  EXPECT_EQ(this->Said(SyncWait(tracking.RenameExperiment(ExperimentId("2"), "c"))),
            "Cannot rename a non-active experiment.");
  EXPECT_EQ(this->Said(SyncWait(tracking.SetExperimentTag(ExperimentId("2"), "k", "v"))),
            "The experiment 2 must be in the 'active' state. Current state is deleted.");
  ASSERT_TRUE(SyncWait(tracking.RestoreExperiment(ExperimentId("2"))).ok());
  EXPECT_EQ(SyncWait(tracking.RenameExperiment(ExperimentId("2"), "a")).error().code, Code::kAlreadyExists);
  ASSERT_TRUE(SyncWait(tracking.RenameExperiment(ExperimentId("2"), "c")).ok());
  EXPECT_EQ(SyncWait(tracking.GetExperimentByName("default", "c"))->id.text(), "2");
  EXPECT_EQ(this->Make("b").text(), "3");
}

TYPED_TEST(TrackingTest, ExperimentsCarryTagsAndTakeTheirRunsWithThem) {
  auto& tracking = *this->tracking_;
  const RunId run = this->Start("r1");
  const ExperimentId id = SyncWait(tracking.GetExperimentByName("default", "flights"))->id;
  ASSERT_TRUE(SyncWait(tracking.SetExperimentTag(id, "team", "ops")).ok());
  ASSERT_TRUE(SyncWait(tracking.SetExperimentTag(id, "team", "sre")).ok());
  EXPECT_EQ(SyncWait(tracking.GetExperiment(id))->tags, (std::map<std::string, std::string>{{"team", "sre"}}));
  ASSERT_TRUE(SyncWait(tracking.DeleteExperimentTag(id, "team")).ok());
  EXPECT_EQ(this->Said(SyncWait(tracking.DeleteExperimentTag(id, "team"))),
            "No tag with name: team in experiment with id 1");
  ASSERT_TRUE(SyncWait(tracking.DeleteExperiment(id)).ok());
  EXPECT_EQ(this->Get(run).run.stage, Stage::kDeleted);
  ASSERT_TRUE(SyncWait(tracking.RestoreExperiment(id)).ok());
  EXPECT_EQ(this->Get(run).run.stage, Stage::kActive);
}

TYPED_TEST(TrackingTest, ListsRunsPageByPage) {
  for (int i = 1; i <= 5; ++i) this->Start(Cat("r", i));
  this->Start("other", "elsewhere");
  const auto page = [this](const RunId& before) {
    std::string ids;
    const auto runs = SyncWait(this->tracking_->ListRuns("default", "flights", before, 2));
    for (const Run& run : *runs) ids += run.id.text();
    return ids;
  };
  EXPECT_EQ(page(RunId()), "r5r4");
  EXPECT_EQ(page(RunId("r4")), "r3r2");
  EXPECT_EQ(page(RunId("r2")), "r1");
  EXPECT_EQ(page(RunId("r1")), "");
  const auto experiments = SyncWait(this->tracking_->ListExperiments("default"));
  ASSERT_EQ(experiments->size(), 3U);
  EXPECT_EQ((*experiments)[0].name, "Default");
  EXPECT_EQ((*experiments)[1].name, "elsewhere");
  EXPECT_EQ((*experiments)[2].name, "flights");
}

TYPED_TEST(TrackingTest, SaysWhatIsWrongWithARequest) {
  const RunId id = this->Start("r1");
  EXPECT_EQ(this->LogPoint(RunId("nobody"), "auc", 0, 1, 1), "Run with id=nobody not found");
  EXPECT_EQ(this->LogPoint(id, "", 0, 1, 1), "the name \"\" of a metric must have 1 to 1000 bytes");
  EXPECT_EQ(this->Log({id, {{"ok", {1, 0, 1}}}, {{"big", std::string(70000, 'x')}}, {}}),
            "parameter \"big\" has 70000 bytes; at most 65536");
  EXPECT_TRUE(this->Get(id).latest.empty()) << "a refused batch leaves nothing";
  EXPECT_EQ(this->Log({id, std::vector<MetricPoint>(10'001), {}, {}}),
            "10001 metrics, parameters and tags in one batch; send at most 10000 at a time");
  EXPECT_EQ(SyncWait(this->tracking_->GetExperiment(ExperimentId("x"))).error().message,
            "Invalid experiment ID 'x'. Experiment ID must be a valid integer.");
  EXPECT_FALSE(SyncWait(this->tracking_->GetRun(RunId("nobody"))).ok());
}

/// A database as the first schema left it.
template <typename Driver>
class OldTrackingTest : public db::StoreTest<Driver> {
 protected:
  OldTrackingTest() : db::StoreTest<Driver>({Migrations().front()}) {}
};

TYPED_TEST_SUITE(OldTrackingTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(OldTrackingTest, WhatAnOlderProgramLoggedIsKept) {
  ASSERT_TRUE(SyncWait(this->database_->Write([](db::Transaction& t) -> Status {
                TRY(t.Execute("INSERT INTO tracking_experiments VALUES ('e', 'default', 'flights', 1700000000000000)"));
                TRY(
                    t.Execute("INSERT INTO tracking_runs VALUES ('r1', 'e', 'nightly', 'training', 'finished',"
                              " 1700000000123456, 1700000060000000)"));
                for (int step = 0; step < 50; ++step) {
                  TRY(t.Execute("INSERT INTO tracking_metrics VALUES ('r1', 'auc', 'a1', ?, ?, ?)",
                                {std::int64_t{step}, 0.5 + step / 100.0, 1'700'000'000'000'000 + step * 1000}));
                }
                TRY(t.Execute("INSERT INTO tracking_params VALUES ('r1', 'depth', '6')"));
                TRY(t.Execute("INSERT INTO tracking_tags VALUES ('r1', 'branch', 'main')"));
                return Ok();
              })).ok());
  ASSERT_TRUE(this->database_->Migrate(Migrations()).ok());
  SimulatedClock clock(FromMicros(kStartMillis * 1000));
  Tracking tracking(*this->database_, clock);
  for (int again = 0; again < 2; ++again) ASSERT_TRUE(SyncWait(tracking.PackOldPoints()).ok());
  const auto run = SyncWait(tracking.GetRun(RunId("r1")));
  ASSERT_TRUE(run.ok()) << run.error().ToString();
  EXPECT_EQ(run->run.experiment.text(), "1");
  EXPECT_EQ(run->run.status, RunStatus::kFinished);
  EXPECT_EQ(run->run.started, 1'700'000'000'123);
  EXPECT_EQ(run->run.ended, 1'700'000'060'000);
  EXPECT_EQ(run->params, (Texts{{"depth", "6"}}));
  EXPECT_EQ(run->tags, (Texts{{"branch", "main"}}));
  ASSERT_EQ(run->latest.size(), 1U);
  EXPECT_EQ(run->latest[0].second.step, 49);
  const auto history = SyncWait(tracking.MetricHistory(RunId("r1"), "auc"));
  ASSERT_EQ(history->size(), 50U);
  EXPECT_EQ((*history)[7].value, 0.5 + 7 / 100.0);
  NewExperiment next;
  next.name = "next";
  EXPECT_EQ(SyncWait(tracking.CreateExperiment(next))->text(), "2");
}

}  // namespace
}  // namespace mw::tracking
