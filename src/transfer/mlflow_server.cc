// Pages of searches; histories a page at a time.
#include "transfer/mlflow_server.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "tracking/kept_value.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

using net::Method;

constexpr std::string_view kApi = "/api/2.0/mlflow";
constexpr std::string_view kExported = "/api/v1/export/logged-models";
constexpr std::string_view kExportedMetrics = "/api/v1/export/model-metrics";
constexpr std::size_t kExperimentsOfASearch = 500;
constexpr int kModelsOfASearch = 50;

/// A server that lacks an RPC says so in one of these ways.
bool IsLacking(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kUnimplemented ||
         error.message.find("ENDPOINT_NOT_FOUND") != std::string::npos;
}

std::vector<ModelMetric> ModelMetricsOf(const Json::Array& told) {
  std::vector<ModelMetric> metrics;
  for (const Json& each : told) {
    if (auto metric = ModelMetricOf(each)) metrics.push_back(*std::move(metric));
  }
  return metrics;
}

}  // namespace

Result<Json> MlflowServer::Ask(Method method, const std::string& target, const Json& body) {
  Result<Json> answer = client_.Call(method, target, body);
  const bool is_shut =
      !answer.ok() && (answer.error().code == Code::kUnauthenticated || answer.error().code == Code::kPermissionDenied);
  if (!is_shut || remedy_.empty()) return answer;
  return Error{answer.error().code, Cat(name_, ": ", answer.error().message, "; ", remedy_), {}};
}

Status MlflowServer::PostPages(const std::string& path, Json body, const TakePage& take) {
  for (std::string token;;) {
    if (!token.empty()) body["page_token"] = token;
    const Json answer = TRY(Ask(Method::kPost, Cat(kApi, path), body));
    TRY(take(answer));
    token = answer.StringOr("next_page_token", "");
    if (token.empty()) return Ok();
  }
}

Status MlflowServer::GetPages(const std::string& target, const TakePage& take) {
  for (std::string token;;) {
    const std::string page = token.empty() ? "" : Cat("&page_token=", net::PercentEncode(token));
    const Json answer = TRY(Ask(Method::kGet, Cat(kApi, target, page)));
    TRY(take(answer));
    token = answer.StringOr("next_page_token", "");
    if (token.empty()) return Ok();
  }
}

Status MlflowServer::Send(const Selection& selection, Sink& sink) {
  TRY(SendExperiments(selection, sink));
  TRY(LookAtServer());
  for (const std::string& experiment : experiments_) TRY(SendRuns(experiment, sink));
  for (const std::string& experiment : experiments_) {
    if (has_models_) TRY(exports_ ? SendExportedModels(experiment, sink) : SendFoundModels(experiment, sink));
  }
  TRY(SendNamedModels(sink));
  return selection.names.empty() ? SendRegistry(sink) : Ok();
}

Status MlflowServer::SendExperiments(const Selection& selection, Sink& sink) {
  Json::Array experiments;
  TRY(PostPages("/experiments/search", Json::Make({{"max_results", 1000}, {"view_type", "ALL"}}),
                [&](const Json& answer) -> Status {
                  for (const Json& experiment : ListIn(&answer, "experiments")) {
                    const std::string id = experiment.StringOr("experiment_id", "");
                    all_experiments_.push_back(id);
                    if (!selection.Has(id, experiment.StringOr("name", ""))) continue;
                    experiments_.push_back(id);
                    experiments.push_back(experiment);
                  }
                  return Ok();
                }));
  return sink.Experiments(experiments);
}

Status MlflowServer::LookAtServer() {
  const Result<Json> exported = Ask(Method::kGet, Cat(kExported, "?experiment_id=none"));
  exports_ = exported.ok() && exported->IsObject() && exported->Find("models") != nullptr;
  has_models_ = exports_;
  // Runs may have read models of experiments that are not wanted.
  for (std::size_t i = 0; i < all_experiments_.size() && !has_models_; i += kExperimentsOfASearch) {
    const std::size_t end = std::min(i + kExperimentsOfASearch, all_experiments_.size());
    Json::Array ids;
    for (std::size_t at = i; at < end; ++at) ids.emplace_back(all_experiments_[at]);
    const Result<Json> found = Ask(Method::kPost, Cat(kApi, "/logged-models/search"),
                                   Json::Make({{"experiment_ids", Json(std::move(ids))}, {"max_results", 1}}));
    if (!found.ok() && IsLacking(found.error())) return Ok();
    if (!found.ok()) return found.error();
    has_models_ = !ListIn(&*found, "models").empty();
  }
  return Ok();
}

