// Registered models: versions, aliases.
#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "lineage/lineage.h"

namespace mw::api::native {
namespace {

using registry::Registry;

Json TagsJson(const registry::Tags& tags) {
  Json json = Json::MakeObject();
  for (const auto& [key, value] : tags) json[key] = value;
  return json;
}

Json ToJson(const registry::ModelVersion& version) {
  Json aliases = Json::MakeArray();
  for (const std::string& alias : version.aliases) aliases.Append(alias);
  Json sources = Json::MakeArray();
  for (const std::string& source : version.sources) sources.Append(source);
  return Json::Make({{"model", version.model},
                     {"version", version.version},
                     {"package", version.package},
                     {"source", version.source_uri},
                     {"description", version.description},
                     {"stage", registry::StageName(version.stage)},
                     {"tags", TagsJson(version.tags)},
                     {"run_id", version.run_id},
                     {"logged_model", version.logged_model},
                     {"attempt_id", version.attempt_id},
                     {"metrics", version.metrics},
                     {"sources", std::move(sources)},
                     {"aliases", std::move(aliases)},
                     {"created", FormatTime(version.created)}});
}

/// A version that is files alone gets the package that was made of them.
Task<Result<Response>> Pack(Registry& registry, registry::NewVersion version, std::string reference) {
  const registry::ModelVersion files = CO_TRY(co_await registry.GetVersion(version.name, std::move(reference)));
  const registry::ModelVersion packed =
      CO_TRY(co_await registry.AttachPackage(version.name, files.version, version.package));
  if (!version.alias.empty()) {
    CO_TRY(co_await registry.SetAlias(version.name, version.alias, packed.version, "packed"));
  }
  co_return net::JsonResponse(ToJson(packed), 201);
}

/// Each model with where its aliases point.
Task<Result<Response>> List(Registry& registry) {
  Json rows = Json::MakeArray();
  const auto models = CO_TRY(co_await registry.ListModels(std::string(kProject)));
  for (const registry::Model& model : models) {
    Json aliases = Json::MakeArray();
    for (const registry::ModelAlias& alias : model.aliases) {
      aliases.Append(Json::Make({{"alias", alias.alias}, {"version", alias.version}}));
    }
    rows.Append(Json::Make({{"name", model.name},
                            {"latest", model.versions},
                            {"created", FormatTime(model.created)},
                            {"description", model.description},
                            {"tags", TagsJson(model.tags)},
                            {"aliases", std::move(aliases)}}));
  }
  co_return net::JsonResponse(Json::Make({{"models", std::move(rows)}}));
}

Task<Result<Response>> Get(Registry& registry, registry::ModelName name) {
  Json versions = Json::MakeArray();
  for (const registry::ModelVersion& version : CO_TRY(co_await registry.ListVersions(name))) {
    versions.Append(ToJson(version));
  }
  co_return net::JsonResponse(Json::Make({{"name", name.model}, {"versions", std::move(versions)}}));
}

/// What was registered from a logged model.
Task<Result<Response>> OfLoggedModel(Registry& registry, const Request& request) {
  Json versions = Json::MakeArray();
  std::string id = request.params.at("id");
  const auto found = CO_TRY(co_await registry.ListVersionsOf(std::string(kProject), std::move(id)));
  for (const registry::ModelVersion& version : found) versions.Append(ToJson(version));
  co_return net::JsonResponse(Json::Make({{"versions", std::move(versions)}}));
}

Task<Result<Response>> GetVersion(Registry& registry, registry::ModelName name, std::string reference) {
  co_return net::JsonResponse(ToJson(CO_TRY(co_await registry.GetVersion(std::move(name), std::move(reference)))));
}

Result<registry::NewVersion> NewVersionOf(const registry::ModelName& name, const Json& body) {
  registry::NewVersion version;
  version.name = name;
  version.package = TRY(body.GetString("package"));
  if (!blob::IsDigest(version.package)) {
    return InvalidArgument(Quoted(version.package), " is no digest; one is sha256: and 64 hexadecimal digits");
  }
  version.run_id = body.StringOr("run_id", "");
  version.attempt_id = body.StringOr("attempt_id", "");
  version.alias = body.StringOr("alias", "");
  if (const Json* metrics = body.Find("metrics"); metrics != nullptr && metrics->IsObject()) version.metrics = *metrics;
  return version;
}

Task<Result<Response>> Register(Registry& registry, db::Database& database, blob::BlobStore& blobs, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  registry::NewVersion version = CO_TRY(NewVersionOf(ModelNameOf(request), body));
  // A version whose package is not stored could never be served.
  CO_TRY(blobs.Touch(version.package));
  const auto artifacts = CO_TRY(co_await database.Read([&](db::Snapshot& snapshot) {
    return lineage::Lineage::ArtifactsByDigest(snapshot, kProject, version.package);
  }));
  if (std::string of = body.StringOr("version", ""); !of.empty()) {
    co_return co_await Pack(registry, std::move(version), std::move(of));
  }
  if (!artifacts.empty()) version.sources.push_back(artifacts.front().id.text());
  co_return net::JsonResponse(ToJson(CO_TRY(co_await registry.CreateVersion(std::move(version)))), 201);
}

Task<Result<Response>> SetAlias(Registry& registry, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  const std::int64_t version = CO_TRY(body.GetInt("version"));
  const std::string cause = body.StringOr("cause", request.principal.name);
  registry::ModelName name = ModelNameOf(request);
  const registry::AliasChange change =
      CO_TRY(co_await registry.SetAlias(std::move(name), request.params.at("alias"), version, cause));
  co_return net::JsonResponse(
      Json::Make({{"alias", change.alias}, {"version", change.version}, {"previous", change.previous}}));
}

}  // namespace

void AddModelRoutes(net::RouteTable& routes, Registry& registry, db::Database& database, blob::BlobStore& blobs) {
  routes.Add({Method::kGet, "/api/v1/models", Permission::kRead, 0,
              net::Simple([&registry](Request&) { return List(registry); })});
  routes.Add({Method::kGet, "/api/v1/models/{name}", Permission::kRead, 0,
              net::Simple([&registry](Request& request) { return Get(registry, ModelNameOf(request)); })});
  routes.Add({Method::kGet, "/api/v1/models/{name}/versions/{version}", Permission::kRead, 0,
              net::Simple([&registry](Request& request) {
                return GetVersion(registry, ModelNameOf(request), request.params.at("version"));
              })});
  routes.Add({Method::kGet, "/api/v1/logged-models/{id}/versions", Permission::kRead, 0,
              net::Simple([&registry](Request& request) { return OfLoggedModel(registry, request); })});
  routes.Add({Method::kPost, "/api/v1/models/{name}/versions", Permission::kWrite, kJsonBodyBytesMax,
              net::Simple([&](Request& request) { return Register(registry, database, blobs, request); })});
  routes.Add({Method::kPut, "/api/v1/models/{name}/aliases/{alias}", Permission::kDeploy, kJsonBodyBytesMax,
              net::Simple([&registry](Request& request) { return SetAlias(registry, request); })});
}

}  // namespace mw::api::native
