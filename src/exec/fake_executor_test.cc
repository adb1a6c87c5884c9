// The fake keeps the executors' contract, and its faults are what their names say.
#include "exec/fake_executor.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <set>

#include "base/text.h"
#include "exec/executor_contract.h"

namespace mw::exec {
namespace {

const Timestamp kStart = FromMicros(1'700'000'000'000'000);

class FakeHarness final : public ExecutorHarness {
 public:
  FakeHarness() { EXPECT_NE(mkdtemp(root_.data()), nullptr); }
  ~FakeHarness() override { std::filesystem::remove_all(root_); }
  Executor& executor() override { return executor_; }
  void Restart() override {}  // the fake is the machine: it outlives the control plane
  bool Pass() override {
    clock_.Advance(std::chrono::milliseconds(10));
    executor_.Settle();
    return ++passes_ < 10'000;
  }
  int Starts(const AttemptSpec& spec) override { return executor_.Starts(spec.attempt_id); }
  AttemptSpec Make(Behaviour behaviour) override {
    AttemptSpec spec;
    spec.attempt_id = Cat("attempt", behaviours_.size());
    spec.directory = Cat(root_, '/', spec.attempt_id);
    spec.argv = {"program"};
    spec.grace = std::chrono::milliseconds(200);
    behaviours_[spec.attempt_id] = behaviour;
    return spec;
  }

 private:
  FakeRun Play(const AttemptSpec& spec) {
    FakeRun run;
    run.lasts = std::chrono::milliseconds(15);
    switch (behaviours_.at(spec.attempt_id)) {
      case Behaviour::kSucceeds: run.log = "hello\n"; break;
      case Behaviour::kExitsWith3: run.exit_code = 3; break;
      case Behaviour::kKilledBySegv: run.signal = SIGSEGV; break;
      case Behaviour::kRunsForever: run.lasts = std::chrono::hours(24); break;
      case Behaviour::kIgnoresTerm:
        run.lasts = std::chrono::hours(24);
        run.ignores_sigterm = true;
        break;
      case Behaviour::kCannotStart: run.cannot_start = "cannot run program: No such file or directory"; break;
    }
    return run;
  }

  std::string root_ = "/tmp/mw-fake-executor-XXXXXX";
  SimulatedClock clock_{kStart};
  std::map<std::string, Behaviour> behaviours_;
  int passes_ = 0;
  FakeExecutor executor_{clock_, [this](const AttemptSpec& spec) { return Play(spec); }};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Fake, ExecutorContract, FakeHarness);

AttemptSpec Numbered(int number) {
  AttemptSpec spec;
  spec.attempt_id = Cat("a", number);
  spec.directory = "/nowhere";
  spec.argv = {"program"};
  return spec;
}

std::map<AttemptState, int> FatesOfAThousand(FakeFaults faults, std::uint64_t seed, Duration after) {
  SimulatedClock clock(kStart);
  FakeExecutor executor(
      clock, [](const AttemptSpec&) { return FakeRun{.lasts = std::chrono::seconds(10)}; }, faults, seed);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(executor.Launch(Numbered(i)).ok());
  clock.Advance(after);
  executor.Settle();
  std::map<AttemptState, int> fates;
  for (int i = 0; i < 1000; ++i) ++fates[executor.Poll(Cat("a", i), "").value().state];
  return fates;
}

TEST(FakeExecutorTest, FaultsHaveTheirShareAndComeFromTheSeed) {
  const FakeFaults faults{.lost = 0.1, .slow_start = 0.2, .hang = 0.05};
  const auto fates = FatesOfAThousand(faults, 7, std::chrono::minutes(5));
  EXPECT_NEAR(fates.at(AttemptState::kLost), 100, 40);
  EXPECT_NEAR(fates.at(AttemptState::kRunning), 45, 30);
  EXPECT_EQ(fates, FatesOfAThousand(faults, 7, std::chrono::minutes(5)));
  EXPECT_NE(fates, FatesOfAThousand(faults, 8, std::chrono::minutes(5)));
  EXPECT_NEAR(FatesOfAThousand(faults, 7, Duration(0)).at(AttemptState::kStarting), 200, 60);
}

TEST(FakeExecutorTest, AnUnheardLaunchStillRunsOnce) {
  SimulatedClock clock(kStart);
  FakeExecutor executor(clock, [](const AttemptSpec&) { return FakeRun{}; }, {.launch_unheard = 0.5});
  int unheard = 0;
  for (int i = 0; i < 100; ++i) {
    while (!executor.Launch(Numbered(i)).ok()) ++unheard;
    EXPECT_EQ(executor.Starts(Cat("a", i)), 1);
  }
  EXPECT_GT(unheard, 30);
}

TEST(FakeExecutorTest, NextChangeLeadsThroughTheWholeLife) {
  SimulatedClock clock(kStart);
  int effects = 0;
  FakeExecutor executor(clock, [&](const AttemptSpec&) {
    return FakeRun{.lasts = std::chrono::seconds(3), .effect = [&effects] { ++effects; }};
  });
  ASSERT_TRUE(executor.Launch(Numbered(1)).ok());
  EXPECT_EQ(executor.Running(), 1);
  EXPECT_EQ(executor.NextChange(), kStart + std::chrono::seconds(3));
  clock.Advance(executor.NextChange() - clock.Now());
  EXPECT_EQ(effects, 0);
  executor.Settle();
  EXPECT_EQ(effects, 1);
  EXPECT_EQ(executor.NextChange(), kNever);
  EXPECT_TRUE(executor.Poll("a1", "").value().exit->succeeded());
}

TEST(FakeExecutorTest, APowerCutLosesWhatRunsAndForgetsWhatHadNotStarted) {
  SimulatedClock clock(kStart);
  FakeExecutor executor(clock, [](const AttemptSpec&) { return FakeRun{.lasts = std::chrono::seconds(3)}; },
                        {.slow_start = 0.5});
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(executor.Launch(Numbered(i)).ok());
  const int running = executor.Running();
  executor.PowerCut();
  int lost = 0;
  int unknown = 0;
  for (int i = 0; i < 100; ++i) {
    const AttemptState state = executor.Poll(Cat("a", i), "").value().state;
    lost += state == AttemptState::kLost ? 1 : 0;
    unknown += state == AttemptState::kUnknown ? 1 : 0;
  }
  EXPECT_EQ(lost, running);
  EXPECT_EQ(unknown, 100 - running);
  EXPECT_GT(unknown, 20);
}

}  // namespace
}  // namespace mw::exec