Status MlflowServer::SendRuns(const std::string& experiment, Sink& sink) {
  Json body = Json::Make({{"experiment_ids", Json(Json::Array{experiment})}, {"run_view_type", "ALL"}});
  body["max_results"] = static_cast<std::int64_t>(Sink::kRunsMax);
  body["order_by"] = Json(Json::Array{"attributes.start_time ASC"});
  return PostPages("/runs/search", std::move(body), [&](const Json& answer) -> Status {
    Json::Array runs = ListIn(&answer, "runs");
    return runs.empty() ? Ok() : SendPage(std::move(runs), sink);
  });
}

Status MlflowServer::SendPage(Json::Array runs, Sink& sink) {
  for (Json& run : runs) {
    if (run.Find("data") == nullptr) run["data"] = Json::MakeObject();
    if (has_models_ && !exports_) TRY(AddInputs(run));
    run["fingerprint"] = FingerprintOf(run);
  }
  const std::vector<bool> wanted = TRY(sink.BeginRuns(runs));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (wanted.at(i)) TRY(SendPoints(runs[i], sink));
  }
  return sink.EndRuns();
}

/// MLflow's searches leave out which models a run read.
Status MlflowServer::AddInputs(Json& run) {
  const std::string id = run.Find("info")->StringOr("run_id", "");
  const Json answer = TRY(Ask(Method::kGet, Cat(kApi, "/runs/get?run_id=", net::PercentEncode(id))));
  const Json* whole = answer.Find("run");
  for (const char* member : {"inputs", "outputs"}) {
    const Json* told = whole == nullptr ? nullptr : whole->Find(member);
    if (told != nullptr) run[member] = *told;
  }
  for (const Json& model : ListIn(run.Find("inputs"), "model_inputs")) named_.insert(model.StringOr("model_id", ""));
  for (const Json& model : ListIn(run.Find("outputs"), "model_outputs")) named_.insert(model.StringOr("model_id", ""));
  return Ok();
}

Status MlflowServer::SendPoints(const Json& run, Sink& sink) {
  const std::string id = run.Find("info")->StringOr("run_id", "");
  for (const Json& metric : ListIn(run.Find("data"), "metrics")) {
    const std::string key = metric.StringOr("key", "");
    const std::string target = Cat("/metrics/get-history?run_id=", net::PercentEncode(id),
                                   "&metric_key=", net::PercentEncode(key), "&max_results=", kPagePoints);
    TRY(GetPages(target, [&](const Json& answer) -> Status {
      std::vector<Point> points;
      for (const Json& one : ListIn(&answer, "metrics")) {
        const auto value = NumberOf(one.Find("value"));
        if (value) points.push_back({IntegerOf(one, "timestamp"), IntegerOf(one, "step"), tracking::KeptValue(*value)});
      }
      return sink.Points(id, key, points);
    }));
  }
  return Ok();
}

// ---- logged models ----

Status MlflowServer::SendModels(Json::Array models, Sink& sink) {
  std::vector<std::vector<ModelMetric>> metrics(models.size());
  for (std::size_t i = 0; i < models.size(); ++i) {
    models[i]["fingerprint"] = FingerprintOf(models[i]);
    metrics[i] = ModelMetricsOf(ListIn(models[i].Find("data"), "metrics"));
    if (models[i].Find("data") != nullptr) models[i]["data"]["metrics"] = Json::MakeArray();
  }
  const std::vector<bool> wanted = TRY(sink.BeginModels(models));
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (wanted.at(i)) TRY(sink.ModelMetrics(models[i].Find("info")->StringOr("model_id", ""), metrics[i]));
  }
  return sink.EndModels();
}

Status MlflowServer::SendFoundModels(const std::string& experiment, Sink& sink) {
  Json body = Json::Make({{"experiment_ids", Json(Json::Array{experiment})}, {"max_results", kModelsOfASearch}});
  return PostPages("/logged-models/search", std::move(body), [&](const Json& answer) -> Status {
    const Json::Array& models = ListIn(&answer, "models");
    for (const Json& model : models) {
      if (const Json* info = model.Find("info")) named_.erase(info->StringOr("model_id", ""));
    }
    return models.empty() ? Ok() : SendModels(models, sink);
  });
}

