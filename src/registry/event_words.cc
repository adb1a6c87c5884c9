// Data members as MLflow names them; versions are texts.
#include "registry/event_words.h"

#include <algorithm>

#include "base/text.h"

namespace mw::registry {
namespace {

constexpr std::string_view kPromptText = "mlflow.prompt.text", kPromptKind = "_mlflow_prompt_type";

Json TagsJson(const Tags& tags) {
  Json json = Json::MakeObject();
  for (const auto& [key, value] : tags) json[key] = value;
  return json;
}

Json TextOrNull(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json Without(const Json& object, std::initializer_list<std::string_view> keys) {
  Json kept = Json::MakeObject();
  for (const auto& [key, value] : object.AsObject()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) kept[key] = value;
  }
  return kept;
}

Json TagData(std::string_view name, const std::string& key, const std::string* value) {
  Json data = Json::Make({{"name", Json(name)}, {"key", key}});
  if (value != nullptr) data["value"] = *value;
  return data;
}

}  // namespace

Event ModelCreated(const NewModel& model) {
  return {"registered_model", "created",
          Json::Make({{"name", model.name.model}, {"tags", TagsJson(model.tags)}, {"description", model.description}})};
}

Event VersionCreated(const ModelVersion& version) {
  return {"model_version", "created",
          Json::Make({{"name", version.model},
                      {"version", Cat(version.version)},
                      {"source", version.source_uri.empty() ? version.package : version.source_uri},
                      {"run_id", TextOrNull(version.run_id)},
                      {"tags", TagsJson(version.tags)},
                      {"description", TextOrNull(version.description)}})};
}

Event VersionTagChanged(const ModelVersion& version, const std::string& key, const std::string* value) {
  Json data = TagData(version.model, key, value);
  data["version"] = Cat(version.version);
  return {"model_version_tag", value == nullptr ? "deleted" : "set", std::move(data)};
}

Event PromptTagChanged(const ModelName& name, const std::string& key, const std::string* value) {
  return {"prompt_tag", value == nullptr ? "deleted" : "set", TagData(name.model, key, value)};
}

Event AliasChanged(const ModelName& name, const AliasChange& change) {
  Json data = Json::Make({{"name", name.model}, {"alias", change.alias}});
  if (change.version != 0) data["version"] = Cat(change.version);
  return {"model_version_alias", change.version == 0 ? "deleted" : "created", std::move(data)};
}

Event OfPrompt(Event event) {
  if (event.entity == "prompt_tag") return event;
  if (event.entity == "model_version_tag") event.entity = "prompt_version_tag";
  if (event.entity == "model_version_alias") event.entity = "prompt_alias";
  const bool version = event.entity == "model_version";
  if (!version && event.entity != "registered_model") return event;
  event.entity = version ? "prompt_version" : "prompt";
  const Json tags = *event.data.Find("tags");
  event.data = Without(event.data, {"source", "run_id"});
  event.data["tags"] = Without(tags, {kPromptTag, kPromptText, kPromptKind});
  const Json* text = tags.Find(kPromptText);
  if (version) event.data["template"] = text == nullptr ? Json() : *text;
  return event;
}

}  // namespace mw::registry
