// Heartbeats on both databases, at simulated times.
#include "tracking/heartbeats.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "db/temporary_database.h"

namespace mw::tracking {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Timestamp kStart{std::chrono::seconds(1'700'000'000)};

TEST(FindLost, IsASilenceOfSeveralIntervals) {
  const auto lost = [](Duration ago, Duration interval, Duration listening) {
    const Timestamp now = kStart + std::chrono::hours(48);
    return !FindLost({{1, RunId("r"), now - ago, interval}}, now - listening, now, minutes(5)).empty();
  };
  EXPECT_FALSE(lost(minutes(5), seconds(30), minutes(60)));
  EXPECT_TRUE(lost(minutes(5) + seconds(1), seconds(30), minutes(60)));
  EXPECT_FALSE(lost(minutes(40), minutes(10), minutes(60))) << "four of its intervals";
  EXPECT_TRUE(lost(minutes(41), minutes(10), minutes(60)));
  EXPECT_FALSE(lost(minutes(41), seconds(30), minutes(5))) << "we have not listened for long enough";
  EXPECT_FALSE(lost(-minutes(3), seconds(30), minutes(60))) << "a clock that went back";
}

template <typename Driver>
class HeartbeatsTest : public db::StoreTest<Driver> {
 protected:
  HeartbeatsTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override {
    tracking_.emplace(*this->database_, clock_);
    heartbeats_.emplace(*this->database_, clock_);
    heartbeats_->OnRun([this](db::Transaction&, const Run& run) {
      told_ += Cat(run.id.text(), " ", StatusName(run.status), "; ");
      return Ok();
    });
    for (const char* id : {"a", "b"}) {
      NewRun run;
      run.id = RunId(id);
      run.experiment = ExperimentId("0");
      run.started = ToMicros(kStart) / 1000;
      ASSERT_TRUE(SyncWait(tracking_->CreateRun(run)).ok());
    }
  }
  Status Beat(std::string_view run) { return SyncWait(heartbeats_->Beat(RunId(std::string(run)), seconds(30))); }
  /// Ids of those that were lost just now.
  std::string FailLost() {
    std::string ids;
    const std::vector<RunId> failed = SyncWait(heartbeats_->FailLost(kStart, minutes(5))).value();
    for (const RunId& id : failed) ids += id.text();
    return ids;
  }
  RunDetails Details(std::string_view id) { return SyncWait(tracking_->GetRun(RunId(std::string(id)))).value(); }
  std::string LostTag(std::string_view id) {
    const RunDetails run = Details(id);
    for (const auto& [key, value] : run.tags) {
      if (key == Heartbeats::kLostTag) return value;
    }
    return "";
  }
  void End(std::string_view id, RunStatus status) {
    RunChange change;
    change.status = status;
    change.ended = 7;
    ASSERT_TRUE(SyncWait(tracking_->UpdateRun(RunId(std::string(id)), change)).ok());
  }

  SimulatedClock clock_{kStart};
  std::optional<Tracking> tracking_;
  std::optional<Heartbeats> heartbeats_;
  std::string told_;
};

TYPED_TEST_SUITE(HeartbeatsTest, db::TestDrivers, db::TestDriverNames);

TYPED_TEST(HeartbeatsTest, ARunThatFallsSilentFailsAndComesBack) {
  this->clock_.Advance(minutes(1));
  ASSERT_TRUE(this->Beat("a").ok());
  this->clock_.Advance(minutes(5));
  EXPECT_EQ(this->FailLost(), "");
  this->clock_.Advance(seconds(1));
  EXPECT_EQ(this->FailLost(), "a") << "b never sent one";
  EXPECT_EQ(this->FailLost(), "") << "once";
  EXPECT_EQ(this->Details("a").run.status, RunStatus::kFailed);
  EXPECT_EQ(this->Details("a").run.ended, ToMicros(kStart + minutes(1)) / 1000);
  EXPECT_EQ(this->LostTag("a"),
            Cat("no heartbeat since ", FormatTime(kStart + minutes(1)), "; its process or its machine is gone"));
  const LogBatch late{RunId("a"), {{"loss", {1, 0, 0.5}}}, {}, {}};
  EXPECT_TRUE(SyncWait(this->tracking_->Log(late)).ok());
  ASSERT_TRUE(this->Beat("a").ok());
  EXPECT_EQ(this->Details("a").run.status, RunStatus::kRunning);
  EXPECT_FALSE(this->Details("a").run.ended);
  EXPECT_EQ(this->LostTag("a"), "");
  this->clock_.Advance(minutes(6));
  EXPECT_EQ(this->FailLost(), "a") << "and again";
  EXPECT_EQ(this->told_, "a failed; a running; a failed; ");
  EXPECT_EQ(this->Details("b").run.status, RunStatus::kRunning);
}

TYPED_TEST(HeartbeatsTest, WhatTheClientSaysStands) {
  for (const RunStatus said : {RunStatus::kFinished, RunStatus::kFailed}) {
    ASSERT_TRUE(this->Beat("a").ok());
    this->clock_.Advance(minutes(6));
    EXPECT_EQ(this->FailLost(), "a");
    this->End("a", said);  // delivered late, from a spool
    EXPECT_EQ(this->LostTag("a"), "");
    ASSERT_TRUE(this->Beat("a").ok()) << "one that was on its way";
    EXPECT_EQ(this->Details("a").run.status, said);
    EXPECT_EQ(this->Details("a").run.ended, 7);
    this->clock_.Advance(minutes(6));
    EXPECT_EQ(this->FailLost(), "");
    this->End("a", RunStatus::kRunning);
  }
}

TYPED_TEST(HeartbeatsTest, RefusesWhatCannotBe) {
  EXPECT_EQ(this->Beat("none").error().ToString(), "Run with id=none not found");
  EXPECT_EQ(SyncWait(this->heartbeats_->Beat(RunId("a"), Duration(0))).error().code, Code::kInvalidArgument);
  EXPECT_EQ(SyncWait(this->heartbeats_->Beat(RunId("a"), std::chrono::hours(25))).error().code, Code::kInvalidArgument);
}

TYPED_TEST(HeartbeatsTest, APauseOfOursIsNoSilence) {
  HeartbeatReconciler reconciler(*this->heartbeats_, minutes(5));
  const auto tick = [&] { SyncWait(reconciler.Tick(this->clock_.Now())); };
  ASSERT_TRUE(this->Beat("a").ok());
  this->clock_.Advance(std::chrono::hours(2));  // the program was not there
  for (int i = 0; i < 30; ++i, this->clock_.Advance(HeartbeatReconciler::kEvery)) tick();
  EXPECT_EQ(this->Details("a").run.status, RunStatus::kRunning);
  for (int i = 0; i < 2; ++i, this->clock_.Advance(HeartbeatReconciler::kEvery)) tick();
  EXPECT_EQ(this->Details("a").run.status, RunStatus::kFailed);
}

}  // namespace
}  // namespace mw::tracking
