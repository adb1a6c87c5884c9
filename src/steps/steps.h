// The built-in steps: each a function from a task to a result, found by name in one table. A step
// reads its inputs, writes its outputs and talks to the control plane only through the public API, as
// anybody's own step does. Steps run alone in their process: one thread calls Run, and it may use all
// the cores that the task was given.
//
// A new step: declare it here, define it in <name>_step.cc, add its line to steps.cc, describe it in
// docs/guide/steps.md.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "steps/task.h"

namespace mw::steps {

// Data (inputs -> outputs).
Result<StepResult> RunImport(const StepTask& task);    ///< with: name -> file; -> one dataset per name
Result<StepResult> RunSql(const StepTask& task);       ///< tables -> rows; with.file is the query
Result<StepResult> RunSplit(const StepTask& task);     ///< rows -> train, stop_early, evaluate
Result<StepResult> RunValidate(const StepTask& task);  ///< rows -> rows, report; with.schema
Result<StepResult> RunProfile(const StepTask& task);   ///< rows -> profile

// Models.
Result<StepResult> RunTrain(const StepTask& task);     ///< rows, stop_early -> model
Result<StepResult> RunEvaluate(const StepTask& task);  ///< model, rows -> report
Result<StepResult> RunGate(const StepTask& task);      ///< report -> verdict
Result<StepResult> RunRegister(const StepTask& task);  ///< model -> version
Result<StepResult> RunDeploy(const StepTask& task);    ///< version -> deployment

struct StepEntry {
  std::string_view name;
  std::string_view about;  ///< one line for `mw-step --list`
  Result<StepResult> (*run)(const StepTask&);
};
std::span<const StepEntry> AllSteps();
/// Errors: kNotFound naming the nearest step.
Result<const StepEntry*> FindStep(std::string_view name);

Status PrintRows(const std::vector<std::string>& arguments);

/// A verb that reads data files and is no pipeline step: `mw-step VERB ARGUMENTS`.
struct ToolEntry {
  std::string_view name;
  std::string_view about;
  Status (*run)(const std::vector<std::string>& arguments);
};
std::span<const ToolEntry> AllTools();

}  // namespace mw::steps
