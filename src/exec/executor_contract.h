// What every executor promises, as a suite of tests. A harness knows how to make a program that behaves so, and how
// time passes:
//   INSTANTIATE_TYPED_TEST_SUITE_P(Process, ExecutorContract, ProcessHarness);
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "exec/executor.h"

namespace mw::exec {

enum class Behaviour : std::uint8_t {
  kSucceeds,  // prints "hello" and exits 0
  kExitsWith3,
  kKilledBySegv,
  kRunsForever,  // until SIGTERM
  kIgnoresTerm,  // runs forever, SIGTERM does nothing
  kCannotStart,  // there is no such program
};

class ExecutorHarness {
 public:
  virtual ~ExecutorHarness() = default;
  virtual Executor& executor() = 0;
  /// The control plane dies and comes again: a new executor over the same machine.
  virtual void Restart() = 0;
  /// A spec with an id and a directory of its own; no timeout, grace 200 ms.
  virtual AttemptSpec Make(Behaviour behaviour) = 0;
  /// Lets a little time pass. False when the test has waited too long.
  virtual bool Pass() = 0;
  /// How often the program of that spec has started.
  virtual int Starts(const AttemptSpec& spec) = 0;
};

/// `Harness`: an ExecutorHarness that is made without arguments.
template <typename Harness>
class ExecutorContract : public testing::Test {
 protected:
  AttemptStatus Poll(const AttemptSpec& spec) {
    Result<AttemptStatus> status = harness_.executor().Poll(spec.attempt_id, spec.directory);
    EXPECT_TRUE(status.ok()) << status.error().ToString();
    return status.ok() ? *status : AttemptStatus{};
  }
  AttemptStatus Await(const AttemptSpec& spec, AttemptState state) {
    AttemptStatus status = Poll(spec);
    while (status.state != state && harness_.Pass()) status = Poll(spec);
    EXPECT_EQ(status.state, state) << spec.attempt_id;
    return status;
  }
  // Until the program itself has begun; the state is RUNNING a moment earlier.
  void AwaitStart(const AttemptSpec& spec) {
    while (harness_.Starts(spec) == 0 && harness_.Pass()) {
    }
    Await(spec, AttemptState::kRunning);
  }
  ExitRecord AwaitExit(const AttemptSpec& spec) {
    return Await(spec, AttemptState::kExited).exit.value_or(ExitRecord{});
  }
  void Launch(const AttemptSpec& spec) {
    const Status launched = harness_.executor().Launch(spec);
    ASSERT_TRUE(launched.ok()) << launched.error().ToString();
  }
  void Cancel(const AttemptSpec& spec) {
    ASSERT_TRUE(harness_.executor().Cancel(spec.attempt_id, spec.directory).ok());
  }

  Harness harness_;
};

TYPED_TEST_SUITE_P(ExecutorContract);

TYPED_TEST_P(ExecutorContract, WhatWasNeverLaunchedIsUnknown) {
  EXPECT_EQ(this->Poll(this->harness_.Make(Behaviour::kSucceeds)).state, AttemptState::kUnknown);
}

TYPED_TEST_P(ExecutorContract, AProgramThatExitsZeroSucceeded) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kSucceeds);
  this->Launch(spec);
  EXPECT_NE(this->Poll(spec).state, AttemptState::kUnknown);
  const ExitRecord exit = this->AwaitExit(spec);
  EXPECT_TRUE(exit.succeeded());
  EXPECT_EQ(exit.signal, 0);
  EXPECT_FALSE(exit.canceled || exit.timed_out);
  EXPECT_LE(exit.started, exit.ended);
  EXPECT_EQ(ReadLog(spec.directory, 0, 100).value(), "hello\n");
  EXPECT_EQ(ReadLog(spec.directory, 2, 3).value(), "llo");
  EXPECT_EQ(ReadLog(spec.directory, 99, 3).value(), "");
  EXPECT_EQ(ReadLogTail(spec.directory, 3).value(), "lo\n");
}

TYPED_TEST_P(ExecutorContract, TheExitCodeIsKept) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kExitsWith3);
  this->Launch(spec);
  const ExitRecord exit = this->AwaitExit(spec);
  EXPECT_EQ(exit.exit_code, 3);
  EXPECT_FALSE(exit.succeeded());
}

TYPED_TEST_P(ExecutorContract, TheSignalIsKept) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kKilledBySegv);
  this->Launch(spec);
  const ExitRecord exit = this->AwaitExit(spec);
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_EQ(exit.exit_code, -1);
}

TYPED_TEST_P(ExecutorContract, AProgramThatCannotStartSaysWhy) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kCannotStart);
  this->Launch(spec);
  const ExitRecord exit = this->AwaitExit(spec);
  EXPECT_NE(exit.failure, "");
  EXPECT_EQ(exit.failure_errno, ENOENT);
  EXPECT_EQ(exit.exit_code, -1);
  EXPECT_FALSE(exit.succeeded());
}

TYPED_TEST_P(ExecutorContract, LaunchingAgainWhileItRunsDoesNothing) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kRunsForever);
  this->Launch(spec);
  this->Launch(spec);
  this->AwaitStart(spec);
  this->Launch(spec);
  this->Cancel(spec);
  this->AwaitExit(spec);
  EXPECT_EQ(this->harness_.Starts(spec), 1);
}

