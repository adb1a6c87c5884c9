// The attempts table on both databases, and the loop that pipelines drives: killed between any two steps, every
// attempt ends, and no program starts twice.
#include "jobs/jobs.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "exec/fake_executor.h"

namespace mw::jobs {
namespace {

const Timestamp kStart = FromMicros(1'700'000'000'000'000);

Attempt MakeAttempt(const std::string& id, const std::string& task = "train", int number = 1) {
  Attempt attempt;
  attempt.id = AttemptId(id);
  attempt.run_id = "run1";
  attempt.task = task;
  attempt.number = number;
  attempt.spec.attempt_id = id;
  attempt.spec.directory = Cat("/nowhere/", id);
  attempt.spec.argv = {"mw-step", "train", "a \"b\"\n\xc3\xa4"};
  attempt.spec.environment = {{"HOME", "/x"}, {"LANG", "C.UTF-8"}};
  attempt.spec.limits.memory_bytes = 123;
  attempt.spec.limits.log_bytes = 456;
  attempt.spec.timeout = std::chrono::minutes(15);
  attempt.spec.grace = std::chrono::seconds(3);
  attempt.resources = {1.5, std::int64_t{2} << 30};
  attempt.created = kStart;
  return attempt;
}

template <typename Driver>
class AttemptStoreTest : public db::StoreTest<Driver> {
 protected:
  AttemptStoreTest() : db::StoreTest<Driver>(Migrations()) {}
  Status Put(const Attempt& attempt) {
    return this->Write([attempt](db::Transaction& t) { return Insert(t, attempt); });
  }
  Attempt Stored(const std::string& id) {
    return this->Read([id](db::Snapshot& s) { return Get(s, AttemptId(id)); }).value_or(Attempt{});
  }
};
TYPED_TEST_SUITE(AttemptStoreTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(AttemptStoreTest, KeepsEverything) {
  const Attempt attempt = MakeAttempt("a1");
  ASSERT_TRUE(this->Put(attempt).ok());
  const Attempt stored = this->Stored("a1");
  EXPECT_EQ(stored.run_id, "run1");
  EXPECT_EQ(stored.task, "train");
  EXPECT_EQ(stored.number, 1);
  EXPECT_EQ(stored.state, State::kLaunching);
  EXPECT_FALSE(stored.cancel_requested);
  EXPECT_EQ(stored.spec.attempt_id, "a1");
  EXPECT_EQ(stored.spec.argv, attempt.spec.argv);
  EXPECT_EQ(stored.spec.environment, attempt.spec.environment);
  EXPECT_EQ(stored.spec.limits.memory_bytes, 123);
  EXPECT_EQ(stored.spec.limits.log_bytes, 456);
  EXPECT_EQ(stored.spec.timeout, attempt.spec.timeout);
  EXPECT_EQ(stored.spec.grace, attempt.spec.grace);
  EXPECT_EQ(stored.resources.cpu, 1.5);
  EXPECT_EQ(stored.resources.memory_bytes, attempt.resources.memory_bytes);
  EXPECT_EQ(stored.created, kStart);
}

TYPED_TEST(AttemptStoreTest, ATaskHasOneOpenAttemptAtMost) {
  ASSERT_TRUE(this->Put(MakeAttempt("a1")).ok());
  EXPECT_EQ(this->Put(MakeAttempt("a1", "other")).error().code, Code::kAlreadyExists);
  EXPECT_EQ(this->Put(MakeAttempt("a2", "train", 2)).error().code, Code::kAlreadyExists);
  EXPECT_TRUE(this->Put(MakeAttempt("a3", "evaluate")).ok());
  ASSERT_TRUE(
      this->Write([](db::Transaction& t) { return End(t, AttemptId("a1"), {.outcome = Outcome::kLost}); }).ok());
  EXPECT_EQ(this->Put(MakeAttempt("a4", "train", 1)).error().code, Code::kAlreadyExists);
  EXPECT_TRUE(this->Put(MakeAttempt("a5", "train", 2)).ok());
}

TYPED_TEST(AttemptStoreTest, TheFirstEndingStays) {
  ASSERT_TRUE(this->Put(MakeAttempt("a1")).ok());
  const Ending first{.outcome = Outcome::kFailedFinal,
                     .exit_code = 2,
                     .signal = 0,
                     .message = "no column \"x\"",
                     .at = kStart + std::chrono::seconds(9),
                     .cpu_seconds = 1.25,
                     .memory_peak_bytes = 77};
  const auto end = [this](const Ending& ending) {
    return this->Write([ending](db::Transaction& t) { return End(t, AttemptId("a1"), ending); });
  };
  EXPECT_TRUE(end(first).value());
  EXPECT_FALSE(end({.outcome = Outcome::kSucceeded, .exit_code = 0}).value());
  const Attempt stored = this->Stored("a1");
  EXPECT_EQ(stored.state, State::kEnded);
  EXPECT_EQ(stored.ending.outcome, Outcome::kFailedFinal);
  EXPECT_EQ(stored.ending.exit_code, 2);
  EXPECT_EQ(stored.ending.message, "no column \"x\"");
  EXPECT_EQ(stored.ending.at, kStart + std::chrono::seconds(9));
  EXPECT_EQ(stored.ending.cpu_seconds, 1.25);
  EXPECT_EQ(stored.ending.memory_peak_bytes, 77);
}

TYPED_TEST(AttemptStoreTest, RunningKeepsItsFirstStartAndEndedIsFinal) {
  ASSERT_TRUE(this->Put(MakeAttempt("a1")).ok());
  const auto mark = [this](Timestamp at) {
    return this->Write([at](db::Transaction& t) { return MarkRunning(t, AttemptId("a1"), at); });
  };
  EXPECT_TRUE(mark(kStart).ok());
  EXPECT_TRUE(mark(kStart + std::chrono::seconds(1)).ok());
  EXPECT_EQ(this->Stored("a1").started, kStart);
  EXPECT_EQ(this->Stored("a1").state, State::kRunning);
  ASSERT_TRUE(
      this->Write([](db::Transaction& t) { return End(t, AttemptId("a1"), {.outcome = Outcome::kLost}); }).ok());
  EXPECT_EQ(mark(kStart).error().code, Code::kFailedPrecondition);
}

TYPED_TEST(AttemptStoreTest, ACancelIsRememberedUntilTheEnd) {
  ASSERT_TRUE(this->Put(MakeAttempt("a1")).ok());
  const auto cancel = [this] {
    return this->Write([](db::Transaction& t) { return RequestCancel(t, AttemptId("a1")); });
  };
  EXPECT_TRUE(cancel().ok());
  EXPECT_TRUE(this->Stored("a1").cancel_requested);
  ASSERT_TRUE(
      this->Write([](db::Transaction& t) { return End(t, AttemptId("a1"), {.outcome = Outcome::kCanceled}); }).ok());
  EXPECT_TRUE(cancel().ok());
}

TYPED_TEST(AttemptStoreTest, WhatIsNotThereIsNamed) {
  const Status marked = this->Write([](db::Transaction& t) { return MarkRunning(t, AttemptId("nope"), kStart); });
  EXPECT_EQ(marked.error().code, Code::kNotFound);
  EXPECT_NE(marked.error().message.find("nope"), std::string::npos);
  EXPECT_EQ(this->Write([](db::Transaction& t) { return End(t, AttemptId("nope"), {}); }).error().code,
            Code::kNotFound);
}

TYPED_TEST(AttemptStoreTest, OpenGivesWhatARestartTakesUpAgain) {
  for (const char* id : {"a2", "a1", "a3"}) ASSERT_TRUE(this->Put(MakeAttempt(id, id)).ok());
  ASSERT_TRUE(
      this->Write([](db::Transaction& t) { return End(t, AttemptId("a2"), {.outcome = Outcome::kSucceeded}); }).ok());
  const std::vector<Attempt> open = this->Read([](db::Snapshot& s) { return Open(s); }).value();
  ASSERT_EQ(open.size(), 2U);
  EXPECT_EQ(open[0].id.text(), "a1");
  EXPECT_EQ(open[1].id.text(), "a3");
  EXPECT_EQ(this->Read([](db::Snapshot& s) { return OfRun(s, "run1"); }).value().size(), 3U);
  EXPECT_EQ(this->Read([](db::Snapshot& s) { return OfRun(s, "run2"); }).value().size(), 0U);
}

// The loop of jobs.h's head over many attempts, forgotten and taken up again from the table between any two steps.
class CrashingLoop {
 public:
  CrashingLoop(db::Database& database, exec::FakeExecutor& executor, SimulatedClock& clock, std::uint64_t seed)
      : database_(database), jobs_(executor, clock), executor_(executor), clock_(clock), random_(seed) {}

  void RunToTheEnd() {
    for (int step = 0; step < 10'000; ++step) {
      const std::vector<Attempt> open = SyncWait(database_.Read([](db::Snapshot& s) { return Open(s); })).value();
      if (open.empty()) return;
      for (const Attempt& attempt : open) {
        if (random_.Below(3) == 0) break;  // killed here
        Take(attempt);
      }
      clock_.Advance(std::chrono::milliseconds(random_.Below(3000)));
    }
    FAIL() << "attempts that never end";
  }

 private:
  void Take(const Attempt& attempt) {
    const Action action = jobs_.Next(attempt).value();
    if (random_.Below(4) == 0) return;  // killed between looking and acting
    const AttemptId id = attempt.id;
    switch (action.kind) {
      case ActionKind::kWait: break;
      case ActionKind::kLaunch: (void)jobs_.Launch(attempt, {{"MILLWRIGHT_TOKEN", "secret"}}); break;
      case ActionKind::kCancel: EXPECT_TRUE(jobs_.Cancel(attempt).ok()); break;
      case ActionKind::kMarkRunning:
        EXPECT_TRUE(SyncWait(database_.Write([&](db::Transaction& t) { return MarkRunning(t, id, action.at); })).ok());
        break;
      case ActionKind::kEnd:
        EXPECT_TRUE(SyncWait(database_.Write([&](db::Transaction& t) { return End(t, id, action.ending); })).value());
        break;
    }
    if (random_.Below(50) == 0) executor_.PowerCut();
  }

  db::Database& database_;
  Jobs jobs_;
  exec::FakeExecutor& executor_;
  SimulatedClock& clock_;
  Random random_;
};

TEST(JobsLoop, KilledAnywhereEveryAttemptEndsAndNoProgramStartsTwice) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(Cat("seed ", seed));
    const db::TemporarySqlite temporary;
    const std::unique_ptr<db::Database> database = temporary.Open().value();
    ASSERT_TRUE(database->Migrate(Migrations()).ok());
    SimulatedClock clock(kStart);
    bool secrets = true;
    exec::FakeExecutor executor(
        clock,
        [&](const exec::AttemptSpec& spec) {
          secrets = secrets && spec.environment.contains("MILLWRIGHT_TOKEN");
          return exec::FakeRun{.lasts = std::chrono::seconds(5), .exit_code = spec.attempt_id == "a3" ? 3 : 0};
        },
        {.lost = 0.1, .slow_start = 0.3, .launch_fails = 0.2, .launch_unheard = 0.2}, seed);
    for (int i = 0; i < 8; ++i) {
      Attempt attempt = MakeAttempt(Cat("a", i), Cat("t", i));
      attempt.cancel_requested = i >= 6;
      ASSERT_TRUE(SyncWait(database->Write([&](db::Transaction& t) { return Insert(t, attempt); })).ok());
    }
    CrashingLoop(*database, executor, clock, seed).RunToTheEnd();
    const auto attempts = SyncWait(database->Read([](db::Snapshot& s) { return OfRun(s, "run1"); })).value();
    for (const Attempt& attempt : attempts) {
      EXPECT_LE(executor.Starts(attempt.id.text()), 1) << attempt.id.text();
      if (attempt.cancel_requested) {
        EXPECT_EQ(attempt.ending.outcome, Outcome::kCanceled);
      }
      if (attempt.ending.outcome == Outcome::kSucceeded) {
        EXPECT_EQ(executor.Starts(attempt.id.text()), 1) << attempt.id.text();
      }
      if (attempt.id.text() == "a3") {
        EXPECT_NE(attempt.ending.outcome, Outcome::kSucceeded);
      }
    }
    EXPECT_TRUE(secrets);
  }
}

// An executor that cannot read what it finds.
class DamagedExecutor final : public exec::Executor {
 public:
  explicit DamagedExecutor(Error error) : error_(std::move(error)) {}
  Status Launch(const exec::AttemptSpec&) override { return error_; }
  Result<exec::AttemptStatus> Poll(const std::string&, const std::string&) override { return error_; }
  Status Cancel(const std::string&, const std::string&) override { return error_; }
  void OnChange(std::function<void()>) override {}
  [[nodiscard]] std::string IsolationTier() const override { return "none"; }

 private:
  Error error_;
};

TEST(JobsNext, ADamagedRecordIsALossAndEverythingElseIsAskedAgain) {
  const SimulatedClock clock(kStart);
  DamagedExecutor damaged(DataLoss("exit.json is damaged"));
  const Action action = Jobs(damaged, clock).Next(MakeAttempt("a1")).value();
  EXPECT_EQ(action.kind, ActionKind::kEnd);
  EXPECT_EQ(action.ending.outcome, Outcome::kLost);
  EXPECT_EQ(action.ending.message, "exit.json is damaged");
  EXPECT_EQ(action.ending.at, kStart);
  DamagedExecutor busy(ResourceExhausted("no watches left"));
  EXPECT_EQ(Jobs(busy, clock).Next(MakeAttempt("a1")).error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace mw::jobs
