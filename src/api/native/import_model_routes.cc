// Bulk import of the model registry: a model and versions of it in the form of MLflow's own entities.
#include <chrono>
#include <utility>

#include "api/native/handler.h"
#include "api/native/import_fields.h"
#include "api/native/routes.h"
#include "registry/registry.h"

namespace mw::api::native {
namespace {

using registry::ImportedModel;
using registry::Registry;

Result<Timestamp> TimeOf(const Json& json, std::string_view key) {
  return Timestamp(std::chrono::milliseconds(TRY(ImportedInteger(json, key))));
}

Result<registry::Tags> TagsOf(const Json& json) {
  registry::Tags tags;
  for (auto& [key, value] : TRY(ImportedTexts(json, "tags"))) tags[key] = std::move(value);
  return tags;
}

Result<registry::Model> ModelOf(const Json& json) {
  registry::Model model;
  model.project = kProject;
  model.name = TRY(json.GetString("name"));
  model.created = TRY(TimeOf(json, "creation_timestamp"));
  model.updated = TRY(TimeOf(json, "last_updated_timestamp"));
  model.description = json.StringOr("description", "");
  model.tags = TRY(TagsOf(json));
  for (const Json& alias : *TRY(ImportedList(json, "aliases"))) {
    std::string name = TRY(alias.GetString("alias"));
    const std::int64_t version = TRY(ImportedInteger(alias, "version"));
    model.aliases.push_back({std::move(name), version});
  }
  return model;
}

Result<registry::ModelVersion> VersionOf(const std::string& model, const Json& json) {
  registry::ModelVersion version;
  version.project = kProject;
  version.model = model;
  version.version = TRY(ImportedInteger(json, "version"));
  version.metrics = Json::MakeObject();
  version.run_id = json.StringOr("run_id", "");
  version.run_link = json.StringOr("run_link", "");
  version.description = json.StringOr("description", "");
  version.source_uri = json.StringOr("source", "");
  version.storage_uri = json.StringOr("storage_location", "");
  version.logged_model = json.StringOr("model_id", "");
  version.stage = TRY(registry::ParseStage(json.StringOr("current_stage", "None")));
  version.created = TRY(TimeOf(json, "creation_timestamp"));
  version.updated = TRY(TimeOf(json, "last_updated_timestamp"));
  version.tags = TRY(TagsOf(json));
  return version;
}

Task<Result<Response>> PutModel(Registry& registry, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  const Json* model = CO_TRY(ImportedObject(body, "model"));
  const Json::Array* versions = CO_TRY(ImportedList(body, "versions"));
  ImportedModel imported;
  imported.model = CO_TRY(ModelOf(*model));
  for (const Json& version : *versions) imported.versions.push_back(CO_TRY(VersionOf(imported.model.name, version)));
  const auto outcomes = CO_TRY(co_await registry.Import(std::move(imported)));
  Json list = Json::MakeArray();
  for (const registry::ImportOutcome& outcome : outcomes) {
    Json one = Json::Make({{"id", outcome.id}, {"state", registry::ImportStateName(outcome.state)}});
    if (!outcome.why.empty()) one["why"] = outcome.why;
    list.Append(std::move(one));
  }
  co_return net::JsonResponse(Json::Make({{"outcomes", std::move(list)}}));
}

}  // namespace

void AddImportModelRoutes(net::RouteTable& routes, Registry& registry) {
  AddImportRoute(routes, "models", kImportBodyBytesMax, registry, PutModel);
}

}  // namespace mw::api::native
