// Pages of searches; histories a page at a time.
#include "transfer/mlflow_server.h"

#include "base/text.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

using net::Method;

constexpr std::string_view kApi = "/api/2.0/mlflow";

const Json::Array& ListIn(const Json& json, std::string_view key) {
  static const Json::Array kNone;
  const Json* list = json.Find(key);
  return list != nullptr && list->IsArray() ? list->AsArray() : kNone;
}

/// A server that lacks an RPC says so in one of these ways.
bool IsLacking(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kUnimplemented ||
         error.message.find("ENDPOINT_NOT_FOUND") != std::string::npos;
}

/// Integers come as numbers, of some servers as texts.
std::int64_t IntOf(const Json& json, std::string_view key) {
  const Json* member = json.Find(key);
  if (member == nullptr) return 0;
  if (member->IsInt()) return member->AsInt();
  return member->IsString() ? std::int64_t{ParseInt(member->AsString()).value_or(0)} : 0;
}

}  // namespace

Status MlflowServer::PostPages(const std::string& path, Json body, const TakePage& take) {
  for (std::string token;;) {
    if (!token.empty()) body["page_token"] = token;
    const Json answer = TRY(client_.Call(Method::kPost, Cat(kApi, path), body));
    TRY(take(answer));
    token = answer.StringOr("next_page_token", "");
    if (token.empty()) return Ok();
  }
}

Status MlflowServer::GetPages(const std::string& target, const TakePage& take) {
  for (std::string token;;) {
    const std::string page = token.empty() ? "" : Cat("&page_token=", net::PercentEncode(token));
    const Json answer = TRY(client_.Call(Method::kGet, Cat(kApi, target, page)));
    TRY(take(answer));
    token = answer.StringOr("next_page_token", "");
    if (token.empty()) return Ok();
  }
}

Status MlflowServer::Send(const Selection& selection, Sink& sink) {
  TRY(SendExperiments(selection, sink));
  for (const std::string& experiment : experiments_) TRY(SendRuns(experiment, sink));
  TRY(SendLoggedModels(sink));
  return selection.names.empty() ? SendRegistry(sink) : Ok();
}

Status MlflowServer::SendExperiments(const Selection& selection, Sink& sink) {
  Json::Array experiments;
  TRY(PostPages("/experiments/search", Json::Make({{"max_results", 1000}, {"view_type", "ALL"}}),
                [&](const Json& answer) -> Status {
                  for (const Json& experiment : ListIn(answer, "experiments")) {
                    const std::string id = experiment.StringOr("experiment_id", "");
                    if (!selection.Has(id, experiment.StringOr("name", ""))) continue;
                    experiments_.push_back(id);
                    experiments.push_back(experiment);
                  }
                  return Ok();
                }));
  return sink.Experiments(experiments);
}

Status MlflowServer::SendRuns(const std::string& experiment, Sink& sink) {
  Json body = Json::Make({{"experiment_ids", Json(Json::Array{experiment})}, {"run_view_type", "ALL"}});
  body["max_results"] = static_cast<std::int64_t>(Sink::kRunsMax);
  body["order_by"] = Json(Json::Array{"attributes.start_time ASC"});
  return PostPages("/runs/search", std::move(body), [&](const Json& answer) -> Status {
    Json::Array runs = ListIn(answer, "runs");
    return runs.empty() ? Ok() : SendPage(std::move(runs), sink);
  });
}

Status MlflowServer::SendPage(Json::Array runs, Sink& sink) {
  for (Json& run : runs) {
    if (run.Find("data") == nullptr) run["data"] = Json::MakeObject();
    run["fingerprint"] = FingerprintOf(run);
  }
  const std::vector<bool> wanted = TRY(sink.BeginRuns(runs));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (wanted.at(i)) TRY(SendPoints(runs[i], sink));
  }
  return sink.EndRuns();
}

Status MlflowServer::SendPoints(const Json& run, Sink& sink) {
  const std::string id = run.Find("info")->StringOr("run_id", "");
  for (const Json& metric : ListIn(*run.Find("data"), "metrics")) {
    const std::string key = metric.StringOr("key", "");
    const std::string target = Cat("/metrics/get-history?run_id=", net::PercentEncode(id),
                                   "&metric_key=", net::PercentEncode(key), "&max_results=", kPagePoints);
    TRY(GetPages(target, [&](const Json& answer) -> Status {
      std::vector<Point> points;
      for (const Json& one : ListIn(answer, "metrics")) {
        const auto value = NumberOf(one.Find("value"));
        if (value) points.push_back({IntOf(one, "timestamp"), IntOf(one, "step"), KeptValue(*value)});
      }
      return sink.Points(id, key, points);
    }));
  }
  return Ok();
}

Status MlflowServer::SendLoggedModels(Sink& sink) {
  for (const std::string& experiment : experiments_) {
    Json body = Json::Make({{"experiment_ids", Json(Json::Array{experiment})}, {"max_results", 50}});
    Status sent = PostPages("/logged-models/search", std::move(body), [&](const Json& answer) -> Status {
      const Json::Array& models = ListIn(answer, "models");
      return models.empty() ? Ok() : sink.LoggedModels(models);
    });
    if (!sent.ok() && IsLacking(sent.error())) return Ok();
    if (!sent.ok()) return sent;
  }
  return Ok();
}

/// Where the files of a version lie whose source names another model.
Status MlflowServer::AddStorage(Json& version) {
  const std::string target =
      Cat(kApi, "/model-versions/get-download-uri?name=", net::PercentEncode(version.StringOr("name", "")),
          "&version=", net::PercentEncode(version.StringOr("version", "")));
  const Json answer = TRY(client_.Call(Method::kGet, target));
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
    for (const Json& version : ListIn(answer, "model_versions")) versions.push_back(version);
    return Ok();
  }));
  for (Json& version : versions) {
    if (version.StringOr("source", "").starts_with("models:")) TRY(AddStorage(version));
  }
  return versions;
}

Status MlflowServer::SendRegistry(Sink& sink) {
  const Status sent = GetPages("/registered-models/search?max_results=100", [&](const Json& answer) -> Status {
    for (const Json& model : ListIn(answer, "registered_models")) {
      TRY(sink.RegisteredModel(model, TRY(VersionsOf(model.StringOr("name", "")))));
    }
    return Ok();
  });
  return !sent.ok() && IsLacking(sent.error()) ? Ok() : sent;
}

}  // namespace mw::transfer
