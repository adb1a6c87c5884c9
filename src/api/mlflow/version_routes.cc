// model-versions/*
#include <algorithm>
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/model_source.h"
#include "api/mlflow/registry_words.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/version_source.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using registry::ModelName;
using registry::Registry;

constexpr std::int64_t kVersionsFoundMax = 200'000;
/// Rows of one page, however many are asked for: the client goes on by its token.
constexpr std::int64_t kPageMost = 10'000;

Json VersionAnswer(const registry::ModelVersion& version) {
  return Json::Make({{"model_version", VersionJson(version)}});
}

bool IsPrompt(const registry::Tags& tags) {
  const auto tag = tags.find(std::string(registry::kPromptTag));
  return tag != tags.end() && EqualsIgnoreCase(tag->second, "true");
}

Result<registry::NewVersion> NewVersionOf(const Parameters& parameters) {
  registry::NewVersion version;
  version.name = TRY(RequiredModelName(parameters));
  version.source_uri = TRY(parameters.RequiredText("source"));
  version.run_id = TRY(parameters.Text("run_id"));
  version.run_link = TRY(parameters.Text("run_link"));
  version.description = TRY(parameters.Text("description"));
  version.logged_model = TRY(parameters.Text("model_id"));
  version.tags = TRY(RegistryTags(parameters));
  version.makes_model = false;
  const SourceOf of = IsPrompt(version.tags)         ? SourceOf::kPrompt
                      : version.logged_model.empty() ? SourceOf::kRun
                                                     : SourceOf::kLoggedModel;
  TRY(CheckSource(version.source_uri, of));
  return version;
}

Task<Result<Json>> CreateVersion(SourceWorld world, const Parameters& parameters) {
  registry::NewVersion version = CO_TRY(NewVersionOf(parameters));
  const ModelName name = version.name;
  if (!IsPrompt(version.tags)) CO_TRY(co_await FollowSource(world, version));
  auto made = co_await world.registry.CreateVersion(std::move(version));
  const registry::ModelVersion created = CO_TRY(Worded(std::move(made), NoSuchModel(name)));
  co_return VersionAnswer(created);
}

struct Named {
  ModelName name;
  std::int64_t version = 0;
};

Result<Named> NamedIn(const Parameters& parameters) {
  Named named;
  named.name = TRY(RequiredModelName(parameters));
  named.version = TRY(RequiredVersion(parameters));
  return named;
}

Error Missing(const Named& named) { return NoSuchVersion(named.name, named.version); }

Task<Result<registry::ModelVersion>> FindVersion(Registry& registry, const Parameters& parameters) {
  const Named named = CO_TRY(NamedIn(parameters));
  auto version = co_await registry.GetVersion(named.name, Cat(named.version));
  co_return Worded(std::move(version), Missing(named));
}

Task<Result<Json>> GetVersion(Registry& registry, const Parameters& parameters) {
  const registry::ModelVersion version = CO_TRY(co_await FindVersion(registry, parameters));
  co_return VersionAnswer(version);
}

Task<Result<Json>> GetDownloadUri(Registry& registry, const Parameters& parameters) {
  const registry::ModelVersion version = CO_TRY(co_await FindVersion(registry, parameters));
  const std::string& files = version.FilesUri();
  co_return Json::Make({{"artifact_uri", files.empty() ? SourceOfVersion(version) : files}});
}

Task<Result<Json>> UpdateVersion(Registry& registry, const Parameters& parameters) {
  const Named named = CO_TRY(NamedIn(parameters));
  std::string description = CO_TRY(parameters.Text("description"));
  auto version = co_await registry.DescribeVersion(named.name, named.version, std::move(description));
  co_return VersionAnswer(CO_TRY(Worded(std::move(version), Missing(named))));
}

Task<Result<Json>> TransitionVersion(Registry& registry, const Parameters& parameters) {
  const Named named = CO_TRY(NamedIn(parameters));
  const std::string text = CO_TRY(parameters.RequiredText("stage"));
  const registry::Stage stage = CO_TRY(registry::ParseStage(text));
  const bool archive = CO_TRY(parameters.Bool("archive_existing_versions", false));
  if (archive && stage != registry::Stage::kStaging && stage != registry::Stage::kInProduction) {
    co_return InvalidArgument("Model version transition cannot archive existing model versions because '", text,
                              "' is not an Active stage. Valid stages are ['Staging', 'Production']");
  }
  auto version = co_await registry.SetStage(named.name, named.version, stage, archive);
  co_return VersionAnswer(CO_TRY(Worded(std::move(version), Missing(named))));
}

