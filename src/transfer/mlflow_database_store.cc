// SQL of MLflow's tables. Runs come by their ids, a page at a time, and what belongs to a page by the range of its ids,
// which every version of MLflow has an index for.
#include "transfer/mlflow_database.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

using db::Row;
using db::Values;

std::string TextOr(const Row& row, std::size_t column, std::string_view otherwise = "") {
  const auto* text = std::get_if<std::string>(&row.At(column));
  return text == nullptr ? std::string(otherwise) : *text;
}

std::int64_t IntOr(const Row& row, std::size_t column, std::int64_t otherwise = 0) {
  const auto* number = std::get_if<std::int64_t>(&row.At(column));
  return number == nullptr ? otherwise : *number;
}

double DoubleOr(const Row& row, std::size_t column) {
  if (const auto* number = std::get_if<double>(&row.At(column))) return *number;
  return static_cast<double>(IntOr(row, column));
}

/// Sets the member when the column has a value.
void Set(Json& json, std::string_view key, const Row& row, std::size_t column) {
  if (const auto* number = std::get_if<std::int64_t>(&row.At(column))) json[key] = *number;
  if (const auto* text = std::get_if<std::string>(&row.At(column))) json[key] = *text;
}

Point PointOf(const Row& row, std::size_t value, std::size_t time, std::size_t step, std::size_t is_nan) {
  const double number = IntOr(row, is_nan) != 0 ? std::numeric_limits<double>::quiet_NaN() : DoubleOr(row, value);
  return {IntOr(row, time), IntOr(row, step), KeptValue(number)};
}

/// "postgresql+psycopg2://..." is SQLAlchemy's; libpq knows no drivers.
std::string PlainUrl(const std::string& url) {
  const std::size_t colon = url.find("://"), plus = url.find('+');
  if (colon == std::string::npos || plus == std::string::npos || plus > colon) return url;
  return Cat(std::string_view(url).substr(0, plus), std::string_view(url).substr(colon));
}

/// Without user and password.
std::string WithoutSecret(const std::string& url) {
  const std::size_t begin = url.find("://"), at = url.rfind('@');
  if (begin == std::string::npos || at == std::string::npos || at < begin) return url;
  return Cat(std::string_view(url).substr(0, begin + 3), std::string_view(url).substr(at + 1));
}

constexpr std::string_view kSqlite = "sqlite:///";

}  // namespace

Result<std::unique_ptr<MlflowDatabase>> MlflowDatabase::Open(const std::string& url) {
  std::string place = PlainUrl(url);
  if (place.starts_with("mysql") || place.starts_with("mssql")) {
    return InvalidArgument(
        "databases of this kind are not read directly; start `mlflow server --backend-store-uri ...`",
        " on it and import from that server's http:// address");
  }
  std::string name = WithoutSecret(place);
  if (!place.starts_with("postgres")) {
    if (place.starts_with(kSqlite)) place.erase(0, kSqlite.size());
    std::error_code error;
    name = Cat(kSqlite, std::filesystem::weakly_canonical(place, error).string());
  }
  auto read = TRY(db::ForeignDatabase::Read(place));
  std::unique_ptr<MlflowDatabase> opened(new MlflowDatabase(std::move(read), name));
  for (const char* table : {"experiments", "runs", "metrics", "params", "tags"}) {
    if (!opened->Has(table)) return InvalidArgument(name, " is no database of MLflow's: it has no table ", table);
  }
  return opened;
}

Result<db::Rows> MlflowDatabase::Select(std::string_view table, std::initializer_list<std::string_view> columns,
                                        std::string_view rest, const Values& parameters) {
  const auto known = database_->tables().find(std::string(table));
  if (known == database_->tables().end()) return Rows();
  std::string sql;
  for (const std::string_view column : columns) {
    const bool has = known->second.contains(std::string(column));
    CatTo(sql, sql.empty() ? "SELECT " : ", ", has ? Cat("\"", column, "\"") : "NULL");
  }
  CatTo(sql, " FROM ", table, " ", rest);
  return database_->Query(sql, parameters);
}

