// Resources as JSON.
#include "api/metadata/resources.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "lineage/schema_title.h"

namespace mw::api::metadata {
namespace {

using lineage::Noun;

/// What all three have.
template <typename Resource>
Json Common(std::string name, std::string_view display_name, std::string title, const Resource& resource,
            const Json& metadata) {
  Json json = Json::Make({{"name", std::move(name)},
                          {"displayName", display_name},
                          {"createTime", FormatTime(resource.created)},
                          {"updateTime", FormatTime(resource.updated)},
                          {"schemaTitle", std::move(title)},
                          {"schemaVersion", resource.notes.schema_version},
                          {"metadata", metadata},
                          {"labels", resource.notes.labels},
                          {"description", resource.notes.description}});
  json["etag"] = Sha256Hex(json.Dump()).substr(0, 16);
  return json;
}

Json With(const Json& metadata, const char* key, const std::string& value) {
  Json all = metadata;
  if (!value.empty() && all.Find(key) == nullptr) all[key] = value;
  return all;
}

bool Wanted(const std::vector<std::string>& mask, std::string_view field) {
  return mask.empty() || std::find(mask.begin(), mask.end(), field) != mask.end();
}

Status TakeText(const Json& body, const std::vector<std::string>& mask, std::string_view field, std::string& out) {
  const Json* value = body.Find(field);
  if (!Wanted(mask, field)) return Ok();
  if (value == nullptr || value->IsNull()) {
    if (!mask.empty()) out.clear();
    return Ok();
  }
  if (!value->IsString()) return InvalidArgument(field, " must be text");
  out = value->AsString();
  return Ok();
}

Status TakeObject(const Json& body, const std::vector<std::string>& mask, std::string_view field, Json& out) {
  const Json* value = body.Find(field);
  if (!Wanted(mask, field)) return Ok();
  if (value == nullptr || value->IsNull()) {
    if (!mask.empty()) out = Json::MakeObject();
    return Ok();
  }
  if (!value->IsObject()) return InvalidArgument(field, " must be an object");
  out = *value;
  return Ok();
}

template <typename Resource>
Status TakeCommon(const Json& body, const std::vector<std::string>& mask, Resource& resource) {
  TRY(TakeObject(body, mask, "metadata", resource.metadata));
  TRY(TakeObject(body, mask, "labels", resource.notes.labels));
  TRY(TakeText(body, mask, "description", resource.notes.description));
  TRY(TakeText(body, mask, "schemaVersion", resource.notes.schema_version));
  for (const auto& [key, value] : resource.notes.labels.AsObject()) {
    if (!value.IsString()) return InvalidArgument("label ", Quoted(key), " must be text");
  }
  return Ok();
}

}  // namespace

std::string ArtifactName(const lineage::ArtifactId& id) { return Cat(kStore, "/artifacts/", id.text()); }
std::string ExecutionName(const lineage::ExecutionId& id) { return Cat(kStore, "/executions/", id.text()); }
std::string ContextName(const lineage::ContextId& id) { return Cat(kStore, "/contexts/", id.text()); }

std::string IdOf(std::string_view name) { return std::string(name.substr(name.rfind('/') + 1)); }

Json ToJson(const lineage::Artifact& artifact) {
  Json json = Common(ArtifactName(artifact.id), artifact.title, SchemaTitle(Noun::kArtifact, artifact.type), artifact,
                     With(artifact.metadata, "digest", artifact.digest));
  json["uri"] = artifact.uri;
  json["state"] = ToUpper(StateName(artifact.state));
  return json;
}

Json ToJson(const lineage::Execution& execution) {
  Json json = Common(ExecutionName(execution.id), execution.name, SchemaTitle(Noun::kExecution, execution.type),
                     execution, With(execution.metadata, "code_version", execution.code_version));
  json["state"] = ToUpper(StateName(execution.state));
  return json;
}

Json ToJson(const lineage::Context& context) {
  Json json = Common(ContextName(context.id), context.name.name, SchemaTitle(Noun::kContext, context.name.type),
                     context, context.metadata);
  Json parents = Json::MakeArray();
  for (const lineage::ContextId& parent : context.parents) parents.Append(ContextName(parent));
  json["parentContexts"] = std::move(parents);
  return json;
}

Json ToJson(const lineage::Event& event) {
  return Json::Make({{"artifact", ArtifactName(event.artifact)},
                     {"execution", ExecutionName(event.execution)},
                     {"eventTime", FormatTime(event.at)},
                     {"type", event.direction == lineage::Direction::kInput ? "INPUT" : "OUTPUT"},
                     {"labels", Json::Make({{"port", event.port}})}});
}

Json ToJson(const lineage::Graph& graph) {
  Json artifacts = Json::MakeArray(), executions = Json::MakeArray(), events = Json::MakeArray();
  for (const lineage::Artifact& artifact : graph.artifacts) artifacts.Append(ToJson(artifact));
  for (const lineage::Execution& execution : graph.executions) executions.Append(ToJson(execution));
  for (const lineage::Event& event : graph.events) events.Append(ToJson(event));
  return Json::Make(
      {{"artifacts", std::move(artifacts)}, {"executions", std::move(executions)}, {"events", std::move(events)}});
}

Status Take(const Json& body, const std::vector<std::string>& mask, lineage::Artifact& artifact) {
  TRY(TakeCommon(body, mask, artifact));
  TRY(TakeText(body, mask, "displayName", artifact.title));
  TRY(TakeText(body, mask, "uri", artifact.uri));
  std::string state(StateName(artifact.state));
  TRY(TakeText(body, mask, "state", state));
  const auto known = lineage::ArtifactStateFromName(ToLower(state));
  if (!known) return InvalidArgument("state is PENDING or LIVE, not ", Quoted(state));
  artifact.state = *known;
  return Ok();
}

Status Take(const Json& body, const std::vector<std::string>& mask, lineage::Execution& execution) {
  TRY(TakeCommon(body, mask, execution));
  TRY(TakeText(body, mask, "displayName", execution.name));
  std::string state(StateName(execution.state));
  TRY(TakeText(body, mask, "state", state));
  const auto known = lineage::ExecutionStateFromName(ToLower(state));
  if (!known) {
    return InvalidArgument("state is NEW, RUNNING, COMPLETE, FAILED, CACHED or CANCELLED, not ", Quoted(state));
  }
  execution.state = *known;
  return Ok();
}

Status Take(const Json& body, const std::vector<std::string>& mask, lineage::Context& context) {
  TRY(TakeCommon(body, mask, context));
  return TakeText(body, mask, "displayName", context.name.name);
}

Result<std::vector<lineage::Event>> EventsOf(const Json& body) {
  const Json* list = body.Find("events");
  if (list == nullptr || !list->IsArray()) return InvalidArgument("events must be a list");
  std::vector<lineage::Event> events;
  for (const Json& each : list->AsArray()) {
    lineage::Event event;
    event.artifact = lineage::ArtifactId(IdOf(TRY(each.GetString("artifact"))));
    const std::string type = each.StringOr("type", "");
    if (type != "INPUT" && type != "OUTPUT") return InvalidArgument("type is INPUT or OUTPUT, not ", Quoted(type));
    event.direction = type == "INPUT" ? lineage::Direction::kInput : lineage::Direction::kOutput;
    const Json* labels = each.Find("labels");
    if (labels != nullptr) event.port = labels->StringOr("port", "");
    events.push_back(std::move(event));
  }
  return events;
}

Result<std::string> TypeOf(const Json& body, std::string_view noun) {
  const std::string title = body.StringOr("schemaTitle", "");
  if (!title.empty() && title.find('.') == std::string::npos) {
    return InvalidArgument("schemaTitle ", Quoted(title), " needs a namespace: acme.", title);
  }
  if (title.size() > 128) return InvalidArgument("schemaTitle is longer than 128 bytes");
  const Noun kind = noun == "artifacts" ? Noun::kArtifact : noun == "executions" ? Noun::kExecution : Noun::kContext;
  return lineage::TypeOfTitle(kind, title);
}

}  // namespace mw::api::metadata
