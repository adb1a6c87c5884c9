// SQL of MLflow's tables of logged models and of the registry.
#include <utility>

#include "base/text.h"
#include "transfer/mlflow_database.h"
#include "transfer/mlflow_rows.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

using db::Row;
using db::Values;

}  // namespace

// ---- models ----

Status MlflowDatabase::SendLoggedModels(Sink& sink) {
  std::string last;
  while (true) {
    const Rows rows = TRY(Select(
        "logged_models",
        {"model_id", "experiment_id", "name", "artifact_location", "creation_timestamp_ms", "last_updated_timestamp_ms",
         "status", "lifecycle_stage", "model_type", "source_run_id", "status_message"},
        Cat("WHERE model_id > ? ORDER BY model_id LIMIT ", Sink::kRunsMax), {last}));
    if (rows.empty()) return Ok();
    last = rows.back().Text(0);
    TRY(SendModelsOf(rows, sink));
  }
}

Status MlflowDatabase::SendModelsOf(const Rows& rows, Sink& sink) {
  Json::Array models;
  std::map<std::string, std::size_t> places;
  for (const Row& row : rows) {
    if (!experiments_.contains(IntOr(row, 1, -1))) continue;
    places[row.Text(0)] = models.size();
    models.push_back(TRY(LoggedModelOf(row)));
  }
  if (models.empty()) return Ok();
  // MLflow adds to what was measured, and changes nothing of it.
  for (const Row& row : TRY(database_->Query(
           "SELECT model_id, COUNT(*), MAX(metric_timestamp_ms), MAX(metric_step) FROM logged_model_metrics"
           " WHERE model_id >= ? AND model_id <= ? GROUP BY model_id",
           {rows.front().Text(0), rows.back().Text(0)}))) {
    const auto place = places.find(row.Text(0));
    if (place == places.end()) continue;
    models[place->second]["metrics"] = Cat(IntOr(row, 1), " ", IntOr(row, 2), " ", IntOr(row, 3));
  }
  for (Json& model : models) model["fingerprint"] = FingerprintOf(model);
  const std::vector<bool> wanted = TRY(sink.BeginModels(models));
  for (const auto& [id, place] : places) {
    if (wanted.at(place) && models[place].Find("metrics") != nullptr) TRY(SendModelMetrics(id, sink));
  }
  return sink.EndModels();
}

Result<Json> MlflowDatabase::LoggedModelOf(const Row& row) {
  const Values id = {row.Text(0)};
  Json info = Json::Make({{"model_id", row.Text(0)}, {"experiment_id", Cat(IntOr(row, 1))}});
  const char* const keys[] = {"name",       "artifact_uri",  nullptr,         nullptr, nullptr, "lifecycle_stage",
                              "model_type", "source_run_id", "status_message"};
  for (std::size_t i = 0; i < 9; ++i) {
    if (keys[i] != nullptr) SetFrom(info, keys[i], row, i + 2);
  }
  info["creation_timestamp_ms"] = IntOr(row, 4);
  info["last_updated_timestamp_ms"] = IntOr(row, 5);
  info["status"] = ModelStatusName(IntOr(row, 6));
  Json tags = Json::MakeArray(), params = Json::MakeArray();
  for (const Row& tag :
       TRY(Select("logged_model_tags", {"tag_key", "tag_value"}, "WHERE model_id = ? ORDER BY tag_key", id))) {
    tags.Append(PairJson(TextOr(tag, 0), TextOr(tag, 1)));
  }
  info["tags"] = std::move(tags);
  for (const Row& param :
       TRY(Select("logged_model_params", {"param_key", "param_value"}, "WHERE model_id = ? ORDER BY param_key", id))) {
    params.Append(PairJson(TextOr(param, 0), TextOr(param, 1)));
  }
  return Json::Make({{"info", std::move(info)}, {"data", Json::Make({{"params", std::move(params)}})}});
}

