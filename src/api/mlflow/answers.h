// Answers in MLflow's form: objects as its protocol buffers print themselves, and errors by its codes. Pure, any
// thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/mlflow/parameters.h"
#include "base/json.h"
#include "base/result.h"
#include "base/task.h"
#include "net/route.h"
#include "tracking/run.h"

namespace mw::api::mlflow {

/// {"error_code","message"} with the status that belongs to the code.
net::Response ErrorAnswer(const Error& error);

/// A handler of one RPC: parameters in, an object out; its errors become ErrorAnswer.
using Rpc = std::function<Task<Result<Json>>(const Parameters& parameters, net::Request& request)>;
/// One that reads the request by itself and gives the text of a JSON object.
using TextRpc = std::function<Task<Result<std::string>>(net::Request& request)>;
/// Adds it under /api/2.0/mlflow, /ajax-api/2.0/mlflow and the older /api/2.0/preview/mlflow. `path`: "/runs/create".
void AddRpc(net::RouteTable& routes, net::Method method, std::string_view path, net::Permission permission, Rpc rpc);
void AddTextRpc(net::RouteTable& routes, net::Method method, std::string_view path, net::Permission permission,
                TextRpc rpc);

/// A handler whose errors become ErrorAnswer.
net::Handler Answering(net::SimpleHandler call);
/// What artifacts are asked for under.
inline constexpr std::string_view kProxyPrefixes[] = {"/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts"};

/// A double as JSON: NaN and infinities as texts.
Json NumberJson(double value);
/// [{"key","value"}]
template <typename Pairs>
Json PairsJson(const Pairs& pairs) {
  Json list = Json::MakeArray();
  for (const auto& [key, value] : pairs) list.Append(Json::Make({{"key", key}, {"value", value}}));
  return list;
}
/// {key: list}, or nothing when the list is empty.
Json ListJson(std::string_view key, Json list);
Json ExperimentJson(const tracking::Experiment& experiment);
Json RunInfoJson(const tracking::Run& run);
Json RunJson(const tracking::RunDetails& details);
/// The same as text, for lists of many runs.
void AppendRun(std::string& out, const tracking::RunDetails& details);
Json MetricJson(std::string_view key, const tracking::Point& point);

}  // namespace mw::api::mlflow
