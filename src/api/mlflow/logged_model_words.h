// Logged models in MLflow's words.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "tracking/logged_model.h"

namespace mw::api::mlflow {

/// "LOGGED_MODEL_READY"
std::string_view WordOf(tracking::LoggedModelStatus status);
/// {"info", "data"}
Json LoggedModelJson(const tracking::LoggedModelDetails& details);
/// One of its metrics, in "data".
Json MeasuredJson(const std::string& model, const tracking::ModelMetric& metric);

}  // namespace mw::api::mlflow
