// The policies of a run, one sentence each: snapshot in, actions out.
#include "pipelines/plan.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace mw::pipelines {
namespace {

using enum TaskState;
using jobs::Outcome;

const Timestamp kNow = FromMicros(1'000'000'000);

std::string_view Verb(ActionKind kind) {
  switch (kind) {
    case ActionKind::kAdmit: return "admit";
    case ActionKind::kResolve: return "resolve";
    case ActionKind::kReuse: return "reuse";
    case ActionKind::kLaunch: return "launch";
    case ActionKind::kRelaunch: return "relaunch";
    case ActionKind::kMarkRunning: return "mark_running";
    case ActionKind::kCollect: return "collect";
    case ActionKind::kRetry: return "retry";
    case ActionKind::kFail: return "fail";
    case ActionKind::kStop: return "stop";
    case ActionKind::kSignal: return "signal";
    case ActionKind::kCanceled: return "canceled";
    case ActionKind::kSkip: return "skip";
    case ActionKind::kAwaitCapacity: return "await";
    case ActionKind::kFinish: return "finish";
  }
  return "";
}

/// A run of steps a, b, c, ... whose tasks are in the given states.
class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    Add("a", {});
    Add("b", {"a"});
    Add("c", {"a"});
  }

  Step& Add(const std::string& name, std::vector<std::string> after) {
    Step step;
    step.name = name;
    step.after = std::move(after);
    graph_.steps.push_back(std::move(step));
    tasks_.emplace_back();
    tasks_.back().lookup = Lookup::kMiss;
    return graph_.steps.back();
  }

  TaskView& Task(char name) { return tasks_[static_cast<std::size_t>(name - 'a')]; }
  Step& StepOf(char name) { return graph_.steps[static_cast<std::size_t>(name - 'a')]; }

  void Attempt(char name, jobs::ActionKind kind, Outcome outcome = Outcome::kNone, std::string message = "") {
    jobs::Action action;
    action.kind = kind;
    action.ending.outcome = outcome;
    action.ending.message = std::move(message);
    Task(name).attempt = action;
  }

  void Ended(char name, Outcome outcome, std::string message = "") {
    Attempt(name, jobs::ActionKind::kEnd, outcome, std::move(message));
  }

  RunSnapshot Snapshot() {
    wiring_ = WiringOf(graph_);
    return {graph_, wiring_, run_, busy_, may_start_, tasks_, free_, capacity_};
  }

  /// "launch a; skip b"
  std::string Next() {
    actions_ = NextActions(Snapshot(), kNow);
    std::vector<std::string> words;
    for (const Action& action : actions_) {
      const bool of_run = action.kind == ActionKind::kAdmit || action.kind == ActionKind::kFinish;
      words.push_back(Cat(Verb(action.kind), " ", of_run ? Name(action.run_state) : graph_.steps[action.task].name));
    }
    return Join(words, "; ");
  }

  Graph graph_;
  Wiring wiring_;
  RunState run_ = RunState::kRunning;
  bool busy_ = false;
  bool may_start_ = true;
  std::vector<TaskView> tasks_;
  Resources free_{4, 0};
  Resources capacity_{4, 0};
  std::vector<Action> actions_;
};

// A queued run starts, unless its pipeline runs as often as its quota allows.
TEST_F(PlanTest, QueuedRunsStartWithinTheirQuota) {
  run_ = RunState::kQueued;
  EXPECT_EQ(Next(), "admit running");
  may_start_ = false;
  EXPECT_EQ(Next(), "");
}

// While a transition of the run is being committed nothing else is decided.
TEST_F(PlanTest, NothingHappensWhileTheRunIsBusy) {
  busy_ = true;
  EXPECT_EQ(Next(), "");
}

// Only steps whose inputs are there start; the cache is asked first.
TEST_F(PlanTest, AStepStartsWhenAllBeforeItSucceeded) {
  Task('a').lookup = Lookup::kNone;
  EXPECT_EQ(Next(), "resolve a");
  Task('a').lookup = Lookup::kMiss;
  EXPECT_EQ(Next(), "launch a");
  Task('a').state = kRunning;
  Attempt('a', jobs::ActionKind::kWait);
  EXPECT_EQ(Next(), "");
  Task('a').state = kSucceeded;
  EXPECT_EQ(Next(), "launch b; launch c");
  Task('a').state = kCached;
  EXPECT_EQ(Next(), "launch b; launch c");
}

