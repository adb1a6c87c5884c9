// Acting: what each action of a run does, effect by effect. Between any two effects the process may die; the names
// given to Killed are those points.
#include "base/log.h"
#include "base/offload.h"
#include "pipelines/active_run.h"
#include "pipelines/run_reconciler.h"
#include "pipelines/step_lineage.h"

namespace mw::pipelines {

Task<Status> RunReconciler::Perform(RunPtr run, Action action) {
  switch (action.kind) {
    case ActionKind::kAdmit: return ChangeRun(run, RunState::kRunning, "");
    case ActionKind::kFinish: return ChangeRun(run, action.run_state, action.cause);
    case ActionKind::kResolve: return Resolve(run, action.task);
    case ActionKind::kReuse: return Reuse(run, action.task);
    case ActionKind::kLaunch: return Launch(run, action.task);
    case ActionKind::kRelaunch: return Start(run, action.task);
    case ActionKind::kMarkRunning: return MarkRunning(run, action.task);
    case ActionKind::kCollect: return Collect(run, action.task);
    case ActionKind::kRetry: return EndAs(run, action, TaskState::kBackoff);
    case ActionKind::kFail: return EndAs(run, action, TaskState::kFailed);
    case ActionKind::kCanceled:
      return IsActive(run->tasks[action.task].state) ? EndAs(run, action, TaskState::kCanceled)
                                                     : Leave(run, action, TaskState::kCanceled);
    case ActionKind::kSkip: return Leave(run, action, TaskState::kSkipped);
    case ActionKind::kStop: return Stop(run, action.task, action.cause);
    case ActionKind::kSignal: return Signal(run, action.task);
    case ActionKind::kAwaitCapacity: break;
  }
  MW_ASSERT(false);
}

// Runs -----------------------------------------------------------------------------------------------

Task<Status> RunReconciler::ChangeRun(RunPtr run, RunState to, std::string cause) {
  const Timestamp at = parts_.clock.Now();
  const RunTransition transition{run->record.id, run->record.state, to, run->record.version, cause, at};
  if (Killed("before_run_transition")) co_return Ok();
  CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) -> Status {
    TRY(Transit(transaction, transition, parts_.clock));
    if (!IsFinal(transition.to)) return Ok();
    return parts_.recorder.RunEnded(transaction, run->record, transition.to, transition.at);
  }));
  if (Killed("after_run_transition")) co_return Ok();
  run->record.state = to;
  ++run->record.version;
  run->record.cause = cause;
  LogInfo("run transition",
          {{"run", run->record.id.text()}, {"pipeline", run->record.pipeline}, {"state", Name(to)}, {"cause", cause}});
  if (IsFinal(to)) runs_.erase(run->record.id);
  co_return Ok();
}

// Tasks without an attempt -----------------------------------------------------------------------------

Task<Status> RunReconciler::ChangeTask(RunPtr run, std::size_t task, TaskRecord to, std::string cause) {
  const TaskRecord& before = run->tasks[task];
  const TaskTransition transition{run->record.id, task, before.state, before.version, to, cause, parts_.clock.Now()};
  CO_TRY(co_await parts_.database.Write(
      [&](db::Transaction& transaction) { return Transit(transaction, transition, parts_.clock); }));
  if (Killed("after_task_transition")) co_return Ok();
  to.version = before.version + 1;
  run->Set(task, std::move(to));
  co_return Ok();
}

Task<Status> RunReconciler::Leave(RunPtr run, Action action, TaskState to) {
  TaskRecord record = run->tasks[action.task];
  record.state = to;
  record.failure = action.cause;
  if (Killed("before_leave")) co_return Ok();
  co_return co_await ChangeTask(run, action.task, std::move(record), action.cause);
}

// Cache ------------------------------------------------------------------------------------------------

std::vector<NamedArtifact> RunReconciler::InputsOf(const ActiveRun& run, std::size_t task) const {
  std::vector<NamedArtifact> inputs;
  const Step& step = run.graph.steps[task];
  for (const Input& input : step.inputs) {
    for (const std::size_t upstream : run.wiring.upstream[task]) {
      if (run.tasks[upstream].step != input.step) continue;
      for (const auto& [name, artifact] : run.tasks[upstream].outputs) {
        if (name == input.output) inputs.push_back({input.name, artifact});
      }
    }
  }
  return inputs;
}

KeySource RunReconciler::KeySourceOf(const ActiveRun& run, std::size_t task) const {
  return {run.record.base_directory, run.record.goal_file, options_.program, InputsOf(run, task)};
}

