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

Result<ExperimentId> IdOf(const Parameters& parameters) {
  return ExperimentId(TRY(parameters.RequiredText("experiment_id")));
}

Task<Result<Json>> Create(Tracking& tracking, const Parameters& parameters) {
  tracking::NewExperiment experiment;
  experiment.name = CO_TRY(parameters.RequiredText("name"));
  experiment.artifact_location = CO_TRY(parameters.Text("artifact_location"));
  CO_TRY(CheckExperimentName(experiment.name));
  CO_TRY(CheckArtifactLocation(experiment.artifact_location));
  const std::vector<Parameters> tags = CO_TRY(parameters.List("tags"));
  for (const Parameters& tag : tags) {
    const std::string key = CO_TRY(tag.RequiredText("key"));
    CO_TRY(CheckName(Cat(tag.path(), "key"), key));
    experiment.tags[key] = CO_TRY(tag.Text("value"));
  }
  const ExperimentId id = CO_TRY(co_await tracking.CreateExperiment(std::move(experiment)));
  co_return Json::Make({{"experiment_id", id.text()}});
}

Task<Result<Json>> Get(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(IdOf(parameters));
  const tracking::Experiment experiment = CO_TRY(co_await tracking.GetExperiment(std::move(id)));
  co_return Json::Make({{"experiment", ExperimentJson(experiment)}});
}

Task<Result<Json>> GetByName(Tracking& tracking, const Parameters& parameters) {
  std::string name = CO_TRY(parameters.RequiredText("experiment_name"));
  const tracking::Experiment experiment = CO_TRY(co_await tracking.GetExperimentByName(kProject, std::move(name)));
  co_return Json::Make({{"experiment", ExperimentJson(experiment)}});
}

Task<Result<Json>> Delete(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(IdOf(parameters));
  CO_TRY(co_await tracking.DeleteExperiment(std::move(id)));
  co_return Json::MakeObject();
}

Task<Result<Json>> Restore(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(IdOf(parameters));
  CO_TRY(co_await tracking.RestoreExperiment(std::move(id)));
  co_return Json::MakeObject();
}

Task<Result<Json>> Update(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(IdOf(parameters));
  std::string name = CO_TRY(parameters.Text("new_name"));
  if (name.empty()) co_return Json::MakeObject();
  CO_TRY(CheckExperimentName(name));
  CO_TRY(co_await tracking.RenameExperiment(std::move(id), std::move(name)));
  co_return Json::MakeObject();
}

Task<Result<Json>> SetTag(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(IdOf(parameters));
  std::string key = CO_TRY(parameters.RequiredText("key"));
  std::string value = CO_TRY(parameters.Text("value"));
  CO_TRY(CheckName("key", key));
  CO_TRY(CheckLength("key", key, kKeyCharactersMax));
  CO_TRY(CheckLength("value", value, kExperimentTagCharactersMax));
  CO_TRY(co_await tracking.SetExperimentTag(std::move(id), std::move(key), std::move(value)));
  co_return Json::MakeObject();
}

Task<Result<Json>> DeleteTag(Tracking& tracking, const Parameters& parameters) {
  ExperimentId id = CO_TRY(IdOf(parameters));
  std::string key = CO_TRY(parameters.RequiredText("key"));
  CO_TRY(co_await tracking.DeleteExperimentTag(std::move(id), std::move(key)));
  co_return Json::MakeObject();
}

}  // namespace

void AddExperimentRoutes(net::RouteTable& routes, Tracking& tracking) {
  const auto add = [&](Method method, std::string_view path, Permission permission, auto call) {
    AddRpc(routes, method, path, permission,
           [&tracking, call](const Parameters& parameters, net::Request&) { return call(tracking, parameters); });
  };
  add(Method::kPost, "/experiments/create", Permission::kWrite, Create);
  add(Method::kGet, "/experiments/get", Permission::kRead, Get);
  add(Method::kGet, "/experiments/get-by-name", Permission::kRead, GetByName);
  add(Method::kPost, "/experiments/delete", Permission::kWrite, Delete);
  add(Method::kPost, "/experiments/restore", Permission::kWrite, Restore);
  add(Method::kPost, "/experiments/update", Permission::kWrite, Update);
  add(Method::kPost, "/experiments/set-experiment-tag", Permission::kWrite, SetTag);
  add(Method::kPost, "/experiments/delete-experiment-tag", Permission::kWrite, DeleteTag);
}

}  // namespace mw::api::mlflow
