// Reconcilers are ticked at start, when due and when woken, never twice at once.
#include "app/control_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace mw::app {
namespace {

class Counting final : public Reconciler {
 public:
  Task<Timestamp> Tick(Timestamp now) override {
    EXPECT_FALSE(inside_.exchange(true));
    if (pause_) co_await *pause_;
    inside_ = false;
    if (++ticks_ == until_) reached_.set_value();
    co_return period_.count() == 0 ? kNever : now + period_;
  }
  void Expect(int until) { until_ = until; }
  std::future<void> Reached() { return reached_.get_future(); }
  std::atomic<int> ticks_{0};
  Duration period_{0};
  std::optional<Completion<int>> pause_;

 private:
  std::atomic<bool> inside_{false};
  int until_ = 1;
  std::promise<void> reached_;
};

constexpr auto kDeadline = std::chrono::seconds(10);

TEST(ControlLoop, TicksAtStartAndWhenWoken) {
  const RealClock clock;
  Counting counting;
  counting.Expect(2);
  auto reached = counting.Reached();
  ControlLoop loop(clock);
  const auto wake = loop.Add(counting);
  loop.Start();
  while (counting.ticks_ == 0) std::this_thread::yield();
  wake();
  EXPECT_EQ(reached.wait_for(kDeadline), std::future_status::ready);
}

TEST(ControlLoop, TicksAgainWhenTheTimeComes) {
  const RealClock clock;
  Counting counting;
  counting.period_ = std::chrono::milliseconds(1);
  counting.Expect(20);
  auto reached = counting.Reached();
  ControlLoop loop(clock);
  loop.Add(counting);
  loop.Start();
  EXPECT_EQ(reached.wait_for(kDeadline), std::future_status::ready);
}

TEST(ControlLoop, ATickThatWaitsIsNotStartedAgainAndStopWaitsForIt) {
  const RealClock clock;
  Counting waiting;
  waiting.pause_.emplace();
  Counting other;
  other.Expect(3);
  other.period_ = std::chrono::milliseconds(1);
  auto reached = other.Reached();
  {
    ControlLoop loop(clock);
    const auto wake = loop.Add(waiting);
    loop.Add(other);
    loop.Start();
    for (int i = 0; i < 10; ++i) wake();
    EXPECT_EQ(reached.wait_for(kDeadline), std::future_status::ready);
    EXPECT_EQ(waiting.ticks_, 0);
    waiting.pause_->Set(1);
  }
  EXPECT_EQ(waiting.ticks_, 1);
}

}  // namespace
}  // namespace mw::app