Status MlflowDatabase::Send(const Selection& selection, Sink& sink) {
  TRY(SendExperiments(selection, sink));
  TRY(SendRuns(sink));
  TRY(SendLoggedModels(sink));
  return selection.names.empty() ? SendRegistry(sink) : Ok();
}

Status MlflowDatabase::SendExperiments(const Selection& selection, Sink& sink) {
  const Rows rows =
      TRY(Select("experiments",
                 {"experiment_id", "name", "artifact_location", "lifecycle_stage", "creation_time", "last_update_time"},
                 "ORDER BY experiment_id"));
  const Rows tags = TRY(Select("experiment_tags", {"experiment_id", "key", "value"}, "ORDER BY key"));
  Json::Array experiments;
  for (const Row& row : rows) {
    const std::int64_t id = IntOr(row, 0);
    if (!selection.Has(Cat(id), TextOr(row, 1))) continue;
    experiments_.insert(id);
    Json experiment = Json::Make({{"experiment_id", Cat(id)}, {"name", TextOr(row, 1)}});
    experiment["artifact_location"] = TextOr(row, 2);
    experiment["lifecycle_stage"] = TextOr(row, 3, "active");
    Set(experiment, "creation_time", row, 4);
    Set(experiment, "last_update_time", row, 5);
    Json pairs = Json::MakeArray();
    for (const Row& tag : tags) {
      if (IntOr(tag, 0) == id) pairs.Append(PairJson(TextOr(tag, 1), TextOr(tag, 2)));
    }
    experiment["tags"] = std::move(pairs);
    experiments.push_back(std::move(experiment));
  }
  return sink.Experiments(experiments);
}

Status MlflowDatabase::SendRuns(Sink& sink) {
  std::string last;
  while (true) {
    const Rows rows = TRY(Select("runs",
                                 {"run_uuid", "experiment_id", "name", "user_id", "status", "lifecycle_stage",
                                  "start_time", "end_time", "artifact_uri", "source_name"},
                                 Cat("WHERE run_uuid > ? ORDER BY run_uuid LIMIT ", Sink::kRunsMax), {last}));
    if (rows.empty()) return Ok();
    last = rows.back().Text(0);
    TRY(SendPage(rows, sink));
  }
}

Status MlflowDatabase::SendPage(const Rows& rows, Sink& sink) {
  const Json::Array runs = TRY(RunsOf(rows));
  if (runs.empty()) return Ok();
  const std::vector<bool> wanted = TRY(sink.BeginRuns(runs));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (wanted.at(i)) TRY(SendPoints(runs[i].Find("info")->StringOr("run_id", ""), sink));
  }
  return sink.EndRuns();
}

Result<Json::Array> MlflowDatabase::RunsOf(const Rows& rows) {
  Json::Array runs;
  std::map<std::string, std::size_t> places;
  for (const Row& row : rows) {
    if (!experiments_.contains(IntOr(row, 1, -1))) continue;
    Json info = Json::Make({{"run_id", row.Text(0)}, {"experiment_id", Cat(IntOr(row, 1))}});
    Set(info, "run_name", row, 2);
    Set(info, "user_id", row, 3);
    info["status"] = RunStatusName(TextOr(row, 4));
    info["lifecycle_stage"] = TextOr(row, 5, "active");
    Set(info, "start_time", row, 6);
    Set(info, "end_time", row, 7);
    Set(info, "artifact_uri", row, 8);
    Set(info, "source_name", row, 9);
    Json data =
        Json::Make({{"params", Json::MakeArray()}, {"tags", Json::MakeArray()}, {"metrics", Json::MakeArray()}});
    places[row.Text(0)] = runs.size();
    runs.push_back(Json::Make({{"info", std::move(info)}, {"data", std::move(data)}}));
  }
  const Values range = {rows.front().Text(0), rows.back().Text(0)};
  TRY(AddTexts("params", "params", range, runs, places));
  TRY(AddTexts("tags", "tags", range, runs, places));
  TRY(AddLatest(range, runs, places));
  for (Json& run : runs) {
    TRY(AddInputs(run));
    run["fingerprint"] = FingerprintOf(run);
  }
  return runs;
}

