// Tracking on both databases: runs, curves of metrics, and logging that may be repeated.
#include "tracking/tracking.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "db/temporary_database.h"

namespace mw::tracking {
namespace {

const Timestamp kStart = FromMicros(1'700'000'000'000'000);

Timestamp At(int seconds) { return kStart + std::chrono::seconds(seconds); }

template <typename Driver>
class TrackingTest : public db::StoreTest<Driver> {
 protected:
  TrackingTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override { tracking_.emplace(*this->database_, clock_); }

  RunId Start(std::string id, std::string experiment = "flights") {
    NewRun run;
    run.id = RunId(std::move(id));
    run.experiment = std::move(experiment);
    run.name = "nightly";
    run.source = "late-departures-training";
    run.tags = {{"branch", "main"}};
    run.started = kStart;
    const auto made = SyncWait(tracking_->CreateRun(run));
    EXPECT_TRUE(made.ok()) << made.error().ToString();
    return run.id;
  }
  /// "" or the error's message.
  std::string Log(LogBatch batch) {
    const Status logged = SyncWait(tracking_->Log(std::move(batch)));
    return logged.ok() ? "" : logged.error().message;
  }
  RunDetails Get(const RunId& id) {
    auto details = SyncWait(tracking_->GetRun(id));
    EXPECT_TRUE(details.ok()) << details.error().ToString();
    return details.ok() ? *details : RunDetails{};
  }

  SimulatedClock clock_{kStart};
  std::optional<Tracking> tracking_;
};

TYPED_TEST_SUITE(TrackingTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(TrackingTest, KeepsARunFromStartToEnd) {
  const RunId id = this->Start("r1");
  EXPECT_EQ(this->Get(id).run.status, RunStatus::kRunning);
  EXPECT_EQ(this->Log({id, "a1", {}, {{"max_depth", "6"}, {"note", "Zürich"}}, {{"reviewed", "no"}}}), "");
  EXPECT_EQ(this->Log({id, "a1", {}, {{"max_depth", "7"}}, {{"reviewed", "yes"}}}), "");
  ASSERT_TRUE(SyncWait(this->tracking_->EndRun(id, RunStatus::kFinished, At(60))).ok());
  ASSERT_TRUE(SyncWait(this->tracking_->EndRun(id, RunStatus::kFailed, At(90))).ok()) << "it stays as it ended";
  const RunDetails details = this->Get(id);
  EXPECT_EQ(details.run.name, "nightly");
  EXPECT_EQ(details.run.source, "late-departures-training");
  EXPECT_EQ(details.run.status, RunStatus::kFinished);
  EXPECT_EQ(details.run.started, kStart);
  EXPECT_EQ(details.run.ended, At(60));
  EXPECT_EQ(details.params, (std::map<std::string, std::string>{{"max_depth", "7"}, {"note", "Zürich"}}));
  EXPECT_EQ(details.tags, (std::map<std::string, std::string>{{"branch", "main"}, {"reviewed", "yes"}}));
}

TYPED_TEST(TrackingTest, ShowsTheLatestPointOfEachMetric) {
  const RunId id = this->Start("r1");
  EXPECT_EQ(
      this->Log(
          {id, "a1", {{"roc_auc", 0, 0.60, At(1)}, {"roc_auc", 1, 0.65, At(2)}, {"log_loss", 0, 0.5, At(1)}}, {}, {}}),
      "");
  EXPECT_EQ(this->Log({id, "a1", {{"roc_auc", 2, 0.70, At(2)}}, {}, {}}), "");
  const MetricPoint late{"roc_auc", 2, 0.70, At(2)};
  EXPECT_EQ(this->Get(id).latest.at("roc_auc"), late) << "of one time the greater step";
  // A retried step starts its curve anew: its points are later, though their steps are not.
  const MetricPoint again{"roc_auc", 0, 0.61, At(10)};
  EXPECT_EQ(this->Log({id, "a2", {again}, {}, {}}), "");
  EXPECT_EQ(this->Get(id).latest.at("roc_auc"), again);
  const auto history = SyncWait(this->tracking_->MetricHistory(id, "roc_auc"));
  ASSERT_TRUE(history.ok());
  ASSERT_EQ(history->size(), 4U);
  EXPECT_EQ((*history)[2], late);
  EXPECT_EQ((*history)[3], again);
}

TYPED_TEST(TrackingTest, LoggingTwiceChangesNothing) {
  const RunId id = this->Start("r1");
  const LogBatch batch{id, "a1", {{"roc_auc", 0, 0.60, At(1)}}, {{"k", "v"}}, {}};
  EXPECT_EQ(this->Log(batch), "");
  LogBatch resent = batch;
  resent.metrics[0].time = At(5);
  EXPECT_EQ(this->Log(resent), "");
  EXPECT_EQ(SyncWait(this->tracking_->MetricHistory(id, "roc_auc"))->size(), 1U);
  EXPECT_EQ(this->Get(id).latest.at("roc_auc").time, At(1));
  EXPECT_EQ(this->Start("r1"), id) << "and so does starting the run again";
  EXPECT_EQ(SyncWait(this->tracking_->ListRuns("default", "flights", RunId(), 10))->size(), 1U);
}

TYPED_TEST(TrackingTest, KeepsValuesThatAreNoFiniteNumbers) {
  const RunId id = this->Start("r1");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(this->Log({id,
                       "",
                       {{"loss", 0, std::nan(""), At(1)}, {"low", 0, -infinity, At(1)}, {"high", 0, infinity, At(1)}},
                       {},
                       {}}),
            "");
  const RunDetails details = this->Get(id);
  EXPECT_TRUE(std::isnan(details.latest.at("loss").value));
  EXPECT_EQ(details.latest.at("low").value, -infinity);
  EXPECT_EQ(details.latest.at("high").value, infinity);
  EXPECT_TRUE(std::isnan((*SyncWait(this->tracking_->MetricHistory(id, "loss")))[0].value));
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
  ASSERT_EQ(experiments->size(), 2U);
  EXPECT_EQ((*experiments)[0].name, "elsewhere");
  EXPECT_EQ((*experiments)[1].name, "flights");
}

TYPED_TEST(TrackingTest, SaysWhatIsWrongWithARequest) {
  const RunId id = this->Start("r1");
  EXPECT_EQ(this->Log({RunId("nobody"), "", {}, {}, {}}), "there is no run \"nobody\"");
  EXPECT_EQ(this->Log({id, "", {{"", 0, 1, At(1)}}, {}, {}}), "the name \"\" of a metric must have 1 to 250 bytes");
  EXPECT_EQ(this->Log({id, "", {{"ok", 0, 1, At(1)}}, {{"big", std::string(70000, 'x')}}, {}}),
            "parameter \"big\" has 70000 bytes; at most 65536");
  EXPECT_TRUE(this->Get(id).latest.empty()) << "a refused batch leaves nothing";
  EXPECT_EQ(this->Log({id, "", std::vector<MetricPoint>(10'001), {}, {}}),
            "10001 metrics, parameters and tags in one batch; send at most 10000 at a time");
  EXPECT_FALSE(SyncWait(this->tracking_->EndRun(id, RunStatus::kRunning, At(1))).ok());
  EXPECT_FALSE(SyncWait(this->tracking_->GetRun(RunId("nobody"))).ok());
}

}  // namespace
}  // namespace mw::tracking
