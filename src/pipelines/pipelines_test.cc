// Runs from submission to their end on simulated time: cache, retries, failure policies, cancel, retry, quota, plan.
#include "pipelines/pipelines.h"

#include <gtest/gtest.h>

#include "pipelines/simulated_machine.h"

namespace mw::pipelines {
namespace {

using std::chrono::seconds;

/// Each step lasts ten seconds and writes what it read with its name before it.
exec::FakeRun Copying(const SimulatedAttempt& attempt) {
  return {.lasts = seconds(10), .effect = [attempt] {
            attempt.Write("out", Cat(attempt.step, "(", attempt.Read("in"), ")"));
            attempt.Result(R"({"summary":"copied","metrics":{"rows":3,"none":null}})");
          }};
}

constexpr const char* kThree = R"(pipeline: three
params: {text: x}
steps:
  a: {run: [cat, "{params.text}", query.txt], outputs: {out: file}}
  b: {run: [cat, "{inputs.in}"], inputs: {in: a.out}, outputs: {out: file}}
  c: {run: [cat, "{inputs.in}"], inputs: {in: b.out}, outputs: {out: file}}
)";

std::string Content(SimulatedMachine& machine, const RunId& run, std::string_view step) {
  const TaskRecord task = machine.TaskOf(run, step);
  if (task.outputs.empty()) return "(none)";
  return machine.blobs.Get(task.outputs[0].artifact.digest, 1000).value_or("(no blob)");
}

TEST(Pipelines, ARunGoesThroughItsSteps) {
  SimulatedMachine machine(1, Copying);
  const Timestamp begin = machine.clock.Now();
  const RunId run = machine.Submit(kThree);
  EXPECT_EQ(machine.StateOf(run), RunState::kQueued);
  EXPECT_EQ(machine.Finish(run), RunState::kSucceeded);
  EXPECT_EQ(machine.clock.Now() - begin, seconds(30)) << "nothing but the steps takes time";
  EXPECT_EQ(machine.Tasks(run), "a=succeeded b=succeeded c=succeeded");
  EXPECT_EQ(Content(machine, run, "c"), "c(b(a((no input))))");
  const TaskRecord task = machine.TaskOf(run, "b");
  EXPECT_EQ(task.summary, "copied");
  EXPECT_EQ(task.metrics.Dump(), R"({"rows":3})");
  EXPECT_EQ(task.ended - task.started, seconds(10));
  EXPECT_EQ(task.attempts, 1);
  EXPECT_FALSE(task.outputs[0].artifact.lineage_id.empty());
  EXPECT_TRUE(machine.tokens.open.empty()) << "tokens end with their attempts";
  EXPECT_EQ(machine.recorder.ended[run.text()], std::vector{RunState::kSucceeded});
  const RunDetails details = machine.Get(run);
  EXPECT_EQ(details.tasks[0].attempts.size(), 1U);
  EXPECT_EQ(details.tasks[0].attempts[0].spec.environment.at("MILLWRIGHT_RUN_ID"), run.text());
  EXPECT_FALSE(std::filesystem::exists(details.tasks[0].directory + "/outputs")) << "the blob store has them";
  EXPECT_TRUE(std::filesystem::exists(details.tasks[0].directory + "/TASK.json"));
}

TEST(Pipelines, LineageLeadsFromAnOutputToEverythingItCameFrom) {
  SimulatedMachine machine(1, Copying);
  machine.WriteBase("query.txt", "select 1");
  const RunId run = machine.Submit(kThree);
  machine.Finish(run);
  const lineage::ArtifactId last(machine.TaskOf(run, "c").outputs[0].artifact.lineage_id);
  const auto upstream = machine.loop.Wait(
      machine.database.Read([last](db::Snapshot& snapshot) { return lineage::Lineage::Upstream(snapshot, last); }));
  ASSERT_TRUE(upstream.ok()) << upstream.error().ToString();
  EXPECT_EQ(upstream->executions.size(), 3U);
  EXPECT_EQ(upstream->artifacts.size(), 4U) << "three outputs and query.txt";
}

TEST(Pipelines, UnchangedStepsAreReusedAndAMissIsExplained) {
  SimulatedMachine machine(1, Copying);
  machine.WriteBase("query.txt", "select 1");
  const RunId first = machine.Submit(kThree);
  machine.Finish(first);
  const RunId second = machine.Submit(kThree);
  EXPECT_EQ(machine.Finish(second), RunState::kSucceeded);
  EXPECT_EQ(machine.Tasks(second), "a=cached b=cached c=cached");
  EXPECT_EQ(machine.launched.size(), 3U);
  EXPECT_EQ(Content(machine, second, "c"), "c(b(a((no input))))");
  const TaskRecord reused = machine.TaskOf(second, "b");
  EXPECT_EQ(reused.reused_from, first.text());
  EXPECT_EQ(reused.summary, "copied");
  EXPECT_NE(reused.cache_report.find("reused: same code, options, files and inputs"), std::string::npos);

  machine.WriteBase("query.txt", "select 2");
  const RunId third = machine.Submit(kThree);
  machine.Finish(third);
  EXPECT_EQ(machine.Tasks(third), "a=succeeded b=cached c=cached") << "a made the same output again";
  EXPECT_NE(machine.TaskOf(third, "a").cache_report.find("file query.txt changed since run"), std::string::npos)
      << machine.TaskOf(third, "a").cache_report;

  const RunId fourth = machine.Submit(kThree, {{"text", "y"}});
  machine.Finish(fourth);
  EXPECT_NE(
      machine.TaskOf(fourth, "a").cache_report.find(R"(run was ["cat","x","query.txt"], is ["cat","y","query.txt"])"),
      std::string::npos)
      << machine.TaskOf(fourth, "a").cache_report;
}

// W13: a hit although the artifacts were deleted.
TEST(Pipelines, DeletedOutputsAreNoHit) {
  SimulatedMachine machine(1, Copying);
  const RunId first = machine.Submit(kThree);
  machine.Finish(first);
  ASSERT_TRUE(machine.blobs.Delete(machine.TaskOf(first, "b").outputs[0].artifact.digest).ok());
  const RunId second = machine.Submit(kThree);
  EXPECT_EQ(machine.Finish(second), RunState::kSucceeded);
  EXPECT_EQ(machine.Tasks(second), "a=cached b=succeeded c=cached");
  EXPECT_NE(machine.TaskOf(second, "b").cache_report.find("were deleted"), std::string::npos);
}

// A file that changed while the step ran: its outputs are no answer for either version of the file.
TEST(Pipelines, ResultsOfChangingFilesAreNotReused) {
  SimulatedMachine* world = nullptr;
  SimulatedMachine machine(1, [&world](const SimulatedAttempt& attempt) {
    exec::FakeRun run = Copying(attempt);
    run.effect = [effect = run.effect, world, attempt] {
      effect();
      if (attempt.step == "a") world->WriteBase("query.txt", Cat("changed by ", attempt.id));
    };
    return run;
  });
  world = &machine;
  machine.WriteBase("query.txt", "select 1");
  machine.Finish(machine.Submit(kThree));
  machine.WriteBase("query.txt", "select 1");
  const RunId second = machine.Submit(kThree);
  machine.Finish(second);
  EXPECT_EQ(machine.TaskOf(second, "a").state, TaskState::kSucceeded) << "it ran again";
}

TEST(Pipelines, TheSameWorkAtTheSameTimeIsDoneOnce) {
  SimulatedMachine machine(1, Copying);
  const RunId first = machine.Submit(kThree);
  const RunId second = machine.Submit(kThree);
  EXPECT_EQ(machine.Finish(first), RunState::kSucceeded);
  EXPECT_EQ(machine.Finish(second), RunState::kSucceeded);
  EXPECT_EQ(machine.launched.size(), 3U);
}

TEST(Pipelines, FailuresAreRetriedAfterABackoff) {
  int attempts = 0;
  SimulatedMachine machine(1, [&attempts](const SimulatedAttempt& attempt) {
    exec::FakeRun run = Copying(attempt);
    if (attempt.step == "b" && ++attempts < 3) run = {.lasts = seconds(1), .exit_code = 1, .log = "no route to host\n"};
    return run;
  });
  const std::string yaml = Cat(kThree, "defaults: {retries: 2, backoff: 10s}\n");
  const Timestamp begin = machine.clock.Now();
  const RunId run = machine.Submit(yaml);
  machine.StepFor(seconds(15));
  EXPECT_EQ(machine.TaskOf(run, "b").state, TaskState::kBackoff);
  EXPECT_EQ(machine.TaskOf(run, "b").failure, "no route to host");
  EXPECT_EQ(machine.Finish(run), RunState::kSucceeded);
  EXPECT_EQ(machine.clock.Now() - begin, seconds(10 + 1 + 10 + 1 + 20 + 10 + 10));
  EXPECT_EQ(machine.TaskOf(run, "b").attempts, 3);
}

TEST(Pipelines, AFailedRunSaysWhyAndCanBeRetried) {
  bool broken = true;
  SimulatedMachine machine(1, [&broken](const SimulatedAttempt& attempt) {
    if (attempt.step == "b" && broken) return exec::FakeRun{.exit_code = 2, .log = "no column temp\n"};
    return Copying(attempt);
  });
  const RunId run = machine.Submit(Cat(kThree, "defaults: {retries: 5}\n"));
  EXPECT_EQ(machine.Finish(run), RunState::kFailed);
  EXPECT_EQ(machine.Get(run).run.cause, "step b failed: no column temp");
  EXPECT_EQ(machine.Tasks(run), "a=succeeded b=failed c=skipped");
  EXPECT_EQ(machine.TaskOf(run, "b").attempts, 1) << "bad input is never retried";
  broken = false;
  ASSERT_TRUE(machine.loop.Wait(machine.pipelines->Retry(run)).ok());
  EXPECT_EQ(machine.Finish(run), RunState::kSucceeded);
  EXPECT_EQ(machine.launched.size(), 4U) << "a did not run again";
  EXPECT_EQ(machine.loop.Wait(machine.pipelines->Retry(run)).error().code, Code::kFailedPrecondition);
}

TEST(Pipelines, AMissingOutputFailsTheStepForGood) {
  SimulatedMachine machine(1, [](const SimulatedAttempt&) { return exec::FakeRun{}; });
  const RunId run = machine.Submit(Cat(kThree, "defaults: {retries: 5}\n"));
  EXPECT_EQ(machine.Finish(run), RunState::kFailed);
  EXPECT_NE(machine.TaskOf(run, "a").failure.find("its output out (a file,"), std::string::npos);
  EXPECT_EQ(machine.launched.size(), 1U);
}

TEST(Pipelines, CancelStopsWhatRunsAndStartsNothingMore) {
  SimulatedMachine machine(1, Copying);
  const RunId run = machine.Submit(kThree);
  machine.StepFor(seconds(12));
  EXPECT_EQ(machine.Tasks(run), "a=succeeded b=running c=waiting");
  ASSERT_TRUE(machine.loop.Wait(machine.pipelines->Cancel(run)).ok());
  EXPECT_EQ(machine.Finish(run), RunState::kCanceled);
  EXPECT_EQ(machine.Tasks(run), "a=succeeded b=canceled c=canceled");
  EXPECT_EQ(machine.executor.Running(), 0);
  EXPECT_EQ(machine.loop.Wait(machine.pipelines->Cancel(run)).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(machine.loop.Wait(machine.pipelines->Cancel(RunId("none"))).error().code, Code::kNotFound);
  ASSERT_TRUE(machine.loop.Wait(machine.pipelines->Retry(run)).ok());
  EXPECT_EQ(machine.Finish(run), RunState::kSucceeded);
}

constexpr const char* kWide = R"(pipeline: wide
on_failure: {policy: POLICY}
steps:
  bad:   {run: [x], cpu: 0.5}
  long:  {run: [x], cpu: 0.5}
  after: {run: [x], cpu: 0.5, after: [long]}
  never: {run: [x], cpu: 0.5, after: [bad]}
)";

TEST(Pipelines, FailurePoliciesDecideWhatGoesOn) {
  const auto program = [](const SimulatedAttempt& attempt) {
    return attempt.step == "bad" ? exec::FakeRun{.lasts = seconds(1), .exit_code = 2}
                                 : exec::FakeRun{.lasts = seconds(10)};
  };
  std::string yaml = kWide;
  yaml.replace(yaml.find("POLICY"), 6, "fail_slow");
  SimulatedMachine slow(1, program);
  const RunId first = slow.Submit(yaml);
  EXPECT_EQ(slow.Finish(first), RunState::kFailed);
  EXPECT_EQ(slow.Tasks(first), "bad=failed long=succeeded after=succeeded never=skipped");
  yaml.replace(yaml.find("fail_slow"), 9, "fail_fast");
  SimulatedMachine fast(1, program);
  const RunId second = fast.Submit(yaml);
  EXPECT_EQ(fast.Finish(second), RunState::kFailed);
  EXPECT_EQ(fast.Tasks(second), "bad=failed long=canceled after=skipped never=skipped");
}

TEST(Pipelines, QuotaHoldsRunsBack) {
  SimulatedMachine machine(1, Copying);
  const std::string yaml = Cat(kThree, "quota: {max_concurrent_runs: 1}\n");
  const RunId first = machine.Submit(yaml);
  const RunId second = machine.Submit(yaml, {{"text", "y"}});
  machine.StepFor(seconds(25));
  EXPECT_EQ(machine.StateOf(first), RunState::kRunning);
  EXPECT_EQ(machine.StateOf(second), RunState::kQueued);
  EXPECT_EQ(machine.Finish(second), RunState::kSucceeded);
  EXPECT_EQ(machine.StateOf(first), RunState::kSucceeded);
}

TEST(Pipelines, PlanTellsWhatARunWouldDo) {
  SimulatedMachine machine(1, Copying);
  machine.WriteBase("query.txt", "select 1");
  const auto plan = [&](Overrides overrides) {
    const auto planned = machine.loop.Wait(machine.pipelines->Plan(machine.SubmissionOf(kThree, std::move(overrides))));
    EXPECT_TRUE(planned.ok()) << planned.error().ToString();
    return *planned;
  };
  RunPlan fresh = plan({});
  EXPECT_EQ(fresh.steps[0].fate, Fate::kRuns);
  EXPECT_EQ(fresh.steps[0].why, "no earlier success of this step");
  EXPECT_EQ(fresh.steps[1].fate, Fate::kDepends);
  EXPECT_EQ(fresh.steps[1].why, "runs, unless a makes the same out again");
  EXPECT_FALSE(fresh.expected_is_complete);
  machine.Finish(machine.Submit(kThree));
  RunPlan cached = plan({});
  for (const PlannedStep& step : cached.steps) EXPECT_EQ(step.fate, Fate::kReused) << step.why;
  EXPECT_EQ(cached.expected, seconds(0));
  RunPlan changed = plan({{"text", "y"}});
  EXPECT_EQ(changed.steps[0].fate, Fate::kRuns);
  EXPECT_EQ(changed.expected, seconds(30)) << "a, and perhaps b and c";
  EXPECT_TRUE(changed.expected_is_complete);
}

TEST(Pipelines, CheckFindsWhatIsNotThere) {
  SimulatedMachine machine(1);
  const std::string yaml =
      "pipeline: p\ngoal: late\nsteps:\n  a: {uses: import, with: {x: data/x.csv, y: data/y.csv}}\n";
  const auto missing = machine.TrySubmit(yaml);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("p.yaml: step a: there is no file"), std::string::npos);
  EXPECT_NE(missing.error().message.find("data/y.csv"), std::string::npos) << "both are named";
  ASSERT_TRUE(MakeDirectories(machine.base() + "/data").ok());
  machine.WriteBase("data/x.csv", "1");
  machine.WriteBase("data/y.csv", "1");
  EXPECT_NE(machine.TrySubmit(yaml).error().message.find("no file in"), std::string::npos);
  machine.WriteBase("late.yaml", "# ours\ngoal: late  # yes\n");
  machine.WriteBase("other.yaml", "pipeline: late\n");
  EXPECT_TRUE(machine.TrySubmit(yaml).ok());
  machine.WriteBase("late2.yml", "goal: 'late'\n");
  EXPECT_NE(machine.TrySubmit(yaml).error().message.find("named by more than one file"), std::string::npos);
}