Task<Status> RunReconciler::Resolve(RunPtr run, std::size_t task) {
  const CacheParts cache{parts_.database, parts_.blobs, parts_.workers, parts_.digests};
  const KeySource source = KeySourceOf(*run, task);
  LookupResult lookup = CO_TRY(co_await LookUp(cache, run->graph.pipeline, run->graph.steps[task], source));
  Work& work = run->work[task];
  work.key = std::move(lookup.key);
  work.report = Cat(lookup.hit ? "reused: " : "runs: ", lookup.report);
  work.hit = std::move(lookup.hit);
  run->views[task].lookup = work.hit ? Lookup::kHit : Lookup::kMiss;
  co_return Ok();
}

Task<Status> RunReconciler::Reuse(RunPtr run, std::size_t task) {
  const Work& work = run->work[task];
  MW_ASSERT(work.hit.has_value());
  const Timestamp now = parts_.clock.Now();
  TaskRecord to = run->tasks[task];
  to.state = TaskState::kCached;
  to.cache_key = work.key.digest;
  to.cache_parts = PartsToJson(work.key.parts).Dump();
  to.cache_report = work.report;
  to.reused_from = work.hit->run.text();
  to.summary = work.hit->summary;
  to.findings = work.hit->findings;
  to.metrics = work.hit->metrics;
  to.failure.clear();
  to.started = now;
  to.ended = now;
  const TaskTransition transition{run->record.id, task, run->tasks[task].state, run->tasks[task].version, to,
                                  work.report,    now};
  StepResult result{to.summary, to.metrics, Json::MakeObject(), to.findings, {}};
  const FinishedStep finished{run->record.id,
                              run->graph,
                              run->graph.steps[task],
                              NewIdText(parts_.clock),
                              to.reused_from,
                              InputsOf(*run, task),
                              work.hit->outputs,
                              work.key.parts,
                              std::move(result),
                              now,
                              now};
  if (Killed("before_reuse")) co_return Ok();
  to.outputs = CO_TRY(co_await CommitFinished(transition, finished, std::nullopt, std::nullopt));
  if (Killed("after_reuse")) co_return Ok();
  ++to.version;
  run->Set(task, std::move(to));
  co_return Ok();
}

/// The one transaction that finishes a step. Returns its outputs as lineage knows them.
Task<Result<std::vector<NamedArtifact>>> RunReconciler::CommitFinished(TaskTransition transition, FinishedStep finished,
                                                                       std::optional<jobs::Ending> ending,
                                                                       std::optional<CacheEntry> entry) {
  co_return co_await parts_.database.Write([&](db::Transaction& transaction) -> Result<std::vector<NamedArtifact>> {
    if (ending) TRY(jobs::End(transaction, jobs::AttemptId(transition.to.attempt_id), *ending));
    const std::vector<NamedArtifact> outputs =
        TRY(RecordLineage(transaction, parts_.lineage, finished, options_.environment));
    TaskTransition complete = transition;
    complete.to.outputs = outputs;
    TRY(Transit(transaction, complete, parts_.clock));
    TRY(parts_.recorder.StepFinished(transaction, finished));
    if (entry) TRY(PutCacheEntry(transaction, *entry));
    return outputs;
  });
}

// Attempts ---------------------------------------------------------------------------------------------

TaskContext RunReconciler::ContextOf(const ActiveRun& run, std::size_t task) const {
  const TaskRecord& record = run.tasks[task];
  return TaskContext{.graph = run.graph,
                     .step = run.graph.steps[task],
                     .run_id = run.record.id.text(),
                     .attempt_id = record.attempt_id,
                     .base_directory = run.record.base_directory,
                     .goal_file = run.record.goal_file,
                     .inputs = InputsOf(run, task),
                     .paths = PathsOf(run.record.id, record.step, record.attempt_id)};
}

jobs::Attempt RunReconciler::NewAttempt(const ActiveRun& run, std::size_t task, const std::string& id) const {
  const Step& step = run.graph.steps[task];
  TaskContext context = ContextOf(run, task);
  context.attempt_id = id;
  context.paths = PathsOf(run.record.id, step.name, id);
  jobs::Attempt attempt;
  attempt.id = jobs::AttemptId(id);
  attempt.run_id = context.run_id;
  attempt.task = step.name;
  attempt.number = run.tasks[task].attempts + 1;
  attempt.resources = {step.resources.cpu, step.resources.memory_bytes};
  attempt.created = parts_.clock.Now();
  attempt.spec.attempt_id = id;
  attempt.spec.directory = context.paths.directory;
  attempt.spec.argv = CommandLine(context, options_.mw_step);
  if (step.uses.empty()) attempt.spec.working_directory = run.record.base_directory;
  attempt.spec.environment =
      jobs::StepEnvironment({attempt.id, context.run_id, context.paths.directory, options_.url, options_.path});
  attempt.spec.environment["MILLWRIGHT_TASK"] = context.paths.Task();
  attempt.spec.environment["MILLWRIGHT_CPU"] = Cat(step.resources.cpu);
  attempt.spec.limits = jobs::LimitsFor(attempt.resources);
  attempt.spec.timeout = std::chrono::duration_cast<std::chrono::milliseconds>(step.timeout);
  return attempt;
}

