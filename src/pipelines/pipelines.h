// The door of pipelines: submit a file and have it carried out durably, look at runs, cancel and retry them, ask
// what a file would do. Waits by co_await on whatever executor the caller runs on; any thread. What Submit, Cancel
// and Retry acknowledge is on disk.
//
//   file --CompileYaml--> Graph --Submit--> run, tasks (QUEUED) --RunReconciler--> SUCCEEDED | FAILED | CANCELED
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "pipelines/run_reconciler.h"
#include "pipelines/run_store.h"
#include "pipelines/yaml_compiler.h"

namespace mw::pipelines {

struct Submission {
  std::string source;          ///< the file's text
  std::string file_name;       ///< for messages
  std::string base_directory;  ///< absolute: the file's folder, where data/ and features.sql are
  Overrides overrides;
  std::string goal_file;  ///< absolute; empty: looked for in base_directory when the pipeline names a goal
};

struct TaskDetails {
  TaskRecord record;
  std::vector<jobs::Attempt> attempts;  ///< oldest first
  std::string directory;                ///< of the latest attempt: its log, TASK.json, result.json; empty: none yet
};

struct RunDetails {
  RunRecord run;
  Graph graph;
  std::vector<TaskDetails> tasks;  ///< in the graph's order
};

enum class Fate { kReused, kRuns, kDepends };

struct PlannedStep {
  std::string name;
  std::string what;  ///< "uses train", "run python3 eda.py"
  std::vector<std::string> after;
  Fate fate = Fate::kRuns;
  std::string why;                   ///< why it is reused, or has to run, or on which step's outputs that depends
  std::optional<Duration> expected;  ///< median of the latest successes; nothing: it never ran. 0 when reused
  Resources claim;
};

struct RunPlan {
  std::string pipeline;
  std::vector<PlannedStep> steps;  ///< in the order in which they could run one after the other
  Duration expected{0};            ///< along the longest chain, of the steps whose time is known
  bool expected_is_complete = true;
  std::vector<std::string> notes;  ///< what the file asks for that this version only keeps
};

class Pipelines {
 public:
  /// All of `parts` and `reconciler` outlive this.
  Pipelines(RunnerParts parts, RunnerOptions options, RunReconciler& reconciler);

  /// Errors: kInvalidArgument with every mistake of the file on a line of its own.
  Task<Result<RunId>> Submit(Submission submission);
  /// The compiled graph of a file whose files and goal are there. Errors: kInvalidArgument as above.
  Task<Result<Graph>> Check(Submission submission);
  /// What a run of the file would do now. Errors: kInvalidArgument as above.
  Task<Result<RunPlan>> Plan(Submission submission);

  Task<Result<std::vector<RunRecord>>> List(RunFilter filter);
  /// Errors: kNotFound.
  Task<Result<RunDetails>> Get(RunId id);
  /// The history in order of time, after the event `after` ("" from the first), at most `limit`.
  Task<Result<std::vector<RunEvent>>> Events(RunId id, std::string after, int limit);
  /// Output of a step's latest attempt from byte `offset`; empty when there is none (yet).
  /// Errors: kNotFound no such run, or no such step, naming the nearest.
  Task<Result<std::string>> Log(RunId id, std::string step, std::uint64_t offset, std::size_t limit);

  /// Stops what runs, starts nothing more; the run ends CANCELED soon after. Idempotent while it is ending.
  /// Errors: kNotFound; kFailedPrecondition when it has ended already.
  Task<Status> Cancel(RunId id);
  /// Runs again what did not succeed. Errors: kNotFound; kFailedPrecondition unless FAILED or CANCELED.
  Task<Status> Retry(RunId id);

 private:
  struct Checked {
    Graph graph;
    std::string goal_file;
  };
  Task<Result<Checked>> CheckAll(Submission submission);
  Status CheckFiles(const Graph& graph, const Submission& submission) const;
  Task<Result<PlannedStep>> PlanStep(const Step& step, const Submission& submission, const Checked& checked,
                                     std::map<std::string, std::vector<NamedArtifact>>& reused);

  RunnerParts parts_;
  RunnerOptions options_;
  RunReconciler& reconciler_;
};

}  // namespace mw::pipelines