// A hit is reused; a step whose twin is running waits for it.
TEST_F(PlanTest, TheCacheDecidesBetweenReuseAndWaiting) {
  Task('a').lookup = Lookup::kHit;
  EXPECT_EQ(Next(), "reuse a");
  Task('a').lookup = Lookup::kTwin;
  EXPECT_EQ(Next(), "");
}

// A task with an action under way, or held after a fault of ours, is left alone.
TEST_F(PlanTest, BusyAndHeldTasksAreLeftAlone) {
  Task('a').busy = true;
  EXPECT_EQ(Next(), "");
  Task('a').busy = false;
  Task('a').hold_until = kNow + Duration(1);
  EXPECT_EQ(Next(), "");
  EXPECT_EQ(NextDeadline(Snapshot(), kNow), kNow + Duration(1));
}

// Steps share the pool; one that does not fit waits, and nothing after it overtakes it.
TEST_F(PlanTest, NobodyOvertakesAStepThatWaitsForCapacity) {
  Task('a').state = kSucceeded;
  StepOf('b').resources.cpu = 3;
  free_ = {2, 0};
  EXPECT_EQ(Next(), "await b");
  free_ = {3.5, 0};
  EXPECT_EQ(Next(), "launch b; await c");
  free_ = {4, 0};
  EXPECT_EQ(Next(), "launch b; launch c");
}

// Who asks for more than the machine has gets all of it, alone.
TEST_F(PlanTest, AStepLargerThanTheMachineRunsAlone) {
  Task('a').state = kSucceeded;
  StepOf('b').resources = {64, std::int64_t{1} << 40};
  capacity_ = free_ = {4, 1000};
  EXPECT_EQ(Next(), "launch b; await c");
  free_ = {3, 1000};
  EXPECT_EQ(Next(), "await b");
}

// Memory is admitted like cores; steps that claim none always fit.
TEST_F(PlanTest, MemoryIsAdmittedToo) {
  Task('a').state = kSucceeded;
  StepOf('b').resources.memory_bytes = 600;
  StepOf('c').resources.memory_bytes = 600;
  capacity_ = free_ = {4, 1000};
  EXPECT_EQ(Next(), "launch b; await c");
  StepOf('c').resources.memory_bytes = 0;
  EXPECT_EQ(Next(), "launch b; launch c");
}

// What an attempt needs is done: started again after a crash, marked, collected.
TEST_F(PlanTest, AnAttemptIsSeenThrough) {
  Task('a').state = kLaunching;
  Attempt('a', jobs::ActionKind::kLaunch);
  EXPECT_EQ(Next(), "relaunch a");
  Attempt('a', jobs::ActionKind::kMarkRunning);
  EXPECT_EQ(Next(), "mark_running a");
  Task('a').state = kRunning;
  EXPECT_EQ(Next(), "") << "it is marked already";
  Ended('a', Outcome::kSucceeded);
  EXPECT_EQ(Next(), "collect a");
  Task('a').state = kLaunching;
  EXPECT_EQ(Next(), "collect a") << "it ended before it was seen running";
}

// A failure is retried with a doubling pause while the budget lasts; then the step has failed.
TEST_F(PlanTest, FailuresAreRetriedWithBackoff) {
  StepOf('a').retries = 2;
  StepOf('a').backoff = std::chrono::seconds(10);
  Task('a').state = kRunning;
  Ended('a', Outcome::kFailedRetryable, "no route to host");
  EXPECT_EQ(Next(), "retry a");
  EXPECT_EQ(actions_[0].not_before, kNow + std::chrono::seconds(10));
  EXPECT_EQ(actions_[0].cause, "no route to host");
  Task('a').outcomes = {Outcome::kFailedRetryable};
  EXPECT_EQ(Next(), "retry a");
  EXPECT_EQ(actions_[0].not_before, kNow + std::chrono::seconds(20));
  Task('a').outcomes = {Outcome::kFailedRetryable, Outcome::kTimedOut};
  EXPECT_EQ(Next(), "fail a");
}

// A task in backoff waits for its time, then goes through the cache again.
TEST_F(PlanTest, BackoffEndsAtItsTime) {
  Task('a').state = kBackoff;
  Task('a').not_before = kNow + Duration(5);
  EXPECT_EQ(Next(), "");
  EXPECT_EQ(NextDeadline(Snapshot(), kNow), kNow + Duration(5));
  Task('a').not_before = kNow;
  EXPECT_EQ(Next(), "launch a");
  Task('a').lookup = Lookup::kNone;
  EXPECT_EQ(Next(), "resolve a");
}

// Bad input and a refused gate are final at once, whatever the budget.
TEST_F(PlanTest, BadInputIsNeverRetried) {
  StepOf('a').retries = 9;
  Task('a').state = kRunning;
  Ended('a', Outcome::kFailedFinal, "no column temp");
  EXPECT_EQ(Next(), "fail a");
  EXPECT_EQ(actions_[0].cause, "no column temp");
}