Task<Status> RunReconciler::Launch(RunPtr run, std::size_t task) {
  const Work& work = run->work[task];
  jobs::Attempt attempt = NewAttempt(*run, task, NewIdText(parts_.clock));
  TaskRecord to = run->tasks[task];
  to.state = TaskState::kLaunching;
  to.attempts = attempt.number;
  to.attempt_id = attempt.id.text();
  to.cache_key = work.key.digest;
  to.cache_parts = PartsToJson(work.key.parts).Dump();
  to.cache_report = work.report;
  to.started = attempt.created;
  const TaskTransition transition{run->record.id, task,           run->tasks[task].state, run->tasks[task].version, to,
                                  work.report,    attempt.created};
  if (Killed("before_launching")) co_return Ok();
  CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) -> Status {
    TRY(jobs::Insert(transaction, attempt));
    return Transit(transaction, transition, parts_.clock);
  }));
  if (Killed("after_launching")) co_return Ok();
  ++to.version;
  run->Set(task, std::move(to));
  run->work[task].attempt = std::move(attempt);
  co_return co_await Start(run, task);
}

Task<Status> RunReconciler::Start(RunPtr run, std::size_t task) {
  const jobs::Attempt attempt = *run->work[task].attempt;
  const std::string token = parts_.tokens.Issue(run->record.id, attempt.id.text());
  const Status started = co_await Offload(parts_.workers, [&]() -> Status {
    TRY(PrepareWorkspace(parts_.blobs, ContextOf(*run, task)));
    if (Killed("after_workspace")) return Ok();
    return parts_.jobs.Launch(attempt, {{"MILLWRIGHT_TOKEN", token}});
  });
  if (Killed("after_launch")) co_return Ok();
  if (started.ok() || started.error().code != Code::kInvalidArgument) co_return started;
  jobs::Ending ending;
  ending.outcome = jobs::Outcome::kFailedFinal;
  ending.message = started.error().message;
  ending.at = parts_.clock.Now();
  TaskRecord to = run->tasks[task];
  to.state = TaskState::kFailed;
  to.failure = ending.message;
  to.ended = ending.at;
  co_return co_await End(run, task, std::move(ending), std::move(to), "it cannot be started");
}

Task<Status> RunReconciler::MarkRunning(RunPtr run, std::size_t task) {
  TaskRecord to = run->tasks[task];
  const Timestamp started = run->views[task].attempt->at;
  to.state = TaskState::kRunning;
  to.started = started;
  const TaskTransition transition{run->record.id,    task, run->tasks[task].state, run->tasks[task].version, to, "",
                                  parts_.clock.Now()};
  if (Killed("before_running")) co_return Ok();
  CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) -> Status {
    TRY(jobs::MarkRunning(transaction, jobs::AttemptId(transition.to.attempt_id), started));
    return Transit(transaction, transition, parts_.clock);
  }));
  if (Killed("after_running")) co_return Ok();
  ++to.version;
  run->Set(task, std::move(to));
  run->work[task].attempt->state = jobs::State::kRunning;
  run->work[task].attempt->started = started;
  co_return Ok();
}

Task<Status> RunReconciler::Collect(RunPtr run, std::size_t task) {
  struct Outcome {
    Collected collected;
    CacheKey key;  ///< as the files are after it ran
  };
  jobs::Ending ending = run->views[task].attempt->ending;
  if (Killed("before_collect")) co_return Ok();
  Result<Outcome> outcome = co_await Offload(parts_.workers, [&]() -> Result<Outcome> {
    const TaskRecord& record = run->tasks[task];
    const Step& step = run->graph.steps[task];
    const AttemptPaths paths = PathsOf(run->record.id, record.step, record.attempt_id);
    Outcome ended;
    ended.collected = TRY(CollectOutputs(parts_.blobs, step, paths));
    ended.key = TRY(CurrentKey(parts_.digests, step, KeySourceOf(*run, task)));
    return ended;
  });
  if (Killed("after_collect")) co_return Ok();
  if (outcome.ok()) {
    // Files that changed while it ran: nobody knows which of the two it has read, so it is no answer for others.
    const bool changed = outcome->key.parts != run->work[task].key.parts;
    co_return co_await Succeed(run, task, std::move(outcome->collected), std::move(ending), changed);
  }
  if (outcome.error().code != Code::kInvalidArgument) co_return std::move(outcome).error();
  ending.outcome = jobs::Outcome::kFailedFinal;
  ending.message = outcome.error().ToString();
  TaskRecord to = run->tasks[task];
  to.state = TaskState::kFailed;
  to.failure = ending.message;
  to.ended = ending.at;
  co_return co_await End(run, task, ending, std::move(to), ending.message);
}

