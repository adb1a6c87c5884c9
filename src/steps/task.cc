// Reading TASK.json, writing result.json.
#include "steps/task.h"

#include <algorithm>

#include "base/file.h"

namespace mw::steps {
namespace {

template <typename Map>
std::string Names(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names.empty() ? std::string("none") : Join(names, ", ");
}

Result<std::map<std::string, TaskInput>> ParseInputs(const Json* inputs) {
  std::map<std::string, TaskInput> parsed;
  if (inputs == nullptr || inputs->IsNull()) return parsed;
  if (!inputs->IsObject()) return InvalidArgument("inputs is no object");
  for (const auto& [name, value] : inputs->AsObject()) {
    TaskInput input;
    input.path = TRY(value.GetString("path").In(Cat("input ", Quoted(name))));
    input.kind = value.StringOr("kind", "directory");
    input.digest = value.StringOr("digest", "");
    parsed.emplace(name, std::move(input));
  }
  return parsed;
}

Result<std::map<std::string, std::string>> ParseOutputs(const Json* outputs) {
  std::map<std::string, std::string> parsed;
  if (outputs == nullptr || outputs->IsNull()) return parsed;
  if (!outputs->IsObject()) return InvalidArgument("outputs is no object");
  for (const auto& [name, value] : outputs->AsObject()) {
    if (!value.IsString()) return InvalidArgument("output ", Quoted(name), " is no path");
    parsed.emplace(name, value.AsString());
  }
  return parsed;
}

Result<Json> ParseWith(const Json* with) {
  if (with == nullptr || with->IsNull()) return Json::MakeObject();
  if (!with->IsObject()) return InvalidArgument("with is no object");
  return *with;
}

}  // namespace

Result<std::string> StepTask::Input(std::string_view name) const {
  const auto found = inputs.find(std::string(name));
  if (found != inputs.end()) return found->second.path;
  return InvalidArgument("step ", Quoted(step), " (", uses, ") needs the input \"", name, "\"; it has: ", Names(inputs),
                         ". Add it under inputs: in the pipeline");
}

Result<std::string> StepTask::Output(std::string_view name) const {
  const auto found = outputs.find(std::string(name));
  if (found != outputs.end()) return found->second;
  return InvalidArgument("step ", Quoted(step), " (", uses, ") writes the output \"", name,
                         "\", but the task names only: ", Names(outputs));
}

std::string StepTask::Resolve(std::string_view path) const {
  if (path.starts_with('/') || base_directory.empty()) return std::string(path);
  return Cat(base_directory, "/", path);
}

Status StepTask::CheckOptions(const std::vector<std::string_view>& known) const {
  for (const auto& [key, value] : with.AsObject()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string_view nearest = Nearest(key, known);
    return InvalidArgument("step ", Quoted(step), " (", uses, ") knows no option ", Quoted(key),
                           nearest.empty() ? "" : "; did you mean ", nearest.empty() ? "" : Quoted(nearest));
  }
  return Ok();
}

Result<StepTask> ParseTask(std::string_view json) {
  const Json root = TRY(Json::Parse(json));
  if (!root.IsObject()) return InvalidArgument("a task is a JSON object");
  StepTask task;
  task.uses = TRY(root.GetString("uses"));
  task.step = root.StringOr("step", task.uses);
  task.run_id = root.StringOr("run_id", "");
  task.attempt_id = root.StringOr("attempt_id", "");
  task.pipeline = root.StringOr("pipeline", "");
  task.goal_file = root.StringOr("goal_file", "");
  task.base_directory = root.StringOr("base_directory", "");
  task.with = TRY(ParseWith(root.Find("with")));
  task.inputs = TRY(ParseInputs(root.Find("inputs")));
  task.outputs = TRY(ParseOutputs(root.Find("outputs")));
  task.result_path = TRY(root.GetString("result"));
  return task;
}

Status WriteResult(const StepTask& task, const StepResult& result) {
  Json outputs = Json::MakeObject();
  for (const auto& [name, metadata] : result.output_metadata) outputs[name] = Json::Make({{"metadata", metadata}});
  const Json json = Json::Make({{"summary", result.summary},
                                {"metrics", result.metrics},
                                {"params", result.params},
                                {"outputs", outputs},
                                {"findings", result.findings}});
  return WriteFileDurably(task.result_path, json.DumpPretty() + "\n").In("writing the step's result");
}

ExitCode ExitCodeOf(const Error& error) {
  switch (error.code) {
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kPermissionDenied:
    case Code::kFailedPrecondition:
    case Code::kOutOfRange:
    case Code::kUnimplemented:
    case Code::kUnauthenticated: return ExitCode::kBadInput;
    default: return ExitCode::kRetry;
  }
}

}  // namespace mw::steps
