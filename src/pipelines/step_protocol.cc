// Writing a step's task, reading its result within limits.
#include "pipelines/step_protocol.h"

#include <cmath>

#include "base/assert.h"
#include "base/text.h"
#include "pipelines/references.h"

namespace mw::pipelines {
namespace {

constexpr std::size_t kMaxMembers = 1000;
constexpr std::size_t kMaxMemberNameBytes = 250;
constexpr std::size_t kMaxSummaryBytes = 2000;
constexpr std::size_t kMaxMetadataBytes = std::size_t{64} << 10;

Json InputsJson(const TaskContext& context) {
  Json inputs = Json::MakeObject();
  for (const NamedArtifact& input : context.inputs) {
    inputs[input.name] = Json::Make({{"path", context.paths.Input(input.name)},
                                     {"kind", input.artifact.directory ? "directory" : "file"},
                                     {"digest", input.artifact.digest}});
  }
  return inputs;
}

Error Refused(std::string_view member, std::string_view why) {
  return InvalidArgument("result.json: ", member, " ", why);
}

/// The member as an object of at most kMaxMembers, or an empty one when absent.
Result<Json> Members(const Json& result, std::string_view key) {
  const Json* member = result.Find(key);
  if (member == nullptr || member->IsNull()) return Json::MakeObject();
  if (!member->IsObject()) return Refused(key, "is no object");
  if (member->AsObject().size() > kMaxMembers) return Refused(key, Cat("has more than ", kMaxMembers, " members"));
  for (const auto& [name, value] : member->AsObject()) {
    if (name.empty() || name.size() > kMaxMemberNameBytes) return Refused(key, "has a name that is empty or too long");
  }
  return *member;
}

Result<Json> Metrics(const Json& result) {
  const Json members = TRY(Members(result, "metrics"));
  Json metrics = Json::MakeObject();
  for (const auto& [name, value] : members.AsObject()) {
    if (value.IsNull()) continue;  // a metric that does not exist here, like AuROC of one class
    if (!value.IsNumber() || !std::isfinite(value.AsDouble())) return Refused(Cat("metrics.", name), "is no number");
    metrics[name] = value;
  }
  return metrics;
}

Result<Json> Params(const Json& result) {
  Json params = TRY(Members(result, "params"));
  for (const auto& [name, value] : params.AsObject()) {
    if (value.IsArray() || value.IsObject()) return Refused(Cat("params.", name), "is no single value");
  }
  return params;
}

Result<Json> Findings(const Json& result) {
  const Json* findings = result.Find("findings");
  if (findings == nullptr || findings->IsNull()) return Json::MakeArray();
  if (!findings->IsArray()) return Refused("findings", "is no list");
  if (findings->AsArray().size() > kMaxMembers)
    return Refused("findings", Cat("has more than ", kMaxMembers, " entries"));
  return *findings;
}

Result<std::vector<std::pair<std::string, Json>>> Metadata(const Json& result) {
  std::vector<std::pair<std::string, Json>> out;
  const Json outputs = TRY(Members(result, "outputs"));
  for (const auto& [name, output] : outputs.AsObject()) {
    const Json* metadata = output.Find("metadata");
    if (metadata == nullptr || metadata->IsNull()) continue;
    if (metadata->Dump().size() > kMaxMetadataBytes)
      return Refused(Cat("outputs.", name, ".metadata"), "is over 64 KiB");
    out.emplace_back(name, *metadata);
  }
  return out;
}

}  // namespace

std::string TaskFile(const TaskContext& context) {
  Json outputs = Json::MakeObject();
  for (const Output& output : context.step.outputs) outputs[output.name] = context.paths.Output(output.name);
  const Json goal = context.goal_file.empty() ? Json() : Json(context.goal_file);
  return Json::Make({{"uses", context.step.uses},
                     {"step", context.step.name},
                     {"run_id", context.run_id},
                     {"attempt_id", context.attempt_id},
                     {"pipeline", context.graph.pipeline},
                     {"goal_file", goal},
                     {"base_directory", context.base_directory},
                     {"with", context.step.with},
                     {"inputs", InputsJson(context)},
                     {"outputs", std::move(outputs)},
                     {"result", context.paths.Result()}})
             .DumpPretty() +
         "\n";
}

std::vector<std::string> CommandLine(const TaskContext& context, const std::string& mw_step) {
  if (!context.step.uses.empty()) return {mw_step, context.step.uses, context.paths.Task()};
  std::vector<std::string> argv;
  for (const std::string& word : context.step.argv) {
    const auto filled = FillReferences(word, [&](const Reference& reference) -> Result<std::string> {
      if (reference.kind == "inputs") return context.paths.Input(reference.name);
      if (reference.kind == "outputs") return context.paths.Output(reference.name);
      return std::string(reference.text);
    });
    MW_ASSERT(filled.ok());
    argv.push_back(*filled);
  }
  return argv;
}

Result<StepResult> ParseResult(std::string_view text) {
  if (text.size() > kMaxResultBytes) return Refused("the file", "is over 4 MiB");
  const Json json = TRY(Json::Parse(text).In("result.json"));
  if (!json.IsObject()) return Refused("the file", "is no JSON object");
  StepResult result;
  result.summary = json.StringOr("summary", "");
  if (result.summary.size() > kMaxSummaryBytes) return Refused("summary", "is over 2,000 bytes");
  result.metrics = TRY(Metrics(json));
  result.params = TRY(Params(json));
  result.findings = TRY(Findings(json));
  result.output_metadata = TRY(Metadata(json));
  return result;
}

}  // namespace mw::pipelines