// A lost attempt is not the program's fault: retried at once, even without retries, but not for ever.
TEST_F(PlanTest, LossesHaveABudgetOfTheirOwn) {
  Task('a').state = kRunning;
  Ended('a', Outcome::kLost);
  EXPECT_EQ(Next(), "retry a");
  EXPECT_EQ(actions_[0].not_before, kNow);
  Task('a').outcomes.assign(kLostRetries, Outcome::kLost);
  EXPECT_EQ(Next(), "fail a");
}

// fail_fast: at the first failure what waits is skipped and what runs is stopped; what has ended is kept.
TEST_F(PlanTest, FailFastStopsTheRest) {
  Add("d", {});
  Add("e", {});
  Task('a').state = kFailed;
  Task('d').state = kRunning;
  Attempt('d', jobs::ActionKind::kWait);
  Task('e').state = kRunning;
  Ended('e', Outcome::kSucceeded);
  EXPECT_EQ(Next(), "skip b; skip c; stop d; collect e");
  EXPECT_EQ(actions_[0].cause, "step a failed and on_failure is fail_fast");
}

// fail_slow: only what needed the failed step is skipped; the rest goes on.
TEST_F(PlanTest, FailSlowGoesOnElsewhere) {
  graph_.on_failure = FailurePolicy::kFailSlow;
  Add("d", {});
  Add("e", {"b"});
  Task('a').state = kFailed;
  EXPECT_EQ(Next(), "skip b; skip c; launch d");
  Task('b').state = kSkipped;
  Task('c').state = kSkipped;
  Task('d').state = kSucceeded;
  EXPECT_EQ(Next(), "skip e") << "a skipped step stops what needs it";
}

// Cancel: nothing new starts, waiting tasks end, running ones are stopped, signaled and recorded.
TEST_F(PlanTest, CancelingEndsEverything) {
  run_ = RunState::kCanceling;
  Task('a').state = kRunning;
  Attempt('a', jobs::ActionKind::kWait);
  Task('b').state = kBackoff;
  EXPECT_EQ(Next(), "stop a; canceled b; canceled c");
  Task('b').state = Task('c').state = kCanceled;
  Task('a').state = kCanceling;
  Attempt('a', jobs::ActionKind::kCancel);
  EXPECT_EQ(Next(), "signal a");
  Ended('a', Outcome::kCanceled);
  EXPECT_EQ(Next(), "canceled a");
}

// An attempt that succeeded before it could be stopped has succeeded.
TEST_F(PlanTest, CancelKeepsWhatIsFinished) {
  run_ = RunState::kCanceling;
  Task('a').state = kRunning;
  Ended('a', Outcome::kSucceeded);
  EXPECT_EQ(Next(), "collect a; canceled b; canceled c");
}

// When every task is final and nothing is under way, the run ends with the worst of them.
TEST_F(PlanTest, ARunEndsWithItsTasks) {
  Task('a').state = kSucceeded;
  Task('b').state = kCached;
  Task('c').state = kSucceeded;
  Task('c').busy = true;
  EXPECT_EQ(Next(), "");
  Task('c').busy = false;
  EXPECT_EQ(Next(), "finish succeeded");
  Task('c').state = kFailed;
  Task('c').failure = "no column temp";
  EXPECT_EQ(Next(), "finish failed");
  EXPECT_EQ(actions_[0].cause, "step c failed: no column temp");
  Task('c').state = kCanceled;
  run_ = RunState::kCanceling;
  EXPECT_EQ(Next(), "finish canceled");
}

// Every action that changes a task's state is an arrow of the diagram.
TEST(RunStates, FinalIsFinalAndSuccessIsForEver) {
  for (int from = 0; from < 10; ++from) {
    const auto state = static_cast<TaskState>(from);
    EXPECT_EQ(TaskStateFromName(Name(state)), state);
    for (int to = 0; to < 10; ++to) {
      const bool legal = Legal(state, static_cast<TaskState>(to));
      EXPECT_TRUE(!IsDone(state) || !legal) << from << " -> " << to;
      EXPECT_TRUE(!IsFinal(state) || IsDone(state) || legal == (to == 0)) << from << " -> " << to;
    }
  }
  for (int from = 0; from < 6; ++from)
    EXPECT_EQ(RunStateFromName(Name(static_cast<RunState>(from))), static_cast<RunState>(from));
}

}  // namespace
}  // namespace mw::pipelines
