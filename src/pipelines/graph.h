// The one internal graph of a pipeline: what every compiler produces and everything behind it reads. A
// Graph is checked: every reference resolves, there is no cycle, `steps` are in an order in which they could
// run one after the other, and parameters are filled in. Plain data, kept with the run as JSON, so a
// restart needs the pipeline's file no more.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace mw::pipelines {

enum class OutputKind : std::uint8_t { kFile, kDirectory };

struct Output {
  std::string name;
  OutputKind kind = OutputKind::kFile;
};

/// `name: step.output`
struct Input {
  std::string name;
  std::string step;
  std::string output;
};

struct Resources {
  double cpu = 1;                 ///< cores
  std::int64_t memory_bytes = 0;  ///< 0: claims none and is not limited
};

struct Step {
  std::string name;
  std::string uses;               ///< a built-in step's name; empty: `argv` is a program of the user's own
  std::vector<std::string> argv;  ///< with {inputs.x} and {outputs.x} still to be filled in by each attempt
  Json with = Json::MakeObject();
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<std::string> after;
  std::vector<std::string> files;  ///< read from the base directory: their content is part of the cache key
  bool reads_goal = false;         ///< the goal file's content is part of the cache key
  Resources resources;
  std::string resource_class;  ///< "", "spot", "reserved": which capacity to prefer
  Duration timeout{0};         ///< 0: none
  int retries = 0;
  Duration backoff{0};  ///< before the first retry; doubles with each
  bool cache = true;    ///< false also for steps without outputs: they run for what they do
};

enum class FailurePolicy : std::uint8_t { kFailFast, kFailSlow };

struct Graph {
  std::string pipeline;
  std::string goal;  ///< empty: none
  std::vector<std::pair<std::string, std::string>> params;
  std::vector<Step> steps;
  FailurePolicy on_failure = FailurePolicy::kFailFast;
  std::vector<std::string> notify;
  std::string pool;
  int max_concurrent_runs = 0;        ///< 0: no cap
  Json triggers = Json::MakeArray();  ///< checked and kept
  std::vector<std::string> notes;     ///< what the file asks for that this version only keeps: shown by plan

  [[nodiscard]] const Step* Find(std::string_view step) const;
  /// Position in `steps`; asserts that it is there.
  [[nodiscard]] std::size_t IndexOf(std::string_view step) const;
};

/// Names of the steps that must have succeeded before `step` starts: its inputs' and `after`, each once.
std::vector<std::string> Dependencies(const Step& step);

Json GraphToJson(const Graph& graph);
/// Errors: kDataLoss when `json` is no graph that GraphToJson wrote.
Result<Graph> GraphFromJson(const Json& json);

std::string_view OutputKindName(OutputKind kind);  ///< "file", "directory"

}  // namespace mw::pipelines