Status MlflowDatabase::AddTexts(std::string_view table, const char* member, const Values& range, Json::Array& runs,
                                const std::map<std::string, std::size_t>& places) {
  const Rows rows = TRY(Select(table, {"run_uuid", "key", "value"},
                               "WHERE run_uuid >= ? AND run_uuid <= ? ORDER BY run_uuid, key", range));
  for (const Row& row : rows) {
    const auto place = places.find(row.Text(0));
    if (place == places.end()) continue;
    runs[place->second]["data"][member].Append(PairJson(TextOr(row, 1), TextOr(row, 2)));
  }
  return Ok();
}

Status MlflowDatabase::AddLatest(const Values& range, Json::Array& runs,
                                 const std::map<std::string, std::size_t>& places) {
  const Rows rows = TRY(Select("latest_metrics", {"run_uuid", "key", "value", "timestamp", "step", "is_nan"},
                               "WHERE run_uuid >= ? AND run_uuid <= ? ORDER BY run_uuid, key", range));
  for (const Row& row : rows) {
    const auto place = places.find(row.Text(0));
    if (place == places.end()) continue;
    const Point point = PointOf(row, 2, 3, 4, 5);
    runs[place->second]["data"]["metrics"].Append(Json::Make(
        {{"key", TextOr(row, 1)}, {"value", Cat(point.value)}, {"timestamp", point.time}, {"step", point.step}}));
  }
  return Ok();
}

Status MlflowDatabase::AddInputs(Json& run) {
  if (!Has("inputs")) return Ok();
  const std::string id = run.Find("info")->StringOr("run_id", "");
  const Rows rows =
      TRY(Select("inputs", {"input_uuid", "source_type", "source_id", "destination_type", "destination_id", "step"},
                 "WHERE (destination_type = 'RUN' AND destination_id = ?) OR"
                 " (source_type IN ('RUN_INPUT', 'RUN_OUTPUT') AND source_id = ?) ORDER BY input_uuid",
                 {id, id}));
  Json datasets = Json::MakeArray(), models = Json::MakeArray(), outputs = Json::MakeArray();
  for (const Row& row : rows) {
    const std::string source = TextOr(row, 1);
    if (source == "RUN_INPUT") models.Append(Json::Make({{"model_id", TextOr(row, 4)}}));
    if (source == "RUN_OUTPUT") outputs.Append(Json::Make({{"model_id", TextOr(row, 4)}, {"step", IntOr(row, 5)}}));
    if (source != "DATASET") continue;
    const Rows found = TRY(Select(
        "datasets", {"name", "digest", "dataset_source_type", "dataset_source", "dataset_schema", "dataset_profile"},
        "WHERE dataset_uuid = ?", {TextOr(row, 2)}));
    if (found.empty()) continue;
    Json dataset = Json::MakeObject();
    const char* const keys[] = {"name", "digest", "source_type", "source", "schema", "profile"};
    for (std::size_t i = 0; i < 6; ++i) Set(dataset, keys[i], found[0], i);
    Json tags = Json::MakeArray();
    for (const Row& tag :
         TRY(Select("input_tags", {"name", "value"}, "WHERE input_uuid = ? ORDER BY name", {TextOr(row, 0)}))) {
      tags.Append(PairJson(TextOr(tag, 0), TextOr(tag, 1)));
    }
    datasets.Append(Json::Make({{"dataset", std::move(dataset)}, {"tags", std::move(tags)}}));
  }
  run["inputs"] = Json::Make({{"dataset_inputs", std::move(datasets)}, {"model_inputs", std::move(models)}});
  run["outputs"] = Json::Make({{"model_outputs", std::move(outputs)}});
  return Ok();
}

