// experiments/*
#include <utility>

#include "api/mlflow/answers.h"
#include "api/mlflow/routes.h"
#include "api/mlflow/validation.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

using net::Method;
using net::Permission;
using tracking::ExperimentId;
using tracking::Tracking;

constexpr const char* kProject = "default";

Result<ExperimentId> ExperimentIdOf(const Parameters& parameters) {
  return ExperimentId(TRY(parameters.RequiredText("experiment_id")));
}

Task<Result<Json>> CreateExperiment(Tracking& tracking, const Parameters& parameters) {
  tracking::NewExperiment experiment;
  experiment.name = CO_TRY(parameters.RequiredText("name"));
  experiment.artifact_location = CO_TRY(parameters.Text("artifact_location"));
  CO_TRY(CheckExperimentName(experiment.name));
  CO_TRY(CheckArtifactLocation(experiment.artifact_location));
  const std::vector<Parameters> tags = CO_TRY(parameters.List("tags"));
  for (const Parameters& tag : tags) {
    const std::string key = CO_TRY(tag.RequiredText("key"));
    CO_TRY(CheckName(Cat(tag.path(), "key"), key));
    CO_TRY(CheckLength(Cat(tag.path(), "key"), key, kKeyCharactersMax));
    const std::string value = CO_TRY(tag.Text("value"));
    CO_TRY(CheckLength(Cat(tag.path(), "value"), value, kExperimentTagCharactersMax));
    experiment.tags[key] = value;
  }
  const ExperimentId id = CO_TRY(co_await tracking.CreateExperiment(std::move(experiment)));
  co_return Json::Make({{"experiment_id", id.text()}});
}

Task<Result<Json>> GetExperiment(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(ExperimentIdOf(parameters));
  const tracking::Experiment experiment = CO_TRY(co_await tracking.GetExperiment(std::move(id)));
  co_return Json::Make({{"experiment", ExperimentJson(experiment)}});
}

Task<Result<Json>> GetExperimentByName(Tracking& tracking, const Parameters& parameters) {
  std::string name = CO_TRY(parameters.RequiredText("experiment_name"));
  const tracking::Experiment experiment = CO_TRY(co_await tracking.GetExperimentByName(kProject, std::move(name)));
  co_return Json::Make({{"experiment", ExperimentJson(experiment)}});
}

Task<Result<Json>> DeleteExperiment(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(ExperimentIdOf(parameters));
  CO_TRY(co_await tracking.DeleteExperiment(std::move(id)));
  co_return Json::MakeObject();
}

Task<Result<Json>> RestoreExperiment(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(ExperimentIdOf(parameters));
  CO_TRY(co_await tracking.RestoreExperiment(std::move(id)));
  co_return Json::MakeObject();
}

Task<Result<Json>> UpdateExperiment(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(ExperimentIdOf(parameters));
  std::string name = CO_TRY(parameters.RequiredText("new_name"));
  CO_TRY(CheckExperimentName(name));
  CO_TRY(co_await tracking.RenameExperiment(std::move(id), std::move(name)));
  co_return Json::MakeObject();
}

Task<Result<Json>> SetExperimentTag(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(ExperimentIdOf(parameters));
  std::string key = CO_TRY(parameters.RequiredText("key"));
  std::string value = CO_TRY(parameters.Text("value"));
  CO_TRY(CheckName("key", key));
  CO_TRY(CheckLength("key", key, kKeyCharactersMax));
  CO_TRY(CheckLength("value", value, kExperimentTagCharactersMax));
  CO_TRY(co_await tracking.SetExperimentTag(std::move(id), std::move(key), std::move(value)));
  co_return Json::MakeObject();
}

Task<Result<Json>> DeleteExperimentTag(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(ExperimentIdOf(parameters));
  std::string key = CO_TRY(parameters.RequiredText("key"));
  CO_TRY(co_await tracking.DeleteExperimentTag(std::move(id), std::move(key)));
  co_return Json::MakeObject();
}

constexpr std::int64_t kExperimentsFoundMax = 50'000;

Result<tracking::ExperimentQuery> ExperimentQueryOf(const Parameters& parameters) {
  tracking::ExperimentQuery query;
  query.filter = TRY(search::ParseExperimentFilter(TRY(parameters.Text("filter"))));
  query.order = TRY(search::ParseExperimentOrderBy(TRY(parameters.Texts("order_by"))));
  const std::string view = TRY(parameters.Enum("view_type", {"ACTIVE_ONLY", "DELETED_ONLY", "ALL"}));
  if (view == "DELETED_ONLY") query.view = tracking::StageView::kDeletedOnly;
  if (view == "ALL") query.view = tracking::StageView::kAll;
  const std::int64_t limit = TRY(parameters.Int("max_results"))
  .value_or(0);
  if (limit < 1) {
    return InvalidArgument("Invalid value ", limit,
                           " for parameter 'max_results' supplied. It must be a positive integer");
  }
  if (limit > kExperimentsFoundMax) {
    return InvalidArgument("Invalid value ", limit, " for parameter 'max_results' supplied. It must be at most ",
                           kExperimentsFoundMax);
  }
  query.limit = static_cast<std::size_t>(limit);
  query.after = ExperimentId(TRY(parameters.Text("page_token")));
  if (query.after.empty() || ParseInt(query.after.text())) return query;
  return InvalidArgument("Invalid page token, could not base64-decode ", Quoted(query.after.text()));
}

Task<Result<Json>> SearchExperiments(Tracking& tracking, const Parameters& parameters) {
  tracking::ExperimentQuery query = CO_TRY(ExperimentQueryOf(parameters));
  const tracking::ExperimentPage page = CO_TRY(co_await tracking.SearchExperiments(std::move(query)));
  Json experiments = Json::MakeArray();
  for (const tracking::Experiment& experiment : page.experiments) experiments.Append(ExperimentJson(experiment));
  Json answer = ListJson("experiments", std::move(experiments));
  if (!page.next.empty()) answer["next_page_token"] = page.next.text();
  co_return answer;
}

}  // namespace

void AddExperimentRoutes(net::RouteTable& routes, Tracking& tracking) {
  const auto add = [&](Method method, std::string_view path, Permission permission, auto call) {
    AddRpc(routes, method, path, permission,
           [&tracking, call](const Parameters& parameters, net::Request&) { return call(tracking, parameters); });
  };
  add(Method::kPost, "/experiments/create", Permission::kWrite, CreateExperiment);
  add(Method::kGet, "/experiments/get", Permission::kRead, GetExperiment);
  add(Method::kGet, "/experiments/get-by-name", Permission::kRead, GetExperimentByName);
  add(Method::kGet, "/experiments/search", Permission::kRead, SearchExperiments);
  add(Method::kPost, "/experiments/search", Permission::kRead, SearchExperiments);
  add(Method::kPost, "/experiments/delete", Permission::kWrite, DeleteExperiment);
  add(Method::kPost, "/experiments/restore", Permission::kWrite, RestoreExperiment);
  add(Method::kPost, "/experiments/update", Permission::kWrite, UpdateExperiment);
  add(Method::kPost, "/experiments/set-experiment-tag", Permission::kWrite, SetExperimentTag);
  add(Method::kPost, "/experiments/delete-experiment-tag", Permission::kWrite, DeleteExperimentTag);
}

}  // namespace mw::api::mlflow
