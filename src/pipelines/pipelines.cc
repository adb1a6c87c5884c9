// Compile, check what lies around the file, write one transaction, wake the reconciler.
#include "pipelines/pipelines.h"

#include <algorithm>
#include <map>

#include "base/offload.h"
#include "pipelines/cache_lookup.h"
#include "pipelines/goal_file.h"

namespace mw::pipelines {
namespace {

constexpr int kRunsOfHistory = 10;
constexpr int kMaxPage = 1000;

std::string What(const Step& step) {
  return step.uses.empty() ? Cat("run ", Join(step.argv, " ")) : Cat("uses ", step.uses);
}

/// The median of the step's past durations, the newest kRunsOfHistory runs.
std::optional<Duration> Expected(const std::vector<PastTask>& past, const std::string& step) {
  std::vector<Duration> durations;
  for (const PastTask& task : past) {
    if (task.step == step) durations.push_back(task.duration);
  }
  if (durations.empty()) return std::nullopt;
  std::nth_element(durations.begin(), durations.begin() + static_cast<std::ptrdiff_t>(durations.size() / 2),
                   durations.end());
  return durations[durations.size() / 2];
}

void AddExpectations(RunPlan& plan, const std::vector<PastTask>& past) {
  std::map<std::string, Duration> end;
  for (PlannedStep& step : plan.steps) {
    step.expected = step.fate == Fate::kReused ? Duration(0) : Expected(past, step.name);
    if (!step.expected) plan.expected_is_complete = false;
    Duration start{0};
    for (const std::string& upstream : step.after) start = std::max(start, end[upstream]);
    end[step.name] = start + step.expected.value_or(Duration(0));
    plan.expected = std::max(plan.expected, end[step.name]);
  }
}

}  // namespace

Pipelines::Pipelines(RunnerParts parts, RunnerOptions options, RunReconciler& reconciler)
    : parts_(parts), options_(std::move(options)), reconciler_(reconciler) {}

Status Pipelines::CheckFiles(const Graph& graph, const Submission& submission) const {
  std::vector<std::string> missing;
  for (const Step& step : graph.steps) {
    if (step.uses.empty()) continue;
    for (const std::string& file : step.files) {
      const std::string path = PathIn(submission.base_directory, file);
      if (TRY(parts_.digests.Of(path)) != "absent") continue;
      missing.push_back(Cat(submission.file_name, ": step ", step.name, ": there is no file ", path));
    }
  }
  if (missing.empty()) return Ok();
  return InvalidArgument(Join(missing, "\n"));
}

Task<Result<Pipelines::Checked>> Pipelines::CheckAll(Submission submission) {
  if (!submission.base_directory.starts_with('/')) {
    co_return InvalidArgument("the folder of a pipeline is an absolute path, not ", Quoted(submission.base_directory));
  }
  Graph graph = CO_TRY(CompileYaml(submission.source, submission.file_name, submission.overrides));
  co_return co_await Offload(parts_.workers, [&]() -> Result<Checked> {
    TRY(CheckFiles(graph, submission));
    std::string goal_file = submission.goal_file;
    if (goal_file.empty() && !graph.goal.empty()) {
      goal_file = TRY(FindGoalFile(submission.base_directory, graph.goal).In(submission.file_name));
    }
    return Checked{graph, goal_file};
  });
}

Task<Result<Graph>> Pipelines::Check(Submission submission) {
  Checked checked = CO_TRY(co_await CheckAll(std::move(submission)));
  co_return std::move(checked.graph);
}

Task<Result<RunId>> Pipelines::Submit(Submission submission) {
  const Checked checked = CO_TRY(co_await CheckAll(submission));
  NewRun run;
  run.run.id = NewId<RunId>(parts_.clock);
  run.run.pipeline = checked.graph.pipeline;
  run.run.base_directory = submission.base_directory;
  run.run.goal_file = checked.goal_file;
  run.run.created = parts_.clock.Now();
  run.graph = GraphToJson(checked.graph).Dump();
  run.source = submission.source;
  for (const Step& step : checked.graph.steps) run.steps.push_back(step.name);
  const RunId id = run.run.id;
  const Graph& graph = checked.graph;
  CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) -> Status {
    TRY(InsertRun(transaction, run, parts_.clock));
    return parts_.recorder.RunSubmitted(transaction, run.run, graph);
  }));
  reconciler_.Notice(id);
  co_return id;
}

Task<Result<std::vector<RunRecord>>> Pipelines::List(RunFilter filter) {
  filter.limit = std::clamp(filter.limit, 1, kMaxPage);
  co_return co_await parts_.database.Read([&](db::Snapshot& snapshot) { return ListRuns(snapshot, filter); });
}

