// Members in the protocol's order; what is empty is left out.
#include "api/mlflow/answers.h"

#include <cmath>
#include <utility>

#include "base/disk_full.h"
#include "base/text.h"

namespace mw::api::mlflow {
namespace {

constexpr std::size_t kRpcBodyBytesMax = std::size_t{32} << 20;

struct ErrorForm {
  std::string_view code;
  int status;
};

ErrorForm FormOf(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange: return {"INVALID_PARAMETER_VALUE", 400};
    case Code::kAlreadyExists: return {"RESOURCE_ALREADY_EXISTS", 400};
    case Code::kNotFound: return {"RESOURCE_DOES_NOT_EXIST", 404};
    case Code::kUnauthenticated: return {"UNAUTHENTICATED", 401};
    case Code::kPermissionDenied: return {"PERMISSION_DENIED", 403};
    case Code::kUnimplemented: return {"NOT_IMPLEMENTED", 501};
    case Code::kUnavailable: return {"TEMPORARILY_UNAVAILABLE", 503};
    case Code::kDeadlineExceeded: return {"DEADLINE_EXCEEDED", 504};
    case Code::kResourceExhausted: return {"RESOURCE_EXHAUSTED", 429};
    case Code::kAborted: return {"ABORTED", 409};
    case Code::kFailedPrecondition: return {"INVALID_STATE", 500};
    case Code::kDataLoss: return {"DATA_LOSS", 500};
    default: return {"INTERNAL_ERROR", 500};
  }
}

Task<Result<std::string>> Answer(const Rpc& rpc, net::Request& request) {
  const Parameters parameters = CO_TRY(co_await Parameters::Read(request));
  const Json answer = CO_TRY(co_await rpc(parameters, request));
  co_return answer.Dump();
}

void AddNonEmpty(Json& object, std::string_view key, Json list) {
  if (!list.AsArray().empty()) object[key] = std::move(list);
}

}  // namespace

