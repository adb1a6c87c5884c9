// The store's SQL on both databases: transitions that are compare-and-set, history, paging, cache entries, retry.
#include "pipelines/run_store.h"

#include <gtest/gtest.h>

#include "db/temporary_database.h"
#include "jobs/jobs.h"

namespace mw::pipelines {
namespace {

template <typename Driver>
class RunStoreTest : public db::StoreTest<Driver> {
 protected:
  RunStoreTest() : db::StoreTest<Driver>(Migrations()) {}

  RunId Insert(const std::string& pipeline) {
    NewRun run;
    run.run.id = NewId<RunId>(clock_);
    run.run.pipeline = pipeline;
    run.run.base_directory = "/base";
    run.run.created = clock_.Now();
    run.graph = "{}";
    run.source = "pipeline: \"ü\"";
    run.steps = {"a", "b"};
    const Status inserted = this->Write([&](db::Transaction& t) { return InsertRun(t, run, clock_); });
    EXPECT_TRUE(inserted.ok()) << inserted.error().ToString();
    return run.run.id;
  }
  StoredRun Load(const RunId& id) {
    return std::move(*this->Read([&](db::Snapshot& s) { return LoadRun(s, id); }));
  }
  Status Change(const RunId& id, RunState from, RunState to, std::int64_t version) {
    return this->Write([&](db::Transaction& t) {
      return Transit(t, RunTransition{id, from, to, version, "because", clock_.Now()}, clock_);
    });
  }
  Status Change(const RunId& id, std::size_t position, TaskState from, const TaskRecord& to, std::int64_t version) {
    return this->Write([&](db::Transaction& t) {
      return Transit(t, TaskTransition{id, position, from, version, to, "because", clock_.Now()}, clock_);
    });
  }

