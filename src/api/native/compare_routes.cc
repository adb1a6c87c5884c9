// Two runs or versions side by side, how to make one again, and the run that others are held against.
#include "api/native/handler.h"
#include "api/native/routes.h"
#include "base/text.h"
#include "compare/difference.h"
#include "compare/recipe.h"

namespace mw::api::native {
namespace {

using compare::FactReader;
using compare::Facts;

std::string QueryOr(const Request& request, std::string_view name) {
  const std::string* value = request.Query(name);
  return value == nullptr ? "" : *value;
}

/// What `b` is held against when nothing is named: its experiment's baseline, of a version else what is in production.
Task<Result<std::string>> Against(FactReader& reader, const Facts& b) {
  std::string baseline;
  if (!b.experiment.empty()) {
    const Result<std::string> pinned = co_await reader.Baseline(b.experiment);
    if (pinned.ok()) baseline = *pinned;
  }
  if (!baseline.empty() && baseline != b.run_id) co_return Cat("run:", baseline);
  if (b.is_version) co_return Cat(b.model, "@", registry::kProduction);
  co_return InvalidArgument("a=... is missing, and experiment ", Quoted(b.experiment),
                            " has no baseline; pin one: ", "millwright baseline ", b.experiment, " RUN");
}

Task<Result<Response>> Get(compare::FactSources sources, Request& request) {
  FactReader reader(sources);
  const Facts b = CO_TRY(co_await reader.Of(QueryOr(request, "b")));
  std::string against = QueryOr(request, "a");
  if (against.empty()) against = CO_TRY(co_await Against(reader, b));
  const Facts a = CO_TRY(co_await reader.Of(against));
  Json json = ToJson(compare::Compare(a, b));
  json["a"] = ToJson(a);
  json["b"] = ToJson(b);
  co_return net::JsonResponse(json);
}

Task<Result<Response>> GetRecipe(compare::FactSources sources, Request& request) {
  FactReader reader(sources);
  const Facts facts = CO_TRY(co_await reader.Of(request.params.at("id")));
  Json json = ToJson(compare::Reproduce(facts));
  json["run"] = facts.run_id;
  co_return net::JsonResponse(json);
}

Json BaselineJson(const std::string& experiment, const std::string& run) {
  return Json::Make({{"experiment", experiment}, {"run", run.empty() ? Json() : Json(run)}});
}

Task<Result<Response>> GetBaseline(compare::FactSources sources, Request& request) {
  const std::string experiment = request.params.at("id");
  FactReader reader(sources);
  const std::string run = CO_TRY(co_await reader.Baseline(experiment));
  co_return net::JsonResponse(BaselineJson(experiment, run));
}

Task<Result<Response>> PinBaseline(tracking::Tracking& tracking, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  const std::string experiment = request.params.at("id");
  const std::string id = CO_TRY(body.GetString("run"));
  const tracking::RunDetails run = CO_TRY(co_await tracking.GetRun(tracking::RunId(id)));
  if (run.run.experiment.text() != experiment) {
    co_return InvalidArgument("run ", Quoted(id), " is of experiment ", run.run.experiment.text(), ", not ",
                              experiment);
  }
  CO_TRY(
      co_await tracking.SetExperimentTag(tracking::ExperimentId(experiment), std::string(compare::kBaselineTag), id));
  co_return net::JsonResponse(BaselineJson(experiment, id));
}

Task<Result<Response>> UnpinBaseline(tracking::Tracking& tracking, Request& request) {
  const std::string experiment = request.params.at("id");
  const Status removed =
      co_await tracking.DeleteExperimentTag(tracking::ExperimentId(experiment), std::string(compare::kBaselineTag));
  if (!removed.ok() && removed.error().code != Code::kNotFound) co_return removed.error();
  co_return net::JsonResponse(BaselineJson(experiment, ""));
}

}  // namespace

void AddCompareRoutes(net::RouteTable& routes, compare::FactSources sources) {
  tracking::Tracking& tracking = sources.tracking;
  routes.Add({Method::kGet, "/api/v1/compare", Permission::kRead, 0,
              net::Simple([sources](Request& request) { return Get(sources, request); })});
  routes.Add({Method::kGet, "/api/v1/runs/{id}/reproduce", Permission::kRead, 0,
              net::Simple([sources](Request& request) { return GetRecipe(sources, request); })});
  routes.Add({Method::kGet, "/api/v1/experiments/{id}/baseline", Permission::kRead, 0,
              net::Simple([sources](Request& request) { return GetBaseline(sources, request); })});
  routes.Add({Method::kPut, "/api/v1/experiments/{id}/baseline", Permission::kWrite, kJsonBodyBytesMax,
              net::Simple([&tracking](Request& request) { return PinBaseline(tracking, request); })});
  routes.Add({Method::kDelete, "/api/v1/experiments/{id}/baseline", Permission::kWrite, 0,
              net::Simple([&tracking](Request& request) { return UnpinBaseline(tracking, request); })});
}

}  // namespace mw::api::native
