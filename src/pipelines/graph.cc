// The graph's JSON: keys in a fixed order, every field written, so equal graphs have equal text.
#include "pipelines/graph.h"

#include <algorithm>

#include "base/assert.h"

namespace mw::pipelines {
namespace {

Json StringsToJson(const std::vector<std::string>& strings) {
  Json list = Json::MakeArray();
  for (const std::string& text : strings) list.Append(text);
  return list;
}

Json InputsToJson(const std::vector<Input>& inputs) {
  Json list = Json::MakeArray();
  for (const Input& input : inputs) {
    list.Append(Json::Make({{"name", input.name}, {"step", input.step}, {"output", input.output}}));
  }
  return list;
}

Json OutputsToJson(const std::vector<Output>& outputs) {
  Json list = Json::MakeArray();
  for (const Output& output : outputs) {
    list.Append(Json::Make({{"name", output.name}, {"kind", OutputKindName(output.kind)}}));
  }
  return list;
}

Json StepToJson(const Step& step) {
  return Json::Make({{"name", step.name},
                     {"uses", step.uses},
                     {"argv", StringsToJson(step.argv)},
                     {"with", step.with},
                     {"inputs", InputsToJson(step.inputs)},
                     {"outputs", OutputsToJson(step.outputs)},
                     {"after", StringsToJson(step.after)},
                     {"files", StringsToJson(step.files)},
                     {"reads_goal", step.reads_goal},
                     {"cpu", step.resources.cpu},
                     {"memory_bytes", step.resources.memory_bytes},
                     {"class", step.resource_class},
                     {"timeout_us", std::int64_t{step.timeout.count()}},
                     {"retries", step.retries},
                     {"backoff_us", std::int64_t{step.backoff.count()}},
                     {"cache", step.cache}});
}

Error NoGraph(std::string_view key) {
  return DataLoss("the stored graph of a run lacks ", Quoted(key), "; the database was changed by another program");
}

Result<const Json::Array*> List(const Json& json, std::string_view key) {
  const Json* member = json.Find(key);
  if (member == nullptr || !member->IsArray()) return NoGraph(key);
  return &member->AsArray();
}

Result<std::vector<std::string>> Strings(const Json& json, std::string_view key) {
  std::vector<std::string> out;
  for (const Json& element : *TRY(List(json, key))) {
    if (!element.IsString()) return NoGraph(key);
    out.push_back(element.AsString());
  }
  return out;
}

Result<Step> StepFromJson(const Json& json) {
  Step step;
  step.name = TRY(json.GetString("name"));
  step.uses = TRY(json.GetString("uses"));
  step.argv = TRY(Strings(json, "argv"));
  const Json* with = json.Find("with");
  if (with == nullptr) return NoGraph("with");
  step.with = *with;
  for (const Json& input : *TRY(List(json, "inputs"))) {
    const std::string name = TRY(input.GetString("name"));
    const std::string from = TRY(input.GetString("step"));
    const std::string output = TRY(input.GetString("output"));
    step.inputs.push_back({name, from, output});
  }
  for (const Json& output : *TRY(List(json, "outputs"))) {
    const bool directory = TRY(output.GetString("kind"))
    == "directory";
    const std::string name = TRY(output.GetString("name"));
    step.outputs.push_back({name, directory ? OutputKind::kDirectory : OutputKind::kFile});
  }
  step.after = TRY(Strings(json, "after"));
  step.files = TRY(Strings(json, "files"));
  step.reads_goal = TRY(json.GetBool("reads_goal"));
  step.resources.cpu = TRY(json.GetDouble("cpu"));
  step.resources.memory_bytes = TRY(json.GetInt("memory_bytes"));
  step.resource_class = TRY(json.GetString("class"));
  step.timeout = Duration(TRY(json.GetInt("timeout_us")));
  step.retries = static_cast<int>(TRY(json.GetInt("retries")));
  step.backoff = Duration(TRY(json.GetInt("backoff_us")));
  step.cache = TRY(json.GetBool("cache"));
  return step;
}

}  // namespace

const Step* Graph::Find(std::string_view step) const {
  const auto found = std::find_if(steps.begin(), steps.end(), [&](const Step& s) { return s.name == step; });
  return found == steps.end() ? nullptr : &*found;
}

std::size_t Graph::IndexOf(std::string_view step) const {
  const Step* found = Find(step);
  MW_ASSERT(found != nullptr);
  return static_cast<std::size_t>(found - steps.data());
}

std::vector<std::string> Dependencies(const Step& step) {
  std::vector<std::string> out;
  const auto add = [&out](const std::string& name) {
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  };
  for (const Input& input : step.inputs) add(input.step);
  for (const std::string& name : step.after) add(name);
  return out;
}

std::string_view OutputKindName(OutputKind kind) { return kind == OutputKind::kFile ? "file" : "directory"; }

Json GraphToJson(const Graph& graph) {
  Json params = Json::MakeObject();
  for (const auto& [name, value] : graph.params) params[name] = value;
  Json steps = Json::MakeArray();
  for (const Step& step : graph.steps) steps.Append(StepToJson(step));
  return Json::Make({{"pipeline", graph.pipeline},
                     {"goal", graph.goal},
                     {"params", std::move(params)},
                     {"steps", std::move(steps)},
                     {"on_failure", graph.on_failure == FailurePolicy::kFailFast ? "fail_fast" : "fail_slow"},
                     {"notify", StringsToJson(graph.notify)},
                     {"pool", graph.pool},
                     {"max_concurrent_runs", graph.max_concurrent_runs},
                     {"triggers", graph.triggers},
                     {"notes", StringsToJson(graph.notes)}});
}

Result<Graph> GraphFromJson(const Json& json) {
  Graph graph;
  graph.pipeline = TRY(json.GetString("pipeline"));
  graph.goal = TRY(json.GetString("goal"));
  const Json* params = json.Find("params");
  if (params == nullptr || !params->IsObject()) return NoGraph("params");
  for (const auto& [name, value] : params->AsObject()) {
    if (!value.IsString()) return NoGraph("params");
    graph.params.emplace_back(name, value.AsString());
  }
  for (const Json& step : *TRY(List(json, "steps"))) graph.steps.push_back(TRY(StepFromJson(step)));
  const bool slow = TRY(json.GetString("on_failure"))
  == "fail_slow";
  graph.on_failure = slow ? FailurePolicy::kFailSlow : FailurePolicy::kFailFast;
  graph.notify = TRY(Strings(json, "notify"));
  graph.pool = TRY(json.GetString("pool"));
  graph.max_concurrent_runs = static_cast<int>(TRY(json.GetInt("max_concurrent_runs")));
  const Json* triggers = json.Find("triggers");
  if (triggers == nullptr) return NoGraph("triggers");
  graph.triggers = *triggers;
  graph.notes = TRY(Strings(json, "notes"));
  return graph;
}

}  // namespace mw::pipelines
