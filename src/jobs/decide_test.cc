// The decision tables of one attempt, and the delays between attempts.
#include "jobs/decide.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cerrno>

#include "base/text.h"

namespace mw::jobs {
namespace {

const Timestamp kNow = FromMicros(1'700'000'000'000'000);

Attempt InState(State state, bool cancel_requested = false) {
  Attempt attempt;
  attempt.id = AttemptId("a1");
  attempt.state = state;
  attempt.cancel_requested = cancel_requested;
  attempt.spec.directory = "/runs/a1";
  attempt.spec.timeout = std::chrono::seconds(90);
  return attempt;
}

exec::ExitRecord ExitWith(int code) {
  exec::ExitRecord exit;
  exit.exit_code = code;
  exit.ended = kNow;
  return exit;
}

struct Row {
  State state;
  bool cancel_requested;
  exec::AttemptState seen;
  ActionKind expected;
};

TEST(Decide, FollowsTheTable) {
  using S = exec::AttemptState;
  const Row rows[] = {
      {State::kLaunching, false, S::kUnknown, ActionKind::kLaunch},
      {State::kLaunching, false, S::kStarting, ActionKind::kWait},
      {State::kLaunching, false, S::kRunning, ActionKind::kMarkRunning},
      {State::kLaunching, false, S::kExited, ActionKind::kEnd},  // it was faster than we looked
      {State::kLaunching, false, S::kLost, ActionKind::kEnd},
      {State::kLaunching, true, S::kUnknown, ActionKind::kCancel},  // never launched once it is canceled
      {State::kLaunching, true, S::kStarting, ActionKind::kCancel},
      {State::kLaunching, true, S::kRunning, ActionKind::kCancel},
      {State::kLaunching, true, S::kExited, ActionKind::kEnd},
      {State::kRunning, false, S::kUnknown, ActionKind::kEnd},  // its directory is gone
      {State::kRunning, false, S::kStarting, ActionKind::kWait},
      {State::kRunning, false, S::kRunning, ActionKind::kWait},
      {State::kRunning, false, S::kExited, ActionKind::kEnd},
      {State::kRunning, false, S::kLost, ActionKind::kEnd},
      {State::kRunning, true, S::kUnknown, ActionKind::kEnd},
      {State::kRunning, true, S::kRunning, ActionKind::kCancel},
      {State::kRunning, true, S::kExited, ActionKind::kEnd},
      {State::kRunning, true, S::kLost, ActionKind::kEnd},
      {State::kEnded, false, S::kRunning, ActionKind::kWait},
      {State::kEnded, true, S::kExited, ActionKind::kWait},
  };
  for (const Row& row : rows) {
    exec::AttemptStatus status{row.seen, {}};
    if (row.seen == S::kExited) status.exit = ExitWith(0);
    const Action action = Decide(InState(row.state, row.cancel_requested), status, kNow, "");
    EXPECT_EQ(action.kind, row.expected) << StateName(row.state) << " cancel " << row.cancel_requested << " seen "
                                         << static_cast<int>(row.seen);
    if (action.kind == ActionKind::kEnd) {
      EXPECT_NE(action.ending.outcome, Outcome::kNone);
    }
  }
}

TEST(Decide, EveryArrowItAsksForIsLegal) {
  EXPECT_TRUE(IsLegal(State::kLaunching, State::kRunning));
  EXPECT_TRUE(IsLegal(State::kLaunching, State::kEnded));
  EXPECT_TRUE(IsLegal(State::kRunning, State::kEnded));
  EXPECT_FALSE(IsLegal(State::kRunning, State::kLaunching));
  EXPECT_FALSE(IsLegal(State::kEnded, State::kRunning));
  EXPECT_FALSE(IsLegal(State::kEnded, State::kEnded));
}

TEST(Classify, ExitCodes) {
  EXPECT_EQ(Classify(ExitWith(0)), Outcome::kSucceeded);
  EXPECT_EQ(Classify(ExitWith(1)), Outcome::kFailedRetryable);
  EXPECT_EQ(Classify(ExitWith(2)), Outcome::kFailedFinal);
  EXPECT_EQ(Classify(ExitWith(3)), Outcome::kFailedFinal);
  EXPECT_EQ(Classify(ExitWith(4)), Outcome::kFailedRetryable);
  EXPECT_EQ(Classify(ExitWith(255)), Outcome::kFailedRetryable);
}

TEST(Classify, WhatWasDoneToItCountsMoreThanItsCode) {
  exec::ExitRecord exit = ExitWith(0);
  exit.timed_out = true;
  EXPECT_EQ(Classify(exit), Outcome::kTimedOut);
  exit.canceled = true;
  EXPECT_EQ(Classify(exit), Outcome::kCanceled);
  exit = ExitWith(-1);
  exit.signal = SIGKILL;
  EXPECT_EQ(Classify(exit), Outcome::kFailedRetryable);
  exit = ExitWith(-1);
  exit.failure = "cannot run x";
  exit.failure_errno = ENOENT;
  EXPECT_EQ(Classify(exit), Outcome::kFailedFinal);
  exit.failure_errno = EAGAIN;
  EXPECT_EQ(Classify(exit), Outcome::kFailedRetryable);
}

std::string MessageOf(const exec::ExitRecord& exit, std::string_view last_line) {
  return Decide(InState(State::kRunning), {exec::AttemptState::kExited, exit}, kNow, last_line).ending.message;
}

TEST(Decide, MessagesSayWhatAPersonNeeds) {
  EXPECT_EQ(MessageOf(ExitWith(0), "fine"), "");
  EXPECT_EQ(MessageOf(ExitWith(2), "column \"x\" is missing"), "column \"x\" is missing");
  EXPECT_EQ(MessageOf(ExitWith(1), ""), "exit code 1");
  exec::ExitRecord exit = ExitWith(-1);
  exit.signal = SIGSEGV;
  EXPECT_EQ(MessageOf(exit, "reading"), "ended by SIGSEGV; its last output: reading");
  exit.signal = SIGTERM;
  exit.timed_out = true;
  EXPECT_EQ(MessageOf(exit, ""), "ran longer than its timeout of 1m 30s");
  exit.canceled = true;
  EXPECT_EQ(MessageOf(exit, "stopping"), "canceled");
}

TEST(RetryDelay, FailuresAndTimeoutsShareABudgetAndBackOff) {
  using O = Outcome;
  const RetryPolicy policy{.retries = 3, .backoff = std::chrono::seconds(10), .backoff_max = std::chrono::seconds(25)};
  const std::vector<O> outcomes = {O::kFailedRetryable, O::kTimedOut, O::kFailedRetryable, O::kFailedRetryable};
  const std::span all(outcomes);
  EXPECT_EQ(RetryDelay(policy, all.first(0)), Duration(0));
  EXPECT_EQ(RetryDelay(policy, all.first(1)), std::chrono::seconds(10));
  EXPECT_EQ(RetryDelay(policy, all.first(2)), std::chrono::seconds(20));
  EXPECT_EQ(RetryDelay(policy, all.first(3)), std::chrono::seconds(25));
  EXPECT_EQ(RetryDelay(policy, all.first(4)), std::nullopt);
}

TEST(RetryDelay, LossesHaveABudgetOfTheirOwnAndDoNotWait) {
  using O = Outcome;
  const RetryPolicy policy{.retries = 1, .lost_retries = 2};
  const auto delay = [&](std::vector<O> outcomes) { return RetryDelay(policy, outcomes); };
  EXPECT_EQ(delay({O::kLost}), Duration(0));
  EXPECT_EQ(delay({O::kLost, O::kLost}), Duration(0));
  EXPECT_EQ(delay({O::kLost, O::kLost, O::kLost}), std::nullopt);
  EXPECT_EQ(delay({O::kLost, O::kLost, O::kFailedRetryable}), std::chrono::seconds(1));
  EXPECT_EQ(delay({O::kFailedRetryable, O::kLost}), Duration(0));
  EXPECT_EQ(delay({O::kFailedRetryable, O::kLost, O::kFailedRetryable}), std::nullopt);
}

TEST(RetryDelay, WhatIsFinalIsNeverRetried) {
  const RetryPolicy policy{.retries = 9};
  for (const Outcome outcome : {Outcome::kSucceeded, Outcome::kFailedFinal, Outcome::kCanceled}) {
    EXPECT_EQ(RetryDelay(policy, std::vector{outcome}), std::nullopt) << OutcomeName(outcome);
  }
}

TEST(LastLine, IsTheLastThatIsNotBlankAndFitForAMessage) {
  EXPECT_EQ(LastLine(""), "");
  EXPECT_EQ(LastLine("\n \n"), "");
  EXPECT_EQ(LastLine("a\nb"), "b");
  EXPECT_EQ(LastLine("a\n  b \n\n"), "b");
  EXPECT_EQ(LastLine("10%\r20%\r"), "20%");
  EXPECT_EQ(LastLine("sp\xc3\xa4t"), "sp\xc3\xa4t");
  EXPECT_EQ(LastLine("sp\xe4t"), "sp?t");
  EXPECT_EQ(LastLine(std::string_view("a\0b\x1b[0m", 7)), "a?b?[0m");
  EXPECT_EQ(LastLine(std::string(600, 'x')).size(), 500U);
}

TEST(StepEnvironmentTest, HoldsWhatAStepNeedsAndNoSecret) {
  const auto environment =
      StepEnvironment({AttemptId("a1"), "r1", "/runs/a1", "http://127.0.0.1:5000", "/usr/bin:/bin"});
  const std::map<std::string, std::string> expected = {{"MILLWRIGHT_URL", "http://127.0.0.1:5000"},
                                                       {"MILLWRIGHT_RUN_ID", "r1"},
                                                       {"MILLWRIGHT_ATTEMPT_ID", "a1"},
                                                       {"PATH", "/usr/bin:/bin"},
                                                       {"HOME", "/runs/a1/work"},
                                                       {"TMPDIR", "/runs/a1/tmp"},
                                                       {"LANG", "C.UTF-8"},
                                                       {"OMP_WAIT_POLICY", "passive"}};
  EXPECT_EQ(environment, expected);
}

}  // namespace
}  // namespace mw::jobs
