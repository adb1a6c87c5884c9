// What a step is told and what it tells: TASK.json, the command line, result.json. The JSON is the contract, for
// built-in steps and for anybody's program alike (docs/guide/steps.md). Pure: text in, text out.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "pipelines/graph.h"
#include "pipelines/run.h"

namespace mw::pipelines {

/// Where one attempt reads and writes, all beneath its directory.
struct AttemptPaths {
  std::string directory;
  [[nodiscard]] std::string Task() const { return directory + "/TASK.json"; }
  [[nodiscard]] std::string Result() const { return directory + "/result.json"; }
  [[nodiscard]] std::string Inputs() const { return directory + "/inputs"; }
  [[nodiscard]] std::string Outputs() const { return directory + "/outputs"; }
  [[nodiscard]] std::string Input(std::string_view name) const { return Cat(directory, "/inputs/", name); }
  [[nodiscard]] std::string Output(std::string_view name) const { return Cat(directory, "/outputs/", name); }
};

struct TaskContext {
  const Graph& graph;
  const Step& step;
  std::string run_id;
  std::string attempt_id;
  std::string base_directory;
  std::string goal_file;  ///< empty: none
  std::vector<NamedArtifact> inputs;
  AttemptPaths paths;
};

std::string TaskFile(const TaskContext& context);

/// The program and its arguments: `mw_step USES TASK.json`, or the user's own words with references filled in.
std::vector<std::string> CommandLine(const TaskContext& context, const std::string& mw_step);

/// What a step says of its success.
struct StepResult {
  std::string summary;
  Json metrics = Json::MakeObject();  ///< name -> finite number
  Json params = Json::MakeObject();   ///< name -> text, number or bool
  Json findings = Json::MakeArray();
  std::vector<std::pair<std::string, Json>> output_metadata;
};

inline constexpr std::size_t kMaxResultBytes = std::size_t{4} << 20;

/// Errors: kInvalidArgument naming the member and the limit it breaks: 1,000 metrics, parameters and findings,
/// 2,000 bytes of summary, names up to 250 bytes, 64 KiB of metadata an output.
Result<StepResult> ParseResult(std::string_view text);

}  // namespace mw::pipelines