/// MLflow keeps 0 for NaN here, some versions nothing; that it was NaN is in the history of the run.
Status MlflowDatabase::SendModelMetrics(const std::string& model, Sink& sink) {
  const std::string sql =
      Cat("SELECT x.metric_name, x.metric_value, x.metric_timestamp_ms, x.metric_step, CASE WHEN x.metric_value IS NULL"
          " OR (x.metric_value = 0 AND EXISTS (SELECT 1 FROM metrics m WHERE m.run_uuid = x.run_id"
          " AND m.\"key\" = x.metric_name AND m.timestamp = x.metric_timestamp_ms AND m.step = x.metric_step"
          " AND m.is_nan)) THEN 1 ELSE 0 END,"
          " x.run_id, x.dataset_name, x.dataset_digest FROM logged_model_metrics x WHERE x.model_id = ",
          db::ForeignDatabase::Literal(model));
  return database_->Stream(sql, [&](const Rows& rows) -> Status {
    std::vector<ModelMetric> metrics;
    for (const Row& row : rows) {
      metrics.push_back({TextOr(row, 0), PointOf(row, 1, 2, 3, 4), TextOr(row, 5), TextOr(row, 6), TextOr(row, 7)});
    }
    return sink.ModelMetrics(model, metrics);
  });
}

Result<Json::Array> MlflowDatabase::VersionsOf(const std::string& model) {
  const Rows rows =
      TRY(Select("model_versions",
                 {"version", "creation_time", "last_updated_time", "description", "user_id", "current_stage", "source",
                  "run_id", "status", "status_message", "run_link", "storage_location"},
                 "WHERE name = ? ORDER BY version", {model}));
  const Rows tags =
      TRY(Select("model_version_tags", {"version", "key", "value"}, "WHERE name = ? ORDER BY key", {model}));
  const char* const keys[] = {"creation_timestamp",
                              "last_updated_timestamp",
                              "description",
                              "user_id",
                              "current_stage",
                              "source",
                              "run_id",
                              "status",
                              "status_message",
                              "run_link",
                              "storage_location"};
  Json::Array versions;
  for (const Row& row : rows) {
    Json version = Json::Make({{"name", model}, {"version", Cat(IntOr(row, 0))}});
    for (std::size_t i = 0; i < std::size(keys); ++i) SetFrom(version, keys[i], row, i + 1);
    Json pairs = Json::MakeArray();
    for (const Row& tag : tags) {
      if (IntOr(tag, 0) == IntOr(row, 0)) pairs.Append(PairJson(TextOr(tag, 1), TextOr(tag, 2)));
    }
    version["tags"] = std::move(pairs);
    versions.push_back(std::move(version));
  }
  return versions;
}

Status MlflowDatabase::SendRegistry(Sink& sink) {
  const Rows rows =
      TRY(Select("registered_models", {"name", "creation_time", "last_updated_time", "description"}, "ORDER BY name"));
  for (const Row& row : rows) {
    const std::string name = TextOr(row, 0);
    Json model = Json::Make({{"name", name}});
    SetFrom(model, "creation_timestamp", row, 1);
    SetFrom(model, "last_updated_timestamp", row, 2);
    SetFrom(model, "description", row, 3);
    Json tags = Json::MakeArray(), aliases = Json::MakeArray();
    for (const Row& tag :
         TRY(Select("registered_model_tags", {"key", "value"}, "WHERE name = ? ORDER BY key", {name}))) {
      tags.Append(PairJson(TextOr(tag, 0), TextOr(tag, 1)));
    }
    for (const Row& alias :
         TRY(Select("registered_model_aliases", {"alias", "version"}, "WHERE name = ? ORDER BY alias", {name}))) {
      aliases.Append(Json::Make({{"alias", TextOr(alias, 0)}, {"version", Cat(IntOr(alias, 1))}}));
    }
    model["tags"] = std::move(tags);
    model["aliases"] = std::move(aliases);
    TRY(sink.RegisteredModel(model, TRY(VersionsOf(name))));
  }
  return Ok();
}

}  // namespace mw::transfer
