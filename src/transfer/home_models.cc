// Logged models, then the registry: its versions are made of their files.
#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "transfer/home.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

constexpr std::size_t kVersionsOfACall = 500;
constexpr std::size_t kMetricsOfACall = 5000;

Json MetricJson(const ModelMetric& metric) {
  Json json = Json::Make({{"key", metric.key},
                          {"value", NumberJson(metric.point.value)},
                          {"timestamp", metric.point.time},
                          {"step", metric.point.step},
                          {"run_id", metric.run}});
  if (!metric.dataset_name.empty()) json["dataset_name"] = metric.dataset_name;
  if (!metric.dataset_digest.empty()) json["dataset_digest"] = metric.dataset_digest;
  return json;
}

/// The logged model that a version's source names; empty when it names none.
std::string LoggedModelOfSource(std::string_view source) {
  constexpr std::string_view kModels = "models:/";
  const bool named = source.starts_with(kModels) && source.find_first_of("/@", kModels.size()) == std::string::npos;
  return named ? std::string(source.substr(kModels.size())) : "";
}

}  // namespace

// ---- logged models ----

Result<std::vector<bool>> Home::BeginModels(const Json::Array& models) {
  return Begin(kLoggedModels, Json::Make({{"source", source_}}), models,
               [this](const std::string& id, const Json&, OpenItem item) { open_models_[id] = {std::move(item)}; });
}

Status Home::ModelMetrics(const std::string& model, std::span<const ModelMetric> metrics) {
  for (; !metrics.empty(); metrics = metrics.subspan(std::min(metrics.size(), kMetricsOfACall))) {
    TRY(PutMetrics(model, metrics.first(std::min(metrics.size(), kMetricsOfACall))));
  }
  return Ok();
}

Status Home::PutMetrics(const std::string& model, std::span<const ModelMetric> metrics) {
  Json list = Json::MakeArray();
  for (const ModelMetric& metric : metrics) list.Append(MetricJson(metric));
  const Json body = Json::Make({{"model_id", model}, {"metrics", std::move(list)}});
  const net::Response response =
      TRY(Ask(net::Method::kPost, "/api/v1/import/model-metrics", body.Dump(), "application/json"));
  const Json answer = TRY(Json::Parse(response.body));
  const Json* left_out = answer.Find("left_out");
  std::int64_t imported = 0;
  for (const ModelMetric& metric : metrics) {
    if (left_out != nullptr && left_out->Find(metric.run) != nullptr) {
      report_.Skip("model metric", Cat(model, " ", metric.key), Cat("its run ", metric.run, " was left out"));
      continue;
    }
    open_models_[model].metrics.Add(tracking::ModelMetricMember(metric));
    ++imported;
  }
  if (imported > 0) report_.Count("model metric", "imported", imported);
  return Ok();
}

Status Home::EndModels() {
  Json::Array finished;
  for (const auto& [id, model] : open_models_) {
    TRY(BringArtifacts("logged model", id, model.artifact_uri, Cat(model.experiment, "/models/", id, "/artifacts")));
    finished.push_back(
        Json::Make({{"model_id", id}, {"fingerprint", model.fingerprint}, {"metrics", DigestJson(model.metrics)}}));
  }
  open_models_.clear();
  if (finished.empty()) return Ok();
  const Json outcomes = TRY(Import("finish-models", Json::Make({{"models", Json(std::move(finished))}})));
  for (const Json& outcome : outcomes.AsArray()) {
    if (outcome.StringOr("state", "") == "done") {
      report_.Count("logged model", "imported");
    } else {
      report_.Differs("logged model", outcome.StringOr("id", ""), outcome.StringOr("why", ""));
    }
  }
  return Ok();
}

// ---- the registry ----

std::string Home::Relocated(const std::string& uri) const {
  if (artifacts_ == nullptr) return uri;
  const std::string place = ArtifactPlace(uri);
  // The longest location that the place lies in: experiments may lie in one another's.
  for (std::size_t end = place.rfind('/'); end != std::string::npos && end > 0; end = place.rfind('/', end - 1)) {
    const auto known = places_.find(place.substr(0, end));
    if (known != places_.end()) return Cat("mlflow-artifacts:/", known->second, place.substr(end));
  }
  return uri;
}

Status Home::RegisteredModel(const Json& model, const Json::Array& versions) {
  const auto number = [](const Json& version) { return ParseInt(version.StringOr("version", "")).value_or(0); };
  Json::Array sorted = versions;
  std::sort(sorted.begin(), sorted.end(), [&](const Json& a, const Json& b) { return number(a) < number(b); });
  std::span<const Json> rest(sorted);
  do {
    const std::size_t count = std::min(rest.size(), kVersionsOfACall);
    TRY(PutVersions(model, rest.first(count)));
    rest = rest.subspan(count);
  } while (!rest.empty());
  return Ok();
}

Status Home::PutVersions(const Json& model, std::span<const Json> versions) {
  Json::Array sent;
  std::set<std::string> numbers;
  for (Json version : versions) {
    numbers.insert(version.StringOr("version", ""));
    const std::string id = Cat(model.StringOr("name", ""), "/", version.StringOr("version", ""));
    const std::string source = version.StringOr("source", ""), storage = version.StringOr("storage_location", "");
    const std::string here = storage.empty() ? "" : Relocated(storage);
    // What no run's artifacts are: the files of a logged model.
    if (source.starts_with("models:") && here != storage) {
      TRY(BringArtifacts("model version", id, storage, ProxyPath(here)));
    }
    if (version.StringOr("model_id", "").empty()) version["model_id"] = LoggedModelOfSource(source);
    version["source"] = Relocated(source);
    version["storage_location"] = here;
    const std::string status = version.StringOr("status", "READY");
    if (status != "READY") report_.Note("model version", id, Cat("was ", status, ", is READY here"));
    sent.push_back(std::move(version));
  }
  Json told = model;
  Json aliases = Json::MakeArray();
  if (const Json* all = model.Find("aliases"); all != nullptr && all->IsArray()) {
    for (const Json& alias : all->AsArray()) {
      if (numbers.contains(alias.StringOr("version", ""))) aliases.Append(alias);
    }
  }
  told["aliases"] = std::move(aliases);
  const Json body = Json::Make({{"model", std::move(told)}, {"versions", Json(std::move(sent))}});
  const Result<Json> outcomes = Import("models", body);
  if (!outcomes.ok() && outcomes.error().code == Code::kInvalidArgument) {
    report_.Skip("registered model", model.StringOr("name", ""), outcomes.error().message);
    return Ok();
  }
  if (!outcomes.ok()) return outcomes.error();
  for (const Json& outcome : outcomes->AsArray()) {
    const std::string id = outcome.StringOr("id", ""), state = outcome.StringOr("state", "");
    const std::string_view kind = id.find('/') != std::string::npos   ? "model version"
                                  : id.find('@') != std::string::npos ? "alias"
                                                                      : "registered model";
    if (state == "taken") {
      report_.Skip(kind, id, outcome.StringOr("why", ""));
    } else {
      report_.Count(kind, state == "made" ? "imported" : "known");
    }
  }
  return Ok();
}

}  // namespace mw::transfer
