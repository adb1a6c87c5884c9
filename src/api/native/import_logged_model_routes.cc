// Bulk import and export of logged models in the form of MLflow's own entities; their metrics come and go in pieces.
#include <cmath>
#include <optional>
#include <utility>

#include "api/mlflow/logged_model_words.h"
#include "api/native/handler.h"
#include "api/native/import_fields.h"
#include "api/native/routes.h"
#include "base/text.h"

namespace mw::api::native {
namespace {

using tracking::ImportedLoggedModel;
using tracking::LoggedModelId;
using tracking::LoggedModels;
using tracking::LoggedModelStatus;
using tracking::ModelImports;
using tracking::ModelMetric;

Result<LoggedModelStatus> ModelStatusOf(const Json& info) {
  const std::string word = info.StringOr("status", "LOGGED_MODEL_STATUS_UNSPECIFIED");
  for (const LoggedModelStatus status : {LoggedModelStatus::kUnspecified, LoggedModelStatus::kPending,
                                         LoggedModelStatus::kReady, LoggedModelStatus::kFailed}) {
    if (mlflow::WordOf(status) == word) return status;
  }
  return InvalidArgument("status ", Quoted(word), " of a logged model is none of: LOGGED_MODEL_STATUS_UNSPECIFIED, ",
                         "LOGGED_MODEL_PENDING, LOGGED_MODEL_READY, LOGGED_MODEL_UPLOAD_FAILED");
}

Result<ImportedLoggedModel> LoggedModelOf(const Json& json) {
  const Json& info = *TRY(ImportedObject(json, "info"));
  ImportedLoggedModel out;
  out.model.id = LoggedModelId(TRY(info.GetString("model_id")));
  out.model.experiment = tracking::ExperimentId(TRY(info.GetString("experiment_id")));
  out.model.name = info.StringOr("name", "");
  out.model.type = info.StringOr("model_type", "");
  out.model.source_run = info.StringOr("source_run_id", "");
  out.model.status = TRY(ModelStatusOf(info));
  out.model.status_message = info.StringOr("status_message", "");
  out.model.stage = TRY(ImportedStage(info));
  out.model.created = TRY(ImportedInteger(info, "creation_timestamp_ms"));
  out.model.updated = TRY(ImportedInteger(info, "last_updated_timestamp_ms"));
  out.tags = TRY(ImportedTexts(info, "tags"));
  if (const Json* data = json.Find("data")) out.params = TRY(ImportedTexts(*data, "params"));
  out.fingerprint = json.StringOr("fingerprint", "");
  return out;
}

Result<double> MeasuredValue(const Json& metric) {
  const Json* value = metric.Find("value");
  if (value != nullptr && value->IsNumber()) return value->AsDouble();
  if (value != nullptr && value->IsString() && value->AsString() == "NaN") return std::nan("");
  return InvalidArgument("value of a metric must be a number or \"NaN\", not ",
                         value == nullptr ? std::string("nothing") : value->Dump());
}

Result<ModelMetric> MetricOf(const Json& json) {
  ModelMetric metric;
  metric.key = TRY(json.GetString("key"));
  metric.point.value = TRY(MeasuredValue(json));
  metric.point.time = TRY(ImportedInteger(json, "timestamp"));
  metric.point.step = TRY(ImportedInteger(json, "step"));
  metric.run = TRY(json.GetString("run_id"));
  metric.dataset_name = json.StringOr("dataset_name", "");
  metric.dataset_digest = json.StringOr("dataset_digest", "");
  return metric;
}

Result<tracking::FinishedModel> FinishedModelOf(const Json& json) {
  tracking::FinishedModel model;
  model.model = LoggedModelId(TRY(json.GetString("model_id")));
  model.fingerprint = json.StringOr("fingerprint", "");
  model.metrics = TRY(ImportedDigest<tracking::SetDigest>(*TRY(ImportedObject(json, "metrics"))));
  return model;
}

Task<Result<Response>> PutLoggedModels(ModelImports& imports, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  std::string source = CO_TRY(body.GetString("source"));
  auto models = CO_TRY(ImportedItems(body, "models", LoggedModelOf));
  co_return ImportAnswer(CO_TRY(co_await imports.Put(std::move(source), std::move(models))));
}

/// Answers {"left_out": {RUN: how many of its metrics}}.
Task<Result<Response>> AddModelMetrics(ModelImports& imports, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  LoggedModelId model(CO_TRY(body.GetString("model_id")));
  auto metrics = CO_TRY(ImportedItems(body, "metrics", MetricOf));
  const auto left_out = CO_TRY(co_await imports.AddMetrics(std::move(model), std::move(metrics)));
  Json runs = Json::MakeObject();
  for (const auto& [run, count] : left_out) runs[run] = count;
  co_return net::JsonResponse(Json::Make({{"left_out", std::move(runs)}}));
}

Task<Result<Response>> FinishModels(ModelImports& imports, Request& request) {
  const Json body = CO_TRY(co_await request.ReadJson());
  auto models = CO_TRY(ImportedItems(body, "models", FinishedModelOf));
  co_return ImportAnswer(CO_TRY(co_await imports.Finish(std::move(models))));
}

// ---- export ----

Task<Result<Response>> ListLoggedModels(LoggedModels& models, Request& request) {
  const std::string* experiment = request.Query("experiment_id");
  if (experiment == nullptr) co_return InvalidArgument("?experiment_id=... says whose logged models are wanted");
  const std::string* after = request.Query("after");
  LoggedModelId begin(after == nullptr ? std::string() : *after);
  const auto found = CO_TRY(co_await models.List(tracking::ExperimentId(*experiment), std::move(begin)));
  Json list = Json::MakeArray();
  for (const LoggedModels::Counted& counted : found) {
    Json one = mlflow::LoggedModelJson(counted.model);
    one["info"]["lifecycle_stage"] = tracking::StageName(counted.model.model.stage);
    one["metric_count"] = counted.metrics;
    list.Append(std::move(one));
  }
  co_return net::JsonResponse(Json::Make({{"models", std::move(list)}}));
}

Task<Result<Response>> ListModelMetrics(LoggedModels& models, Request& request) {
  const std::string* model = request.Query("model_id");
  if (model == nullptr) co_return InvalidArgument("?model_id=... says whose metrics are wanted");
  const std::string* from = request.Query("offset");
  const auto offset = from == nullptr ? std::optional<long long>(0) : ParseInt(*from);
  if (!offset || *offset < 0) co_return InvalidArgument("offset ", Quoted(*from), " must be a number from 0 on");
  Json list = Json::MakeArray();
  for (const ModelMetric& metric : CO_TRY(co_await models.Metrics(LoggedModelId(*model), *offset))) {
    list.Append(mlflow::MeasuredJson(*model, metric));
  }
  co_return net::JsonResponse(Json::Make({{"metrics", std::move(list)}}));
}

}  // namespace

void AddImportLoggedModelRoutes(net::RouteTable& routes, ModelImports& imports) {
  AddImportRoute(routes, "logged-models", kImportBodyBytesMax, imports, PutLoggedModels);
  AddImportRoute(routes, "model-metrics", kImportBodyBytesMax, imports, AddModelMetrics);
  AddImportRoute(routes, "finish-models", kImportBodyBytesMax, imports, FinishModels);
}

void AddExportRoutes(net::RouteTable& routes, LoggedModels& models) {
  const auto add = [&](const char* path, auto call) {
    routes.Add({Method::kGet, Cat("/api/v1/export/", path), Permission::kRead, kJsonBodyBytesMax,
                net::Simple([&models, call](Request& request) { return call(models, request); })});
  };
  add("logged-models", ListLoggedModels);
  add("model-metrics", ListModelMetrics);
}

}  // namespace mw::api::native