TYPED_TEST_P(ExecutorContract, LaunchingAgainAfterItEndedDoesNothing) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kSucceeds);
  this->Launch(spec);
  const ExitRecord first = this->AwaitExit(spec);
  this->Launch(spec);
  EXPECT_EQ(this->AwaitExit(spec).ended, first.ended);
  EXPECT_EQ(this->harness_.Starts(spec), 1);
}

TYPED_TEST_P(ExecutorContract, EightLaunchesAtOnceStartItOnce) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kSucceeds);
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] { failed += this->harness_.executor().Launch(spec).ok() ? 0 : 1; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_TRUE(this->AwaitExit(spec).succeeded());
  EXPECT_EQ(this->harness_.Starts(spec), 1);
}

TYPED_TEST_P(ExecutorContract, ARestartedControlPlaneFindsWhatRunsAndWhatEnded) {
  const AttemptSpec running = this->harness_.Make(Behaviour::kRunsForever);
  const AttemptSpec ended = this->harness_.Make(Behaviour::kExitsWith3);
  this->Launch(running);
  this->Launch(ended);
  this->AwaitStart(running);
  this->harness_.Restart();
  EXPECT_EQ(this->Poll(running).state, AttemptState::kRunning);
  EXPECT_EQ(this->AwaitExit(ended).exit_code, 3);
  this->Launch(running);
  this->Cancel(running);
  EXPECT_TRUE(this->AwaitExit(running).canceled);
  EXPECT_EQ(this->harness_.Starts(running), 1);
}

TYPED_TEST_P(ExecutorContract, ATimeoutEndsIt) {
  AttemptSpec spec = this->harness_.Make(Behaviour::kRunsForever);
  spec.timeout = std::chrono::milliseconds(100);
  this->Launch(spec);
  const ExitRecord exit = this->AwaitExit(spec);
  EXPECT_TRUE(exit.timed_out);
  EXPECT_FALSE(exit.canceled);
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_GE(exit.ended - exit.started, std::chrono::milliseconds(100));
}

TYPED_TEST_P(ExecutorContract, WhatIgnoresSigtermIsKilledAfterItsGrace) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kIgnoresTerm);
  this->Launch(spec);
  this->AwaitStart(spec);
  this->Cancel(spec);
  this->Cancel(spec);
  const ExitRecord exit = this->AwaitExit(spec);
  EXPECT_TRUE(exit.canceled);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_GE(exit.ended - exit.started, spec.grace);
}

TYPED_TEST_P(ExecutorContract, WhatWasCanceledBeforeItsLaunchNeverRuns) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kSucceeds);
  this->Cancel(spec);
  EXPECT_TRUE(this->AwaitExit(spec).canceled);
  this->Launch(spec);
  const ExitRecord exit = this->AwaitExit(spec);
  EXPECT_TRUE(exit.canceled);
  EXPECT_FALSE(exit.succeeded());
  EXPECT_EQ(this->harness_.Starts(spec), 0);
}

TYPED_TEST_P(ExecutorContract, CancelingWhatEndedChangesNothing) {
  const AttemptSpec spec = this->harness_.Make(Behaviour::kSucceeds);
  this->Launch(spec);
  this->AwaitExit(spec);
  this->Cancel(spec);
  EXPECT_TRUE(this->AwaitExit(spec).succeeded());
}

TYPED_TEST_P(ExecutorContract, ASpecThatCanNeverStartIsRefused) {
  const AttemptSpec good = this->harness_.Make(Behaviour::kSucceeds);
  std::vector<AttemptSpec> bad(6, good);
  bad[0].argv.clear();
  bad[1].directory = "relative";
  bad[2].environment["A=B"] = "c";
  bad[3].argv.push_back(std::string("a\0b", 3));
  bad[4].attempt_id = "../escape";
  bad[5].limits.memory_bytes = -1;
  for (const AttemptSpec& spec : bad) {
    const Status launched = this->harness_.executor().Launch(spec);
    ASSERT_FALSE(launched.ok());
    EXPECT_EQ(launched.error().code, Code::kInvalidArgument) << launched.error().ToString();
  }
  EXPECT_EQ(this->Poll(good).state, AttemptState::kUnknown);
}

TYPED_TEST_P(ExecutorContract, AChangeWakes) {
  std::atomic<int> wakes = 0;
  this->harness_.executor().OnChange([&] { ++wakes; });
  const AttemptSpec spec = this->harness_.Make(Behaviour::kSucceeds);
  this->Launch(spec);
  while (wakes == 0 && this->harness_.Pass()) {
  }
  EXPECT_GT(wakes, 0);
  this->AwaitExit(spec);
  this->harness_.executor().OnChange(nullptr);
}

REGISTER_TYPED_TEST_SUITE_P(ExecutorContract, WhatWasNeverLaunchedIsUnknown, AProgramThatExitsZeroSucceeded,
                            TheExitCodeIsKept, TheSignalIsKept, AProgramThatCannotStartSaysWhy,
                            LaunchingAgainWhileItRunsDoesNothing, LaunchingAgainAfterItEndedDoesNothing,
                            EightLaunchesAtOnceStartItOnce, ARestartedControlPlaneFindsWhatRunsAndWhatEnded,
                            ATimeoutEndsIt, WhatIgnoresSigtermIsKilledAfterItsGrace,
                            WhatWasCanceledBeforeItsLaunchNeverRuns, CancelingWhatEndedChangesNothing,
                            ASpecThatCanNeverStartIsRefused, AChangeWakes);

}  // namespace mw::exec