Task<Result<RunDetails>> Pipelines::Get(RunId id) {
  struct Loaded {
    StoredRun stored;
    std::vector<jobs::Attempt> attempts;
  };
  Loaded loaded = CO_TRY(co_await parts_.database.Read([&](db::Snapshot& snapshot) -> Result<Loaded> {
    Loaded read;
    read.stored = TRY(LoadRun(snapshot, id));
    read.attempts = TRY(jobs::OfRun(snapshot, id.text()));
    return read;
  }));
  RunDetails details;
  const Json graph = CO_TRY(Json::Parse(loaded.stored.graph));
  details.graph = CO_TRY(GraphFromJson(graph));
  details.run = std::move(loaded.stored.run);
  std::map<std::string, std::size_t> index;
  for (TaskRecord& record : loaded.stored.tasks) {
    TaskDetails& task = details.tasks.emplace_back();
    if (!record.attempt_id.empty()) task.directory = reconciler_.PathsOf(id, record.step, record.attempt_id).directory;
    index[record.step] = details.tasks.size() - 1;
    task.record = std::move(record);
  }
  for (jobs::Attempt& attempt : loaded.attempts) {
    const auto found = index.find(attempt.task);
    if (found != index.end()) details.tasks[found->second].attempts.push_back(std::move(attempt));
  }
  co_return details;
}

Task<Result<std::vector<RunEvent>>> Pipelines::Events(RunId id, std::string after, int limit) {
  const int bounded = std::clamp(limit, 1, kMaxPage);
  co_return co_await parts_.database.Read([&](db::Snapshot& snapshot) -> Result<std::vector<RunEvent>> {
    TRY(LoadRunRecord(snapshot, id));
    return RunEvents(snapshot, id, after, bounded);
  });
}

Task<Result<std::string>> Pipelines::Log(RunId id, std::string step, std::uint64_t offset, std::size_t limit) {
  const StoredRun stored =
      CO_TRY(co_await parts_.database.Read([&](db::Snapshot& snapshot) { return LoadRun(snapshot, id); }));
  std::vector<std::string_view> names;
  for (const TaskRecord& task : stored.tasks) {
    names.push_back(task.step);
    if (task.step != step) continue;
    if (task.attempt_id.empty()) co_return std::string();
    const std::string directory = reconciler_.PathsOf(id, step, task.attempt_id).directory;
    co_return co_await Offload(parts_.workers, [&] { return exec::ReadLog(directory, offset, limit); });
  }
  const std::string_view nearest = Nearest(step, names);
  co_return NotFound("run ", id.text(), " has no step ", Quoted(step), nearest.empty() ? "" : "; did you mean ",
                     nearest);
}

Task<Status> Pipelines::Cancel(RunId id) {
  CO_TRY(co_await parts_.database.Write([&](db::Transaction& transaction) {
    return RequestCancel(transaction, id, "canceled on request", parts_.clock);
  }));
  reconciler_.Notice(id);
  co_return Ok();
}

Task<Status> Pipelines::Retry(RunId id) {
  CO_TRY(co_await parts_.database.Write(
      [&](db::Transaction& transaction) { return RetryRun(transaction, id, parts_.clock); }));
  reconciler_.Notice(id);
  co_return Ok();
}

Task<Result<RunPlan>> Pipelines::Plan(Submission submission) {
  const Checked checked = CO_TRY(co_await CheckAll(submission));
  RunPlan plan;
  plan.pipeline = checked.graph.pipeline;
  plan.notes = checked.graph.notes;
  std::map<std::string, std::vector<NamedArtifact>> reused;
  for (const Step& step : checked.graph.steps) {
    PlannedStep planned = CO_TRY(co_await PlanStep(step, submission, checked, reused));
    plan.steps.push_back(std::move(planned));
  }
  const std::vector<PastTask> past = CO_TRY(co_await parts_.database.Read(
      [&](db::Snapshot& snapshot) { return PastTasks(snapshot, plan.pipeline, kRunsOfHistory); }));
  AddExpectations(plan, past);
  co_return plan;
}

/// `reused`: outputs of the steps planned so far that need not run.
Task<Result<PlannedStep>> Pipelines::PlanStep(const Step& step, const Submission& submission, const Checked& checked,
                                              std::map<std::string, std::vector<NamedArtifact>>& reused) {
  PlannedStep planned{step.name,
                      What(step),
                      Dependencies(step),
                      Fate::kRuns,
                      "",
                      std::nullopt,
                      Claim(step.resources, options_.capacity)};
  if (!step.cache) {
    planned.why = "it is never cached";
    co_return planned;
  }
  std::vector<NamedArtifact> inputs;
  for (const Input& input : step.inputs) {
    const auto source = reused.find(input.step);
    if (source == reused.end()) {
      planned.fate = Fate::kDepends;
      planned.why = Cat("runs, unless ", input.step, " makes the same ", input.output, " again");
      co_return planned;
    }
    for (const auto& [name, artifact] : source->second) {
      if (name == input.output) inputs.push_back({input.name, artifact});
    }
  }
  const KeySource source{submission.base_directory, checked.goal_file, options_.program, inputs};
  const CacheParts cache{parts_.database, parts_.blobs, parts_.workers, parts_.digests};
  LookupResult lookup = CO_TRY(co_await LookUp(cache, checked.graph.pipeline, step, source));
  planned.why = lookup.report;
  if (!lookup.hit) co_return planned;
  planned.fate = Fate::kReused;
  reused[step.name] = std::move(lookup.hit->outputs);
  co_return planned;
}

}  // namespace mw::pipelines
