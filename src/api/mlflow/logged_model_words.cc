// Members in the protocol's order; what is empty is left out.
#include "api/mlflow/logged_model_words.h"

#include <utility>

#include "api/mlflow/answers.h"

namespace mw::api::mlflow {

using tracking::LoggedModelDetails;
using tracking::LoggedModelStatus;

std::string_view WordOf(LoggedModelStatus status) {
  switch (status) {
    case LoggedModelStatus::kUnspecified: return "LOGGED_MODEL_STATUS_UNSPECIFIED";
    case LoggedModelStatus::kPending: return "LOGGED_MODEL_PENDING";
    case LoggedModelStatus::kReady: return "LOGGED_MODEL_READY";
    case LoggedModelStatus::kFailed: break;
  }
  return "LOGGED_MODEL_UPLOAD_FAILED";
}

namespace {

Json InfoJson(const LoggedModelDetails& details) {
  const tracking::LoggedModel& model = details.model;
  Json info = Json::Make({{"model_id", model.id.text()},
                          {"experiment_id", model.experiment.text()},
                          {"name", model.name},
                          {"creation_timestamp_ms", model.created},
                          {"last_updated_timestamp_ms", model.updated},
                          {"artifact_uri", model.artifact_uri},
                          {"status", WordOf(model.status)}});
  if (!model.type.empty()) info["model_type"] = model.type;
  if (!model.source_run.empty()) info["source_run_id"] = model.source_run;
  if (!model.status_message.empty()) info["status_message"] = model.status_message;
  if (!details.tags.empty()) info["tags"] = PairsJson(details.tags);
  return info;
}

}  // namespace

Json MeasuredJson(const std::string& model, const tracking::ModelMetric& metric) {
  Json out = MetricJson(metric.key, metric.point);
  if (!metric.dataset_name.empty()) out["dataset_name"] = metric.dataset_name;
  if (!metric.dataset_digest.empty()) out["dataset_digest"] = metric.dataset_digest;
  out["model_id"] = model;
  if (!metric.run.empty()) out["run_id"] = metric.run;
  return out;
}

Json LoggedModelJson(const LoggedModelDetails& details) {
  Json data = Json::MakeObject(), metrics = Json::MakeArray();
  if (!details.params.empty()) data["params"] = PairsJson(details.params);
  for (const tracking::ModelMetric& metric : details.metrics) {
    metrics.Append(MeasuredJson(details.model.id.text(), metric));
  }
  if (!details.metrics.empty()) data["metrics"] = std::move(metrics);
  return Json::Make({{"info", InfoJson(details)}, {"data", std::move(data)}});
}

}  // namespace mw::api::mlflow
