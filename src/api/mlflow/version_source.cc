// URIs, one scheme after the other.
#include "api/mlflow/version_source.h"

#include <optional>
#include <utility>

#include "api/mlflow/model_source.h"
#include "api/mlflow/registry_words.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using registry::NewVersion;
using tracking::LoggedModelDetails;
using tracking::LoggedModelId;

Error NotWithin(std::string_view source, std::string_view parameter) {
  return InvalidArgument("Invalid model version source: '", source, "'. The ", parameter,
                         " request parameter must identify the resource that contains the source.");
}

Error Unfetched(std::string_view source, const Error& why) {
  return InvalidArgument("Unable to fetch model from model URI source artifact location '", source,
                         "'.Error: ", why.message);
}

Result<std::string> EmptyIfMissing(Result<std::string> root) {
  if (!root.ok() && root.error().code == Code::kNotFound) return std::string();
  return root;
}

Task<Result<std::string>> RootOfModel(SourceWorld world, std::string id) {
  const LoggedModelDetails found = CO_TRY(co_await world.models.Get(LoggedModelId(std::move(id))));
  co_return found.model.artifact_uri;
}

Task<Result<std::string>> RootOfRun(SourceWorld world, std::string id) {
  const tracking::RunDetails found = CO_TRY(co_await world.tracking.GetRun(tracking::RunId(std::move(id))));
  co_return found.run.artifact_uri;
}

/// Where the files of its run or logged model lie; empty: it has none.
Task<Result<std::string>> RootOf(SourceWorld world, const NewVersion& version) {
  if (!version.logged_model.empty()) co_return EmptyIfMissing(co_await RootOfModel(world, version.logged_model));
  if (version.run_id.empty()) co_return std::string();
  co_return EmptyIfMissing(co_await RootOfRun(world, version.run_id));
}

Task<Status> CheckWithin(SourceWorld world, const NewVersion& version) {
  const std::string_view parameter = version.logged_model.empty() ? "run_id" : "model_id";
  if (const std::optional<std::string> run = RunOfSource(version.source_uri)) {
    if (version.logged_model.empty() && !run->empty() && *run == version.run_id) co_return Ok();
    co_return NotWithin(version.source_uri, parameter);
  }
  if (!IsProxySource(version.source_uri)) co_return Ok();
  const std::string root = CO_TRY(co_await RootOf(world, version));
  if (!root.empty() && LiesBelow(version.source_uri, root)) co_return Ok();
  co_return NotWithin(version.source_uri, parameter);
}

/// The version that models:/ names by number, "latest", alias or stage.
Task<Result<registry::ModelVersion>> VersionOfUri(registry::Registry& registry, ModelUri uri) {
  const registry::ModelName name{"default", uri.name};
  const Result<registry::Stage> stage = registry::ParseStage(uri.reference);
  if (uri.by_alias || !stage.ok()) co_return co_await registry.GetVersion(name, uri.reference);
  const registry::Model model = CO_TRY(co_await registry.GetModel(name));
  for (const registry::ModelVersion& version : model.latest) {
    if (version.stage == *stage) co_return version;
  }
  co_return NotFound("no version of ", Quoted(uri.name), " is at stage ", uri.reference);
}

Task<Status> FollowVersion(SourceWorld world, ModelUri uri, NewVersion& version) {
  std::string name = uri.name;
  const auto found = co_await VersionOfUri(world.registry, std::move(uri));
  if (!found.ok()) co_return Unfetched(version.source_uri, found.error());
  const bool other_run = !version.run_id.empty() && version.run_id != found->run_id;
  const bool other_model = !version.logged_model.empty() && version.logged_model != found->logged_model;
  if (other_run || other_model) {
    co_return InvalidArgument("Invalid model version source: '", version.source_uri, "'. The run_id and model_id ",
                              "request parameters must match the referenced model version.");
  }
  version.run_id = found->run_id;
  version.logged_model = found->logged_model;
  version.storage_uri = found->FilesUri().empty() ? SourceOfVersion(*found) : found->FilesUri();
  version.source_uri = Cat("models:/", name, "/", found->version);
  co_return Ok();
}

Task<Status> FollowLoggedModel(SourceWorld world, std::string id, NewVersion& version) {
  if (!version.logged_model.empty() && version.logged_model != id) co_return NotWithin(version.source_uri, "model_id");
  const auto found = co_await world.models.Get(LoggedModelId(std::move(id)));
  if (!found.ok()) co_return Unfetched(version.source_uri, found.error());
  version.logged_model = found->model.id.text();
  version.storage_uri = found->model.artifact_uri;
  co_return Ok();
}

}  // namespace

Task<Status> FollowSource(SourceWorld world, NewVersion& version) {
  const Result<std::optional<ModelUri>> uri = ParseModelUri(version.source_uri);
  if (!uri.ok()) co_return Unfetched(version.source_uri, uri.error());
  if (uri->has_value()) {
    ModelUri named = **uri;
    std::string logged_model = named.logged_model;
    if (logged_model.empty()) {
      CO_TRY(co_await FollowVersion(world, std::move(named), version));
    } else {
      CO_TRY(co_await FollowLoggedModel(world, std::move(logged_model), version));
    }
  } else {
    CO_TRY(co_await CheckWithin(world, version));
  }
  if (!version.run_id.empty() || version.logged_model.empty()) co_return Ok();
  std::string id = version.logged_model;
  const LoggedModelDetails found = CO_TRY(co_await world.models.Get(LoggedModelId(std::move(id))));
  version.run_id = found.model.source_run;
  co_return Ok();
}

}  // namespace mw::api::mlflow
