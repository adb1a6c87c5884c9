// Members in the protocol's order; what is empty is left out where MLflow leaves it out.
#include "api/mlflow/registry_words.h"

#include <algorithm>

#include "api/mlflow/answers.h"
#include "api/mlflow/validation.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

constexpr std::size_t kAliasCharactersMax = 255;
constexpr std::string_view kPromptTextTag = "mlflow.prompt.text";

Status CheckRegisteredName(std::string_view parameter, std::string_view name) {
  if (Trim(name).empty()) return InvalidArgument("Missing value for required parameter '", parameter, "'.");
  if (name.find_first_of("/:") != std::string_view::npos) {
    return InvalidArgument("Invalid model name '", name, "'. Names cannot contain '/' or ':'.");
  }
  return CheckLeadsNowhereElse(parameter, name);
}

/// "v27"
bool IsVersionAlias(std::string_view alias) {
  return alias.size() > 1 && (alias[0] == 'v' || alias[0] == 'V') &&
         std::all_of(alias.begin() + 1, alias.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Json MillisJson(Timestamp at) { return ToMicros(at) / 1000; }

void AddList(Json& object, std::string_view key, Json list) {
  if (!list.AsArray().empty()) object[key] = std::move(list);
}

}  // namespace

Result<registry::ModelName> RequiredModelName(const Parameters& parameters, std::string_view parameter) {
  registry::ModelName name;
  name.model = TRY(parameters.RequiredText(parameter));
  TRY(CheckRegisteredName(parameter, name.model));
  return name;
}

Result<std::int64_t> RequiredVersion(const Parameters& parameters) {
  const std::string text = TRY(parameters.RequiredText("version"));
  if (const auto number = ParseInt(Trim(text))) return *number;
  return InvalidArgument("Parameter 'version' must be an integer, got '", text, "'.");
}

Result<std::pair<std::string, std::string>> RegistryTag(const Parameters& tag) {
  std::pair<std::string, std::string> out;
  out.first = TRY(tag.RequiredText("key"));
  out.second = TRY(tag.Text("value"));
  TRY(CheckName("key", out.first));
  TRY(CheckLength("key", out.first, kKeyCharactersMax));
  if (out.first == kPromptTextTag && !CheckLength("", out.second, kRegistryTagCharactersMax).ok()) {
    return InvalidArgument("Prompt text exceeds max length of ", kRegistryTagCharactersMax, " characters.");
  }
  TRY(CheckLength("value", out.second, kRegistryTagCharactersMax));
  return out;
}

Result<registry::Tags> RegistryTags(const Parameters& parameters) {
  registry::Tags tags;
  const std::vector<Parameters> list = TRY(parameters.List("tags"));
  for (const Parameters& tag : list) {
    auto [key, value] = TRY(RegistryTag(tag));
    tags[key] = std::move(value);
  }
  return tags;
}

Status CheckAlias(std::string_view alias, bool to_set) {
  if (!IsAliasText(alias)) {
    return InvalidArgument("Invalid alias name: '", alias,
                           "'. Names may only contain alphanumerics, underscores (_), and dashes (-).");
  }
  TRY(CheckLength("Registered model alias name", alias, kAliasCharactersMax));
  if (!to_set) return Ok();
  if (EqualsIgnoreCase(alias, "latest")) {
    return InvalidArgument("'latest' alias name (case insensitive) is reserved.");
  }
  if (IsVersionAlias(alias)) return InvalidArgument("Version alias name '", alias, "' is reserved.");
  return Ok();
}

std::string SourceOfVersion(const registry::ModelVersion& version) {
  return version.source_uri.empty() ? Cat("millwright:/packages/", version.package) : version.source_uri;
}

Json VersionJson(const registry::ModelVersion& version) {
  Json out = Json::Make({{"name", version.model},
                         {"version", Cat(version.version)},
                         {"creation_timestamp", MillisJson(version.created)},
                         {"last_updated_timestamp", MillisJson(version.updated)},
                         {"current_stage", registry::StageName(version.stage)},
                         {"description", version.description},
                         {"source", SourceOfVersion(version)},
                         {"run_id", version.run_id},
                         {"status", "READY"}});
  AddList(out, "tags", PairsJson(version.tags));
  out["run_link"] = version.run_link;
  Json aliases = Json::MakeArray();
  for (const std::string& alias : version.aliases) aliases.Append(alias);
  AddList(out, "aliases", std::move(aliases));
  if (!version.logged_model.empty()) out["model_id"] = version.logged_model;
  return out;
}

Json ModelJson(const registry::Model& model) {
  Json out = Json::Make({{"name", model.name},
                         {"creation_timestamp", MillisJson(model.created)},
                         {"last_updated_timestamp", MillisJson(model.updated)},
                         {"description", model.description}});
  Json latest = Json::MakeArray();
  for (const registry::ModelVersion& version : model.latest) latest.Append(VersionJson(version));
  AddList(out, "latest_versions", std::move(latest));
  AddList(out, "tags", PairsJson(model.tags));
  Json aliases = Json::MakeArray();
  for (const registry::ModelAlias& alias : model.aliases) {
    aliases.Append(Json::Make({{"alias", alias.alias}, {"version", Cat(alias.version)}}));
  }
  AddList(out, "aliases", std::move(aliases));
  return out;
}

Error NoSuchModel(const registry::ModelName& name) {
  return NotFound("Registered Model with name=", name.model, " not found");
}

Error NoSuchVersion(const registry::ModelName& name, std::int64_t version) {
  return NotFound("Model Version (name=", name.model, ", version=", version, ") not found");
}

}  // namespace mw::api::mlflow