/// Those that are deleted: no search tells of them.
Status MlflowServer::SendNamedModels(Sink& sink) {
  for (const std::string& id : named_) {
    const std::string target = Cat(kApi, "/logged-models/", net::PercentEncode(id), "?allow_deleted=true");
    const Result<Json> answer = Ask(Method::kGet, target);
    if (!answer.ok() && IsLacking(answer.error())) continue;
    if (!answer.ok()) return answer.error();
    const Json* model = answer->Find("model");
    const Json* info = model == nullptr ? nullptr : model->Find("info");
    if (info == nullptr) continue;
    const std::string experiment = info->StringOr("experiment_id", "");
    if (std::find(experiments_.begin(), experiments_.end(), experiment) == experiments_.end()) continue;
    Json deleted = *model;
    deleted["info"]["lifecycle_stage"] = "deleted";
    TRY(SendModels({std::move(deleted)}, sink));
  }
  return Ok();
}

Status MlflowServer::SendExportedModels(const std::string& experiment, Sink& sink) {
  for (std::string after;;) {
    const std::string target = Cat(kExported, "?experiment_id=", experiment, "&after=", net::PercentEncode(after));
    const Json answer = TRY(Ask(Method::kGet, target));
    Json::Array models = ListIn(&answer, "models");
    if (models.empty()) return Ok();
    for (Json& model : models) model["fingerprint"] = FingerprintOf(model);
    after = models.back().Find("info")->StringOr("model_id", "");
    const std::vector<bool> wanted = TRY(sink.BeginModels(models));
    for (std::size_t i = 0; i < models.size(); ++i) {
      if (wanted.at(i)) TRY(SendExportedMetrics(models[i], sink));
    }
    TRY(sink.EndModels());
  }
}

Status MlflowServer::SendExportedMetrics(const Json& model, Sink& sink) {
  const std::string id = model.Find("info")->StringOr("model_id", "");
  const std::int64_t count = IntegerOf(model, "metric_count");
  for (std::int64_t offset = 0; offset < count;) {
    const std::string target = Cat(kExportedMetrics, "?model_id=", net::PercentEncode(id), "&offset=", offset);
    const Json answer = TRY(Ask(Method::kGet, target));
    const Json::Array& page = ListIn(&answer, "metrics");
    if (page.empty()) return Ok();
    TRY(sink.ModelMetrics(id, ModelMetricsOf(page)));
    offset += static_cast<std::int64_t>(page.size());
  }
  return Ok();
}

// ---- the registry ----

/// Where the files of a version lie whose source names another model.
Status MlflowServer::AddStorage(Json& version) {
  const std::string target =
      Cat(kApi, "/model-versions/get-download-uri?name=", net::PercentEncode(version.StringOr("name", "")),
          "&version=", net::PercentEncode(version.StringOr("version", "")));
  const Json answer = TRY(Ask(Method::kGet, target));
  version["storage_location"] = answer.StringOr("artifact_uri", "");
  return Ok();
}

Result<Json::Array> MlflowServer::VersionsOf(const std::string& model) {
  std::string quoted;
  for (const char c : model) quoted += c == '\'' ? "''" : std::string(1, c);
  Json::Array versions;
  const std::string target = Cat("/model-versions/search?max_results=1000&order_by=version_number%20ASC&filter=",
                                 net::PercentEncode(Cat("name='", quoted, "'")));
  TRY(GetPages(target, [&](const Json& answer) -> Status {
    for (const Json& version : ListIn(&answer, "model_versions")) versions.push_back(version);
    return Ok();
  }));
  for (Json& version : versions) {
    if (version.StringOr("source", "").starts_with("models:")) TRY(AddStorage(version));
  }
  return versions;
}

Status MlflowServer::SendRegistry(Sink& sink) {
  const Status sent = GetPages("/registered-models/search?max_results=100", [&](const Json& answer) -> Status {
    for (const Json& model : ListIn(&answer, "registered_models")) {
      TRY(sink.RegisteredModel(model, TRY(VersionsOf(model.StringOr("name", "")))));
    }
    return Ok();
  });
  return !sent.ok() && IsLacking(sent.error()) ? Ok() : sent;
}

}  // namespace mw::transfer
