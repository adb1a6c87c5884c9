// From a finished step to lineage's execution.
#include "pipelines/step_lineage.h"

#include <array>

#include "base/file.h"
#include "lineage/recorder.h"

namespace mw::pipelines {
namespace {

constexpr std::string_view kFilePrefix = "file ";

/// "dataset", "model", "report", ... by which artifacts are found.
std::string TypeOf(const Step& step, const NamedArtifact& output) {
  constexpr std::array<std::string_view, 6> kTelling = {"model",   "report",     "verdict",
                                                        "version", "deployment", "profile"};
  for (const std::string_view type : kTelling) {
    if (output.name == type) return std::string(type);
  }
  if (!step.uses.empty() && output.artifact.directory) return "dataset";
  return output.artifact.directory ? "directory" : "file";
}

/// A version or deployment that a built-in step made is the one that the registry or the endpoint told of.
std::string TitleOf(std::string_view type, const NamedArtifact& output) {
  const Json& metadata = output.artifact.metadata;
  const std::string model = metadata.StringOr("model", ""), endpoint = metadata.StringOr("endpoint", "");
  const std::int64_t version = metadata.IntOr("version", 0), generation = metadata.IntOr("generation", 0);
  if (type == lineage::kVersion && !model.empty() && version > 0) return lineage::VersionTitle(model, version);
  if (type != lineage::kDeployment || endpoint.empty() || generation <= 0) return "";
  return lineage::DeploymentTitle(endpoint, generation);
}

std::string PartOf(const std::vector<KeyPart>& parts, std::string_view name) {
  for (const KeyPart& part : parts) {
    if (part.name == name) return part.value;
  }
  return {};
}

/// The built-in steps' version and build; for a program of the user's own the digest of its command and files.
std::string CodeVersion(const FinishedStep& finished) {
  if (!finished.step.uses.empty()) return PartOf(finished.parts, "program");
  std::vector<KeyPart> code;
  for (const KeyPart& part : finished.parts) {
    if (part.name == "run" || part.name.starts_with(kFilePrefix)) code.push_back(part);
  }
  return Cat("sha256:", Sha256Hex(PartsToJson(code).Dump()));
}

Json Configuration(const FinishedStep& finished) {
  Json params = Json::MakeObject();
  for (const auto& [name, value] : finished.graph.params) params[name] = value;
  Json argv = Json::MakeArray();
  for (const std::string& word : finished.step.argv) argv.Append(word);
  return Json::Make({{"uses", finished.step.uses},
                     {"run", std::move(argv)},
                     {"with", finished.step.with},
                     {"used", finished.result.params},
                     {"params", std::move(params)}});
}

std::vector<lineage::InputPort> Inputs(const FinishedStep& finished) {
  std::vector<lineage::InputPort> ports;
  for (const NamedArtifact& input : finished.inputs) {
    ports.push_back({input.name, lineage::ArtifactId(input.artifact.lineage_id), "dataset", input.artifact.digest});
  }
  for (const KeyPart& part : finished.parts) {
    if (part.name.starts_with(kFilePrefix) && part.value != "absent")
      ports.push_back({part.name, {}, "file", part.value});
    if (part.name == "goal") ports.push_back({"goal", {}, "goal", part.value});
  }
  return ports;
}

}  // namespace

Result<std::vector<NamedArtifact>> RecordLineage(db::Transaction& transaction, const lineage::Lineage& lineage,
                                                 const FinishedStep& finished, const Json& environment) {
  lineage::NewExecution execution;
  execution.id = lineage::ExecutionId(finished.attempt_id);
  execution.type = finished.step.uses.empty() ? "run" : finished.step.uses;
  execution.name = Cat(finished.graph.pipeline, "/", finished.step.name);
  execution.state =
      finished.reused_from.empty() ? lineage::ExecutionState::kComplete : lineage::ExecutionState::kCached;
  execution.inputs = Inputs(finished);
  for (const NamedArtifact& output : finished.outputs) {
    const std::string type = TypeOf(finished.step, output);
    execution.outputs.push_back(
        {output.name, type, output.artifact.digest, output.artifact.metadata, {}, TitleOf(type, output)});
  }
  execution.code_version = CodeVersion(finished);
  execution.configuration = Configuration(finished);
  execution.environment = environment;
  execution.contexts = {{"default", "run", finished.run.text()}, {"default", "pipeline", finished.graph.pipeline}};
  execution.started = finished.started;
  execution.ended = finished.ended;
  const lineage::Recorded recorded = TRY(lineage.RecordExecution(transaction, execution));
  std::vector<NamedArtifact> outputs = finished.outputs;
  for (NamedArtifact& output : outputs) {
    const auto found = recorded.outputs.find(output.name);
    if (found != recorded.outputs.end()) output.artifact.lineage_id = found->second.text();
  }
  return outputs;
}

}  // namespace mw::pipelines