  RealClock clock_;
};
TYPED_TEST_SUITE(RunStoreTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(RunStoreTest, ATransitionIsCompareAndSet) {
  const RunId id = this->Insert("p");
  EXPECT_TRUE(this->Change(id, RunState::kQueued, RunState::kRunning, 0).ok());
  EXPECT_EQ(this->Change(id, RunState::kQueued, RunState::kRunning, 0).error().code, Code::kAborted);
  EXPECT_EQ(this->Change(id, RunState::kRunning, RunState::kFailed, 0).error().code, Code::kAborted);
  TaskRecord task = this->Load(id).tasks[1];
  task.state = TaskState::kSkipped;
  EXPECT_TRUE(this->Change(id, 1, TaskState::kWaiting, task, 0).ok());
  EXPECT_EQ(this->Change(id, 1, TaskState::kWaiting, task, 0).error().code, Code::kAborted);
  const auto events = this->Read([&](db::Snapshot& s) { return RunEvents(s, id, "", 100); });
  ASSERT_EQ(events->size(), 3U) << "refused transitions leave no event";
  EXPECT_EQ((*events)[2].step, "b");
  EXPECT_EQ((*events)[2].to, "skipped");
}

TYPED_TEST(RunStoreTest, ATaskReadsBackAsItWasWritten) {
  const RunId id = this->Insert("p");
  TaskRecord task = this->Load(id).tasks[0];
  task.state = TaskState::kLaunching;
  task.attempts = 2;
  task.outcomes = {jobs::Outcome::kFailedRetryable, jobs::Outcome::kLost, jobs::Outcome::kTimedOut};
  task.attempt_id = "a1";
  task.cache_key = "k";
  task.cache_parts = "[]";
  task.summary = "143 trees";
  task.findings = *Json::Parse(R"([{"column":"wind"}])");
  task.metrics = *Json::Parse(R"({"roc_auc":0.71})");
  task.outputs = {{"model", {"sha256:aa", true, 7, "l1", *Json::Parse(R"({"rows":3})")}}};
  task.started = this->clock_.Now();
  ASSERT_TRUE(this->Change(id, 0, TaskState::kWaiting, task, 0).ok());
  const TaskRecord read = this->Load(id).tasks[0];
  EXPECT_EQ(read.version, 1);
  EXPECT_EQ(read.outcomes, task.outcomes);
  EXPECT_EQ(read.findings, task.findings);
  EXPECT_EQ(read.metrics, task.metrics);
  EXPECT_EQ(read.outputs[0].artifact.lineage_id, "l1");
  EXPECT_EQ(read.outputs[0].artifact.metadata.Dump(), R"({"rows":3})");
  EXPECT_EQ(read.started, task.started);
}

TYPED_TEST(RunStoreTest, CancelAndRetryFollowTheDiagram) {
  const RunId id = this->Insert("p");
  const auto cancel = [&] {
    return this->Write([&](db::Transaction& t) { return RequestCancel(t, id, "stop", this->clock_); });
  };
  const auto retry = [&] { return this->Write([&](db::Transaction& t) { return RetryRun(t, id, this->clock_); }); };
  EXPECT_EQ(retry().error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(cancel().ok());
  EXPECT_TRUE(cancel().ok()) << "asking twice is asking once";
  EXPECT_EQ(this->Load(id).run.version, 1);
  TaskRecord task = this->Load(id).tasks[0];
  task.state = TaskState::kCanceled;
  ASSERT_TRUE(this->Change(id, 0, TaskState::kWaiting, task, 0).ok());
  task = this->Load(id).tasks[1];
  task.state = TaskState::kCanceled;
  ASSERT_TRUE(this->Change(id, 1, TaskState::kWaiting, task, 0).ok());
  ASSERT_TRUE(this->Change(id, RunState::kCanceling, RunState::kCanceled, 1).ok());
  EXPECT_EQ(cancel().error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(this->Read([](db::Snapshot& s) { return OpenRuns(s); })->empty());
  EXPECT_TRUE(retry().ok());
  EXPECT_EQ(this->Load(id).run.state, RunState::kQueued);
  EXPECT_EQ(this->Load(id).tasks[0].state, TaskState::kWaiting);
  EXPECT_EQ(this->Read([](db::Snapshot& s) { return OpenRuns(s); })->size(), 1U);
}

TYPED_TEST(RunStoreTest, RunsAreListedNewestFirstPageByPage) {
  std::vector<RunId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(this->Insert(i % 2 == 0 ? "even" : "odd"));
  const auto page = [&](const RunFilter& filter) {
    return *this->Read([&](db::Snapshot& s) { return ListRuns(s, filter); });
  };
  EXPECT_EQ(page({}).size(), 5U);
  EXPECT_EQ(page({"even", RunId(), 2})[1].id, ids[2]);
  EXPECT_EQ(page({"even", ids[2], 2}).at(0).id, ids[0]);
  EXPECT_EQ(page({"", ids[0], 2}).size(), 0U);
  EXPECT_EQ(this->Read([&](db::Snapshot& s) { return LoadRun(s, RunId("none")); }).error().code, Code::kNotFound);
}

TYPED_TEST(RunStoreTest, ACacheEntryReplacesThatOfTheSameKey) {
  CacheEntry entry;
  entry.key = {"k1", {{"uses", "train"}}};
  entry.pipeline = "p";
  entry.step = "train";
  entry.run = RunId("r1");
  entry.outputs = {{"model", {"sha256:aa", true, 7, "", Json::MakeObject()}}};
  entry.created = FromMicros(5);
  const auto put = [&] { return this->Write([&](db::Transaction& t) { return PutCacheEntry(t, entry); }); };
  ASSERT_TRUE(put().ok());
  entry.run = RunId("r2");
  ASSERT_TRUE(put().ok());
  entry.key.digest = "k2";
  entry.created = FromMicros(6);
  ASSERT_TRUE(put().ok());
  const auto found = *this->Read([](db::Snapshot& s) { return FindCacheEntry(s, "k1"); });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->run.text(), "r2");
  EXPECT_EQ(found->key.parts, entry.key.parts);
  EXPECT_FALSE(this->Read([](db::Snapshot& s) { return FindCacheEntry(s, "k3"); })->has_value());
  const auto earlier = *this->Read([](db::Snapshot& s) { return EarlierEntries(s, "p", "train", 10); });
  ASSERT_EQ(earlier.size(), 2U);
  EXPECT_EQ(earlier[0].key.digest, "k2") << "newest first";
}

}  // namespace
}  // namespace mw::pipelines
