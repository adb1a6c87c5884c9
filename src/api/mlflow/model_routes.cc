// registered-models/*
#include <algorithm>
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/registry_words.h"
#include "api/mlflow/routes.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using registry::ModelName;
using registry::Registry;

constexpr std::int64_t kModelsFoundMax = 1000, kModelsFoundDefault = 100;

Json ModelAnswer(const registry::Model& model) { return Json::Make({{"registered_model", ModelJson(model)}}); }

Task<Result<Json>> CreateModel(Registry& registry, const Parameters& parameters) {
  registry::NewModel model;
  model.name = CO_TRY(RequiredModelName(parameters));
  model.description = CO_TRY(parameters.Text("description"));
  model.tags = CO_TRY(RegistryTags(parameters));
  const ModelName name = model.name;
  auto made = co_await registry.CreateModel(std::move(model));
  if (!made.ok() && made.error().code == Code::kAlreadyExists) {
    co_return AlreadyExists("Registered Model (name=", name.model, ") already exists.");
  }
  co_return ModelAnswer(CO_TRY(std::move(made)));
}

Task<Result<Json>> GetModel(Registry& registry, const Parameters& parameters) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  auto model = co_await registry.GetModel(name);
  co_return ModelAnswer(CO_TRY(Worded(std::move(model), NoSuchModel(name))));
}

Task<Result<Json>> UpdateModel(Registry& registry, const Parameters& parameters) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  std::string description = CO_TRY(parameters.Text("description"));
  auto model = co_await registry.DescribeModel(name, std::move(description));
  co_return ModelAnswer(CO_TRY(Worded(std::move(model), NoSuchModel(name))));
}

Task<Result<Json>> RenameModel(Registry& registry, const Parameters& parameters) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  const ModelName to = CO_TRY(RequiredModelName(parameters, "new_name"));
  auto model = co_await registry.RenameModel(name, to.model);
  if (!model.ok() && model.error().code == Code::kAlreadyExists) {
    co_return AlreadyExists("Registered Model (name=", to.model, ") already exists.");
  }
  co_return ModelAnswer(CO_TRY(Worded(std::move(model), NoSuchModel(name))));
}

Task<Result<Json>> DeleteModel(Registry& registry, const Parameters& parameters) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  Status deleted = co_await registry.DeleteModel(name);
  CO_TRY(Worded(std::move(deleted), NoSuchModel(name)));
  co_return Json::MakeObject();
}

Result<registry::SearchQuery> ModelQueryOf(const Parameters& parameters) {
  registry::SearchQuery query;
  query.filter = TRY(search::ParseRegisteredModelFilter(TRY(parameters.Text("filter"))));
  query.order = registry::WholeModelOrder(TRY(search::ParseRegisteredModelOrderBy(TRY(parameters.Texts("order_by")))));
  const std::optional<std::int64_t> limit = TRY(parameters.Int("max_results"));
  query.limit = limit.value_or(kModelsFoundDefault);
  if (query.limit > kModelsFoundMax) {
    return InvalidArgument("Invalid value ", query.limit, " for parameter 'max_results' supplied: Invalid value for ",
                           "request parameter max_results. It must be at most ", kModelsFoundMax, ", but got value ",
                           query.limit);
  }
  if (query.limit < 1) {
    return InvalidArgument("Invalid value for max_results. It must be a positive integer, but got ", query.limit);
  }
  query.after = TRY(registry::ParsePageToken(TRY(parameters.Text("page_token")), query.order));
  return query;
}

Task<Result<Json>> SearchModels(Registry& registry, const Parameters& parameters) {
  registry::SearchQuery query = CO_TRY(ModelQueryOf(parameters));
  const registry::ModelPage page = CO_TRY(co_await registry.SearchModels(std::move(query)));
  Json models = Json::MakeArray();
  for (const registry::Model& model : page.models) models.Append(ModelJson(model));
  Json answer = ListJson("registered_models", std::move(models));
  if (!page.next.empty()) answer["next_page_token"] = registry::PageToken(page.next);
  co_return answer;
}

/// The newest version of each stage that is asked for.
Task<Result<Json>> GetLatest(Registry& registry, const Parameters& parameters) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  std::vector<registry::Stage> stages;
  const std::vector<std::string> names = CO_TRY(parameters.Texts("stages"));
  for (const std::string& stage : names) stages.push_back(CO_TRY(registry::ParseStage(stage)));
  auto found = co_await registry.GetModel(name);
  const registry::Model model = CO_TRY(Worded(std::move(found), NoSuchModel(name)));
  Json versions = Json::MakeArray();
  for (const registry::ModelVersion& version : model.latest) {
    const bool asked = stages.empty() || std::find(stages.begin(), stages.end(), version.stage) != stages.end();
    if (asked) versions.Append(VersionJson(version));
  }
  co_return ListJson("model_versions", std::move(versions));
}