Status MlflowDatabase::SendPoints(const std::string& run, Sink& sink) {
  std::map<std::string, std::vector<Point>> by_key;
  std::size_t held = 0;
  const auto flush = [&]() -> Status {
    for (const auto& [key, points] : by_key) TRY(sink.Points(run, key, points));
    by_key.clear();
    held = 0;
    return Ok();
  };
  TRY(database_->Stream(Cat("SELECT \"key\", value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ",
                            db::ForeignDatabase::Literal(run)),
                        [&](const Rows& rows) -> Status {
                          for (const Row& row : rows) by_key[row.Text(0)].push_back(PointOf(row, 1, 2, 3, 4));
                          held += rows.size();
                          return held < Sink::kPointsMax ? Ok() : flush();
                        }));
  return flush();
}

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
    Json::Array models;
    for (const Row& row : rows) {
      if (experiments_.contains(IntOr(row, 1, -1))) models.push_back(TRY(LoggedModelOf(row)));
    }
    if (!models.empty()) TRY(sink.LoggedModels(models));
  }
}

Result<Json> MlflowDatabase::LoggedModelOf(const Row& row) {
  const Values id = {row.Text(0)};
  Json info = Json::Make({{"model_id", row.Text(0)}, {"experiment_id", Cat(IntOr(row, 1))}});
  const char* const keys[] = {"name",       "artifact_uri",  nullptr,         nullptr, nullptr, "lifecycle_stage",
                              "model_type", "source_run_id", "status_message"};
  for (std::size_t i = 0; i < 9; ++i) {
    if (keys[i] != nullptr) Set(info, keys[i], row, i + 2);
  }
  info["creation_timestamp_ms"] = IntOr(row, 4);
  info["last_updated_timestamp_ms"] = IntOr(row, 5);
  info["status"] = ModelStatusName(IntOr(row, 6));
  Json tags = Json::MakeArray(), params = Json::MakeArray(), metrics = Json::MakeArray();
  for (const Row& tag :
       TRY(Select("logged_model_tags", {"tag_key", "tag_value"}, "WHERE model_id = ? ORDER BY tag_key", id))) {
    tags.Append(PairJson(TextOr(tag, 0), TextOr(tag, 1)));
  }
  info["tags"] = std::move(tags);
  for (const Row& param :
       TRY(Select("logged_model_params", {"param_key", "param_value"}, "WHERE model_id = ? ORDER BY param_key", id))) {
    params.Append(PairJson(TextOr(param, 0), TextOr(param, 1)));
  }
  const Rows points = TRY(Select(
      "logged_model_metrics",
      {"metric_name", "metric_value", "metric_timestamp_ms", "metric_step", "run_id", "dataset_name", "dataset_digest"},
      "WHERE model_id = ? ORDER BY metric_name, metric_timestamp_ms, metric_step", id));
  for (const Row& point : points) {
    // MLflow keeps no mark of NaN here; its column is then empty.
    const double value = std::holds_alternative<std::nullptr_t>(point.At(1)) ? std::numeric_limits<double>::quiet_NaN()
                                                                             : KeptValue(DoubleOr(point, 1));
    Json metric = Json::Make({{"key", TextOr(point, 0)}, {"value", NumberJson(value)}});
    metric["timestamp"] = IntOr(point, 2);
    metric["step"] = IntOr(point, 3);
    metric["model_id"] = row.Text(0);
    Set(metric, "run_id", point, 4);
    Set(metric, "dataset_name", point, 5);
    Set(metric, "dataset_digest", point, 6);
    metrics.Append(std::move(metric));
  }
  Json data = Json::Make({{"params", std::move(params)}, {"metrics", std::move(metrics)}});
  return Json::Make({{"info", std::move(info)}, {"data", std::move(data)}});
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
    for (std::size_t i = 0; i < std::size(keys); ++i) Set(version, keys[i], row, i + 1);
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
    Set(model, "creation_timestamp", row, 1);
    Set(model, "last_updated_timestamp", row, 2);
    Set(model, "description", row, 3);
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