TEST(Pipelines, HistoryAndLogsCanBeRead) {
  SimulatedMachine machine(1, [](const SimulatedAttempt& attempt) {
    exec::FakeRun run = Copying(attempt);
    run.log = Cat("hello from ", attempt.step, "\n");
    return run;
  });
  const RunId run = machine.Submit(kThree);
  machine.Finish(run);
  const auto events = machine.loop.Wait(machine.pipelines->Events(run, "", 100));
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->front().to, "queued");
  EXPECT_EQ(events->back().to, "succeeded");
  const auto rest = machine.loop.Wait(machine.pipelines->Events(run, (*events)[3].id, 100));
  EXPECT_EQ(rest->size(), events->size() - 4);
  EXPECT_EQ(*machine.loop.Wait(machine.pipelines->Log(run, "b", 0, 100)), "hello from b\n");
  EXPECT_EQ(*machine.loop.Wait(machine.pipelines->Log(run, "b", 6, 4)), "from");
  EXPECT_EQ(machine.loop.Wait(machine.pipelines->Log(run, "d", 0, 100)).error().code, Code::kNotFound);
  const RunId later = machine.Submit(kThree);
  const auto all = machine.loop.Wait(machine.pipelines->List({}));
  EXPECT_EQ(all->size(), 2U);
  EXPECT_EQ(all->front().id, later) << "newest first";
  const auto page = machine.loop.Wait(machine.pipelines->List({"three", later, 10}));
  ASSERT_EQ(page->size(), 1U);
  EXPECT_EQ(page->front().id, run);
}

TEST(Pipelines, AStepThatAsksForMoreThanTheMachineHasRunsAlone) {
  SimulatedMachine machine(1, Copying);
  const RunId run = machine.Submit("pipeline: big\nsteps:\n  a: {run: [x], cpu: 64, outputs: {out: file}}\n");
  EXPECT_EQ(machine.Finish(run), RunState::kSucceeded);
}

}  // namespace
}  // namespace mw::pipelines
