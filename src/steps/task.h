// A step's task and its result: what the pipeline hands to `mw-step NAME TASK.json` and what it gets
// back. The JSON is the contract (docs/guide/steps.md); these structs are how the built-in steps see it.
//
// Invariant: a result file is written once, whole, after every output of the step is on disk; a task
// without a readable result has not succeeded, whatever its outputs look like.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace mw::steps {

struct TaskInput {
  std::string path;    ///< absolute; never written to
  std::string kind;    ///< "directory" or "file"
  std::string digest;  ///< "sha256:..."; empty when the step runs outside a pipeline
};

struct StepTask {
  std::string uses;  ///< the built-in step: "import", "train", ...
  std::string step;  ///< its name in the pipeline; `uses` when absent
  std::string run_id;
  std::string attempt_id;
  std::string pipeline;
  std::string goal_file;       ///< absolute, or empty when the pipeline has no goal
  std::string base_directory;  ///< the pipeline file's folder: relative paths in `with` start here
  Json with = Json::MakeObject();
  std::map<std::string, TaskInput> inputs;
  std::map<std::string, std::string> outputs;  ///< name -> absolute path to write
  std::string result_path;

  /// The path of an input. Errors: kInvalidArgument naming the step, the input and those it has.
  [[nodiscard]] Result<std::string> Input(std::string_view name) const;
  /// The path at which to write an output. Errors: kInvalidArgument as above.
  [[nodiscard]] Result<std::string> Output(std::string_view name) const;
  /// `path` from the pipeline file's folder; absolute paths stay as they are.
  [[nodiscard]] std::string Resolve(std::string_view path) const;
  /// kInvalidArgument when `with` has a key that is none of `known`, naming the nearest.
  [[nodiscard]] Status CheckOptions(const std::vector<std::string_view>& known) const;
};

struct StepResult {
  std::string summary;                          ///< one line for people
  Json metrics = Json::MakeObject();            ///< metric id -> number
  Json params = Json::MakeObject();             ///< name -> value, as the step really used it
  std::map<std::string, Json> output_metadata;  ///< output -> what lineage keeps of it
  Json findings = Json::MakeArray();            ///< what people should look at, one object each
  bool gate_failed = false;                     ///< the work is done and its answer is no: exit 3, never retried
};

/// Errors: kInvalidArgument naming the key of the task that is missing or of the wrong kind.
Result<StepTask> ParseTask(std::string_view json);
/// Writes result.json durably.
Status WriteResult(const StepTask& task, const StepResult& result);

/// How the program ends: the pipeline decides by it whether to try again.
enum class ExitCode { kDone = 0, kRetry = 1, kBadInput = 2, kGateFailed = 3 };
/// kBadInput for what trying again cannot cure (no such file, bad value), kRetry for the rest.
ExitCode ExitCodeOf(const Error& error);

}  // namespace mw::steps