Task<Result<Json>> DeleteVersion(Registry& registry, const Parameters& parameters) {
  const Named named = CO_TRY(NamedIn(parameters));
  Status deleted = co_await registry.DeleteVersion(named.name, named.version);
  CO_TRY(Worded(std::move(deleted), Missing(named)));
  co_return Json::MakeObject();
}

Task<Result<Json>> SetVersionTag(Registry& registry, const Parameters& parameters) {
  const Named named = CO_TRY(NamedIn(parameters));
  auto [key, value] = CO_TRY(RegistryTag(parameters));
  Status set = co_await registry.SetVersionTag(named.name, named.version, std::move(key), std::move(value));
  CO_TRY(Worded(std::move(set), Missing(named)));
  co_return Json::MakeObject();
}

Task<Result<Json>> DeleteVersionTag(Registry& registry, const Parameters& parameters) {
  const Named named = CO_TRY(NamedIn(parameters));
  std::string key = CO_TRY(parameters.RequiredText("key"));
  Status deleted = co_await registry.DeleteVersionTag(named.name, named.version, std::move(key));
  CO_TRY(Worded(std::move(deleted), Missing(named)));
  co_return Json::MakeObject();
}

Result<registry::SearchQuery> VersionQueryOf(const Parameters& parameters) {
  registry::SearchQuery query;
  query.filter = TRY(search::ParseModelVersionFilter(TRY(parameters.Text("filter"))));
  query.order = registry::WholeVersionOrder(TRY(search::ParseModelVersionOrderBy(TRY(parameters.Texts("order_by")))));
  const std::optional<std::int64_t> asked = TRY(parameters.Int("max_results"));
  const std::int64_t limit = asked.value_or(kVersionsFoundMax);
  if (limit < 1) {
    return InvalidArgument("Invalid value for max_results. It must be a positive integer, but got ", limit);
  }
  if (limit > kVersionsFoundMax) {
    return InvalidArgument("Invalid value ", limit, " for parameter 'max_results' supplied: Invalid value for request ",
                           "parameter max_results. It must be at most ", kVersionsFoundMax, ", but got value ", limit);
  }
  query.limit = std::min(limit, kPageMost);
  query.after = TRY(registry::ParsePageToken(TRY(parameters.Text("page_token")), query.order));
  return query;
}

Task<Result<Json>> SearchVersions(Registry& registry, const Parameters& parameters) {
  registry::SearchQuery query = CO_TRY(VersionQueryOf(parameters));
  const registry::VersionPage page = CO_TRY(co_await registry.SearchVersions(std::move(query)));
  Json versions = Json::MakeArray();
  for (const registry::ModelVersion& version : page.versions) versions.Append(VersionJson(version));
  Json answer = ListJson("model_versions", std::move(versions));
  if (!page.next.empty()) answer["next_page_token"] = registry::PageToken(page.next);
  co_return answer;
}

}  // namespace

void AddVersionRoutes(net::RouteTable& routes, Registry& registry, tracking::Tracking& tracking,
                      tracking::LoggedModels& models) {
  const SourceWorld world{registry, tracking, models};
  AddRpc(routes, Method::kPost, "/model-versions/create", Permission::kWrite,
         [world](const Parameters& parameters, net::Request&) { return CreateVersion(world, parameters); });
  const auto add = [&](Method method, std::string_view path, Permission permission, auto call) {
    AddRpc(routes, method, Cat("/model-versions/", path), permission,
           [&registry, call](const Parameters& parameters, net::Request&) { return call(registry, parameters); });
  };
  add(Method::kGet, "get", Permission::kRead, GetVersion);
  add(Method::kPatch, "update", Permission::kWrite, UpdateVersion);
  add(Method::kPost, "transition-stage", Permission::kDeploy, TransitionVersion);
  add(Method::kDelete, "delete", Permission::kDeploy, DeleteVersion);
  add(Method::kGet, "search", Permission::kRead, SearchVersions);
  add(Method::kGet, "get-download-uri", Permission::kRead, GetDownloadUri);
  add(Method::kPost, "set-tag", Permission::kWrite, SetVersionTag);
  add(Method::kDelete, "delete-tag", Permission::kWrite, DeleteVersionTag);
}

}  // namespace mw::api::mlflow