Task<Status> RunReconciler::Succeed(RunPtr run, std::size_t task, Collected collected, jobs::Ending ending,
                                    bool files_changed) {
  const Step& step = run->graph.steps[task];
  const Work& work = run->work[task];
  TaskRecord to = run->tasks[task];
  to.state = TaskState::kSucceeded;
  to.summary = collected.result.summary;
  to.findings = collected.result.findings;
  to.metrics = collected.result.metrics;
  to.failure.clear();
  to.outputs = collected.outputs;
  to.ended = ending.at;
  const TaskTransition transition{run->record.id,    task, run->tasks[task].state, run->tasks[task].version, to, "",
                                  parts_.clock.Now()};
  std::optional<CacheEntry> entry;
  if (step.cache && !work.key.digest.empty() && !files_changed) {
    entry = CacheEntry{work.key,          run->graph.pipeline, step.name,   run->record.id, to.attempt_id,
                       collected.outputs, to.summary,          to.findings, to.metrics,     ending.at};
  }
  const FinishedStep finished{run->record.id,
                              run->graph,
                              step,
                              to.attempt_id,
                              "",
                              InputsOf(*run, task),
                              collected.outputs,
                              work.key.parts,
                              std::move(collected.result),
                              to.started,
                              to.ended};
  if (Killed("before_succeeded")) co_return Ok();
  to.outputs = CO_TRY(co_await CommitFinished(transition, finished, std::move(ending), std::move(entry)));
  if (Killed("after_succeeded")) co_return Ok();
  ++to.version;
  const AttemptPaths paths = PathsOf(run->record.id, to.step, to.attempt_id);
  parts_.tokens.Revoke(to.attempt_id);
  run->Set(task, std::move(to));
  parts_.workers.Post([paths] { TidyWorkspace(paths); });
  co_return Ok();
}

Task<Status> RunReconciler::EndAs(RunPtr run, Action action, TaskState to_state) {
  const jobs::Ending ending = run->views[action.task].attempt->ending;
  TaskRecord to = run->tasks[action.task];
  to.state = to_state;
  to.failure = ending.message.empty() ? action.cause : ending.message;
  to.not_before = action.not_before;
  to.ended = ending.at;
  to.outcomes.push_back(ending.outcome);
  co_return co_await End(run, action.task, ending, std::move(to), action.cause);
}

Task<Status> RunReconciler::End(RunPtr run, std::size_t task, jobs::Ending ending, TaskRecord to, std::string cause) {
  const TaskTransition transition{run->record.id,    task, run->tasks[task].state, run->tasks[task].version, to, cause,
                                  parts_.clock.Now()};
  if (Killed("before_end")) co_return Ok();
  CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) -> Status {
    TRY(jobs::End(transaction, jobs::AttemptId(transition.to.attempt_id), ending));
    return Transit(transaction, transition, parts_.clock);
  }));
  if (Killed("after_end")) co_return Ok();
  ++to.version;
  parts_.tokens.Revoke(to.attempt_id);
  run->Set(task, std::move(to));
  co_return Ok();
}

Task<Status> RunReconciler::Stop(RunPtr run, std::size_t task, std::string cause) {
  TaskRecord to = run->tasks[task];
  to.state = TaskState::kCanceling;
  to.failure = cause;
  const TaskTransition transition{run->record.id,    task, run->tasks[task].state, run->tasks[task].version, to, cause,
                                  parts_.clock.Now()};
  if (Killed("before_stop")) co_return Ok();
  CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) -> Status {
    TRY(jobs::RequestCancel(transaction, jobs::AttemptId(transition.to.attempt_id)));
    return Transit(transaction, transition, parts_.clock);
  }));
  if (Killed("after_stop")) co_return Ok();
  ++to.version;
  run->Set(task, std::move(to));
  run->work[task].attempt->cancel_requested = true;
  co_return Ok();
}

Task<Status> RunReconciler::Signal(RunPtr run, std::size_t task) {
  if (Killed("before_signal")) co_return Ok();
  CO_TRY(parts_.jobs.Cancel(*run->work[task].attempt));
  if (Killed("after_signal")) co_return Ok();
  run->work[task].signaled = true;
  co_return Ok();
}

}  // namespace mw::pipelines