Task<Result<Json>> SetModelTag(Registry& registry, const Parameters& parameters) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  auto [key, value] = CO_TRY(RegistryTag(parameters));
  Status set = co_await registry.SetModelTag(name, std::move(key), std::move(value));
  CO_TRY(Worded(std::move(set), NoSuchModel(name)));
  co_return Json::MakeObject();
}

Task<Result<Json>> DeleteModelTag(Registry& registry, const Parameters& parameters) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  std::string key = CO_TRY(parameters.RequiredText("key"));
  Status deleted = co_await registry.DeleteModelTag(name, std::move(key));
  CO_TRY(Worded(std::move(deleted), NoSuchModel(name)));
  co_return Json::MakeObject();
}

Result<std::string> AliasOf(const Parameters& parameters, bool to_set) {
  std::string alias = TRY(parameters.RequiredText("alias"));
  TRY(CheckAlias(alias, to_set));
  return alias;
}

Task<Result<Json>> SetAlias(Registry& registry, const Parameters& parameters, const std::string& who) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  std::string alias = CO_TRY(AliasOf(parameters, true));
  const std::int64_t version = CO_TRY(RequiredVersion(parameters));
  auto change = co_await registry.SetAlias(name, std::move(alias), version, who);
  CO_TRY(Worded(std::move(change), NoSuchVersion(name, version)));
  co_return Json::MakeObject();
}

/// An alias that is not there is as good as deleted.
Task<Result<Json>> DeleteAlias(Registry& registry, const Parameters& parameters, const std::string& who) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  std::string alias = CO_TRY(AliasOf(parameters, false));
  auto change = co_await registry.RemoveAlias(name, std::move(alias), who);
  if (change.ok()) co_return Json::MakeObject();
  if (change.error().code != Code::kNotFound) co_return change.error();
  auto model = co_await registry.GetModel(name);
  CO_TRY(Worded(std::move(model), NoSuchModel(name)));
  co_return Json::MakeObject();
}

Task<Result<Json>> GetByAlias(Registry& registry, const Parameters& parameters) {
  const ModelName name = CO_TRY(RequiredModelName(parameters));
  const std::string alias = CO_TRY(AliasOf(parameters, false));
  auto found = co_await registry.GetModel(name);
  const registry::Model model = CO_TRY(Worded(std::move(found), NoSuchModel(name)));
  const bool latest = EqualsIgnoreCase(alias, "latest");
  if (latest && model.versions == 0) co_return NotFound("Latest version not found for model ", name.model, ".");
  const bool set = std::any_of(model.aliases.begin(), model.aliases.end(),
                               [&](const registry::ModelAlias& one) { return one.alias == alias; });
  const Error missing = InvalidArgument("Registered model alias ", alias, " not found.");
  if (!latest && !set) co_return missing;
  auto version = co_await registry.GetVersion(name, alias);
  const registry::ModelVersion answer = CO_TRY(Worded(std::move(version), missing));
  co_return Json::Make({{"model_version", VersionJson(answer)}});
}

}  // namespace

void AddModelRoutes(net::RouteTable& routes, Registry& registry) {
  const auto add = [&](Method method, std::string_view path, Permission permission, auto call) {
    AddRpc(routes, method, Cat("/registered-models/", path), permission,
           [&registry, call](const Parameters& parameters, net::Request&) { return call(registry, parameters); });
  };
  const auto add_as = [&](Method method, std::string_view path, auto call) {
    AddRpc(routes, method, Cat("/registered-models/", path), Permission::kDeploy,
           [&registry, call](const Parameters& parameters, net::Request& request) {
             return call(registry, parameters, request.principal.name);
           });
  };
  add(Method::kPost, "create", Permission::kWrite, CreateModel);
  add(Method::kGet, "get", Permission::kRead, GetModel);
  add(Method::kPatch, "update", Permission::kWrite, UpdateModel);
  add(Method::kPost, "rename", Permission::kDeploy, RenameModel);
  add(Method::kDelete, "delete", Permission::kDeploy, DeleteModel);
  add(Method::kGet, "search", Permission::kRead, SearchModels);
  add(Method::kGet, "get-latest-versions", Permission::kRead, GetLatest);
  add(Method::kPost, "get-latest-versions", Permission::kRead, GetLatest);
  add(Method::kPost, "set-tag", Permission::kWrite, SetModelTag);
  add(Method::kDelete, "delete-tag", Permission::kWrite, DeleteModelTag);
  add(Method::kGet, "alias", Permission::kRead, GetByAlias);
  add_as(Method::kPost, "alias", SetAlias);
  add_as(Method::kDelete, "alias", DeleteAlias);
}

}  // namespace mw::api::mlflow
