// The lane: everything offered is computed or counted as dropped, comes back to the thread it came from, and nobody who
// offers waits.
#include "serving/shadow_lane.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"

namespace mw::serving {
namespace {

/// What jobs were seen to do.
struct Seen {
  std::atomic<int> computed{0}, asked{0}, freed{0}, freed_elsewhere{0};
  std::thread::id sender = std::this_thread::get_id();
};

class Gate {
 public:
  void Set(bool closed) {
    const Lock lock(mutex_);
    closed_ = closed;
    changed_.NotifyAll();
  }
  void Pass() {
    const Lock lock(mutex_);
    ++waiting_;
    changed_.NotifyAll();
    while (closed_) changed_.Wait(mutex_);
    --waiting_;
  }
  void AwaitSomebody() {
    const Lock lock(mutex_);
    while (waiting_ == 0) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool closed_ MW_GUARDED_BY(mutex_) = false;
  int waiting_ MW_GUARDED_BY(mutex_) = 0;
};

class TestJob final : public ShadowJob {
 public:
  TestJob(const ShadowMetrics& metrics, Seen& seen, Gate& gate, bool asks)
      : ShadowJob(metrics), seen_(seen), gate_(gate), asks_(asks) {}
  ~TestJob() override {
    ++seen_.freed;
    if (std::this_thread::get_id() != seen_.sender) ++seen_.freed_elsewhere;
  }
  Next Compute() override {
    gate_.Pass();
    ++seen_.computed;
    if (!asks_ || answered_) return Next::kDone;
    return Next::kAsk;
  }
  void Ask(const std::atomic<bool>& /*stopping*/) override {
    ++seen_.asked;
    answered_ = true;
  }

 private:
  Seen& seen_;
  Gate& gate_;
  const bool asks_;
  bool answered_ = false;
};

class ShadowLaneTest : public ::testing::Test {
 protected:
  std::unique_ptr<ShadowJob> Job(bool asks = false) { return std::make_unique<TestJob>(shadow_, seen_, gate_, asks); }
  static void Await(const std::function<bool()>& reached) {
    // The lane's thread gets what the processors have left, so none of it is wasted on waiting.
    const RealClock clock;
    const Duration deadline = clock.Elapsed() + std::chrono::seconds(60);
    while (!reached()) {
      ASSERT_LT(clock.Elapsed(), deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // NOLINT(no-sleeps): see above
    }
  }

  MetricsRegistry metrics_;
  ShadowMetrics shadow_{metrics_, "late", "4"};
  Seen seen_;
  Gate gate_;
};

TEST_F(ShadowLaneTest, ComputesWhatItIsOfferedAndGivesItBackToItsThread) {
  ShadowLane lane;
  ShadowSender& sender = lane.NewSender();
  for (int i = 0; i < 1000; ++i) sender.Offer(Job(i % 3 == 0), 10);
  Await([this] { return seen_.computed == 1000 + 334; });
  EXPECT_EQ(seen_.asked, 334);
  Await([&] {
    sender.Tidy();
    return seen_.freed == 1000;
  });
  EXPECT_EQ(seen_.freed_elsewhere, 0);
  EXPECT_TRUE(sender.HasRoom(std::size_t{64} << 20)) << "all of it was given back";
}

TEST_F(ShadowLaneTest, WhatFindsNoRoomIsDroppedAndCountedAtOnce) {
  ShadowLane lane({.jobs_max = 3, .bytes_max = 100});
  ShadowSender& sender = lane.NewSender();
  gate_.Set(true);
  sender.Offer(Job(), 40);
  gate_.AwaitSomebody();
  EXPECT_TRUE(sender.HasRoom(60));
  EXPECT_FALSE(sender.HasRoom(61));
  sender.Offer(Job(), 61);  // the bytes
  EXPECT_EQ(shadow_.dropped.Value(), 1U);
  sender.Offer(Job(), 30);
  sender.Offer(Job(), 30);
  EXPECT_FALSE(sender.HasRoom(0));
  sender.Offer(Job(), 0);  // the jobs
  EXPECT_EQ(shadow_.dropped.Value(), 2U);
  gate_.Set(false);
  Await([this] { return seen_.computed == 3; });
  Await([&] { return sender.HasRoom(100); });
}

TEST_F(ShadowLaneTest, StoppingGivesUpWhatHasNotBegun) {
  {
    ShadowLane lane;
    ShadowSender& sender = lane.NewSender();
    gate_.Set(true);
    for (int i = 0; i < 10; ++i) sender.Offer(Job(true), 1);
    gate_.AwaitSomebody();
    std::thread stopping([&lane] { lane.Stop(); });
    gate_.Set(false);
    stopping.join();
  }
  EXPECT_LE(seen_.computed, 20);
  EXPECT_EQ(seen_.freed, 10);
}

TEST_F(ShadowLaneTest, ManySendersLoseNothing) {
  constexpr int kSenders = 4, kJobs = 2'000;
  ShadowLane lane({.jobs_max = 64, .bytes_max = 1'000'000});
  std::vector<std::thread> threads;
  for (int i = 0; i < kSenders; ++i) {
    threads.emplace_back([this, &sender = lane.NewSender()] {
      Seen own;  // a thread's own
      int offered = 0;
      for (int job = 0; job < kJobs; ++job) {
        if (!sender.HasRoom(100)) std::this_thread::yield();
        sender.Offer(std::make_unique<TestJob>(shadow_, own, gate_, job % 2 == 0), 100);
        ++offered;
      }
      Await([&] {
        sender.Tidy();
        return own.freed == offered;
      });
      EXPECT_EQ(own.freed_elsewhere, 0);
      seen_.computed += own.computed;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(seen_.computed, static_cast<int>(kSenders * kJobs - shadow_.dropped.Value()));
}

TEST(ShadowMetrics, MeanAndMaximumAreThoseOfAllNumbers) {
  MetricsRegistry metrics;
  const ShadowMetrics shadow(metrics, "late", "4");
  shadow.CountDifferences(2, 1.0, 0.75);
  shadow.CountDifferences(0, 0, 0);
  shadow.CountDifferences(6, 0.6, 0.5);
  EXPECT_DOUBLE_EQ(shadow.Outcome().difference_mean, 0.2);
  EXPECT_DOUBLE_EQ(shadow.Outcome().difference_max, 0.75);
}

}  // namespace
}  // namespace mw::serving