net::Response ErrorAnswer(const Error& error) {
  const ErrorForm form = FormOf(error.code);
  const int status = IsDiskFull(error) ? 507 : form.status;
  net::Response response =
      net::JsonResponse(Json::Make({{"error_code", Json(form.code)}, {"message", Json(error.ToString())}}), status);
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

void AddTextRpc(net::RouteTable& routes, net::Method method, std::string_view path, net::Permission permission,
                TextRpc rpc) {
  for (const std::string_view prefix : {"/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/2.0/preview/mlflow"}) {
    routes.Add({method, Cat(prefix, path), permission, kRpcBodyBytesMax,
                net::Simple([rpc](net::Request& request) -> Task<Result<net::Response>> {
                  auto text = co_await rpc(request);
                  if (!text.ok()) co_return ErrorAnswer(text.error());
                  net::Response response;
                  response.headers = {{"Content-Type", "application/json"}};
                  response.body = std::move(*text);
                  co_return response;
                })});
  }
}

void AddRpc(net::RouteTable& routes, net::Method method, std::string_view path, net::Permission permission, Rpc rpc) {
  AddTextRpc(routes, method, path, permission,
             [rpc = std::move(rpc)](net::Request& request) { return Answer(rpc, request); });
}

net::Handler Answering(net::SimpleHandler call) {
  return net::Simple([call = std::move(call)](net::Request& request) -> Task<Result<net::Response>> {
    auto answer = co_await call(request);
    if (answer.ok()) co_return *std::move(answer);
    co_return ErrorAnswer(answer.error());
  });
}

Json NumberJson(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json ListJson(std::string_view key, Json list) {
  Json out = Json::MakeObject();
  AddNonEmpty(out, key, std::move(list));
  return out;
}

Json ExperimentJson(const tracking::Experiment& experiment) {
  Json out = Json::Make({{"experiment_id", experiment.id.text()},
                         {"name", experiment.name},
                         {"artifact_location", experiment.artifact_location},
                         {"lifecycle_stage", tracking::StageName(experiment.stage)},
                         {"last_update_time", experiment.updated},
                         {"creation_time", experiment.created}});
  AddNonEmpty(out, "tags", PairsJson(experiment.tags));
  return out;
}

Json RunInfoJson(const tracking::Run& run) {
  Json out = Json::Make({{"run_id", run.id.text()},
                         {"run_uuid", run.id.text()},
                         {"run_name", run.name},
                         {"experiment_id", run.experiment.text()},
                         {"user_id", run.user},
                         {"status", ToUpper(tracking::StatusName(run.status))},
                         {"start_time", run.started}});
  if (run.ended) out["end_time"] = *run.ended;
  // Of a run of a pipeline: no member of MLflow's own, whose clients pass it over; what is exported keeps it.
  if (!run.source.empty()) out["source_name"] = run.source;
  out["artifact_uri"] = run.artifact_uri;
  out["lifecycle_stage"] = tracking::StageName(run.stage);
  return out;
}

Json MetricJson(std::string_view key, const tracking::Point& point) {
  return Json::Make(
      {{"key", Json(key)}, {"value", NumberJson(point.value)}, {"timestamp", point.time}, {"step", point.step}});
}

namespace {

Json DatasetInputJson(const tracking::DatasetInput& input) {
  const tracking::Dataset& from = *input.dataset;
  Json dataset = Json::Make(
      {{"name", from.name}, {"digest", from.digest}, {"source_type", from.source_type}, {"source", from.source}});
  if (!from.schema.empty()) dataset["schema"] = from.schema;
  if (!from.profile.empty()) dataset["profile"] = from.profile;
  Json out = ListJson("tags", PairsJson(input.tags));
  out["dataset"] = std::move(dataset);
  return out;
}

Json InputsJson(const tracking::RunDetails& details) {
  Json datasets = Json::MakeArray(), models = Json::MakeArray();
  for (const tracking::DatasetInput& input : details.dataset_inputs) datasets.Append(DatasetInputJson(input));
  for (const std::string& model : details.model_inputs) models.Append(Json::Make({{"model_id", model}}));
  Json out = ListJson("dataset_inputs", std::move(datasets));
  AddNonEmpty(out, "model_inputs", std::move(models));
  return out;
}

Json OutputsJson(const tracking::RunDetails& details) {
  Json models = Json::MakeArray();
  for (const tracking::ModelOutput& output : details.model_outputs) {
    models.Append(Json::Make({{"model_id", output.model}, {"step", output.step}}));
  }
  return ListJson("model_outputs", std::move(models));
}

}  // namespace

Json RunJson(const tracking::RunDetails& details) {
  Json data = Json::MakeObject(), metrics = Json::MakeArray();
  for (const auto& [key, point] : details.latest) metrics.Append(MetricJson(key, point));
  AddNonEmpty(data, "metrics", std::move(metrics));
  AddNonEmpty(data, "params", PairsJson(details.params));
  AddNonEmpty(data, "tags", PairsJson(details.tags));
  return Json::Make({{"info", RunInfoJson(details.run)},
                     {"data", std::move(data)},
                     {"inputs", InputsJson(details)},
                     {"outputs", OutputsJson(details)}});
}

namespace {

/// Members of `data` that are not empty: "name":[...], each element written by `write`.
template <typename List, typename Write>
void AppendList(std::string& out, std::string_view name, const List& list, Write write) {
  if (list.empty()) return;
  CatTo(out, out.back() == '{' ? "\"" : ",\"", name, "\":[");
  for (std::size_t i = 0; i < list.size(); ++i) {
    out += i == 0 ? "{\"key\":" : ",{\"key\":";
    AppendJsonString(out, list[i].first);
    out += ",\"value\":";
    write(list[i].second);
    out.push_back('}');
  }
  out.push_back(']');
}

}  // namespace

void AppendRun(std::string& out, const tracking::RunDetails& details) {
  out += "{\"info\":";
  RunInfoJson(details.run).DumpTo(out);
  out += ",\"data\":{";
  AppendList(out, "metrics", details.latest, [&out](const tracking::Point& point) {
    NumberJson(point.value).DumpTo(out);
    CatTo(out, ",\"timestamp\":", point.time, ",\"step\":", point.step);
  });
  const auto text = [&out](const std::string& value) { AppendJsonString(out, value); };
  AppendList(out, "params", details.params, text);
  AppendList(out, "tags", details.tags, text);
  out += "},\"inputs\":";
  InputsJson(details).DumpTo(out);
  out += ",\"outputs\":";
  OutputsJson(details).DumpTo(out);
  out += "}";
}

}  // namespace mw::api::mlflow
