// SQL of MLflow's tables. Runs come by their ids, a page at a time, and what belongs to a page by the range of its ids,
// which every version of MLflow has an index for.
#include "transfer/mlflow_database.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/text.h"
#include "transfer/mlflow_rows.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

using db::Row;
using db::Values;

/// "postgresql+psycopg2://..." is SQLAlchemy's; libpq knows no drivers.
std::string PlainUrl(const std::string& url) {
  const std::size_t colon = url.find("://"), plus = url.find('+');
  if (colon == std::string::npos || plus == std::string::npos || plus > colon) return url;
  return Cat(std::string_view(url).substr(0, plus), std::string_view(url).substr(colon));
}

/// Without user and password, in whichever part they stand.
std::string WithoutSecret(std::string_view url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string_view::npos) return std::string(url);
  const std::size_t query = std::min(url.find('?', begin), url.size());
  const std::size_t at = url.substr(0, query).rfind('@');
  const std::size_t host = at == std::string_view::npos || at < begin ? begin + 3 : at + 1;
  std::string name = Cat(url.substr(0, begin + 3), url.substr(host, query - host));
  std::string kept;
  for (const std::string_view pair : Split(url.substr(std::min(query + 1, url.size())), '&')) {
    const std::string key = ToLower(pair.substr(0, pair.find('=')));
    const bool secret = key == "user" || key.find("password") != std::string::npos;
    if (!pair.empty() && !secret) CatTo(kept, kept.empty() ? "?" : "&", pair);
  }
  return name + kept;
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
    SetFrom(experiment, "creation_time", row, 4);
    SetFrom(experiment, "last_update_time", row, 5);
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
    SetFrom(info, "run_name", row, 2);
    SetFrom(info, "user_id", row, 3);
    info["status"] = RunStatusName(TextOr(row, 4));
    info["lifecycle_stage"] = TextOr(row, 5, "active");
    SetFrom(info, "start_time", row, 6);
    SetFrom(info, "end_time", row, 7);
    SetFrom(info, "artifact_uri", row, 8);
    SetFrom(info, "source_name", row, 9);
    Json data =
        Json::Make({{"params", Json::MakeArray()}, {"tags", Json::MakeArray()}, {"metrics", Json::MakeArray()}});
    places[row.Text(0)] = runs.size();
    runs.push_back(Json::Make({{"info", std::move(info)}, {"data", std::move(data)}}));
  }
  const Values range = {rows.front().Text(0), rows.back().Text(0)};
  TRY(AddTexts("params", "params", range, runs, places));
  TRY(AddTexts("tags", "tags", range, runs, places));
  TRY(AddLatest(range, runs, places));
  TRY(AddInputs(range, runs, places));
  for (Json& run : runs) run["fingerprint"] = FingerprintOf(run);
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

Status MlflowDatabase::AddInputs(const Values& range, Json::Array& runs, const Places& places) {
  if (!Has("inputs")) return Ok();
  for (Json& run : runs) {
    run["inputs"] = Json::Make({{"dataset_inputs", Json::MakeArray()}, {"model_inputs", Json::MakeArray()}});
    run["outputs"] = Json::Make({{"model_outputs", Json::MakeArray()}});
  }
  const Rows rows = TRY(Select("inputs", {"source_type", "source_id", "destination_id", "step"},
                               "WHERE source_type IN ('RUN_INPUT', 'RUN_OUTPUT') AND source_id >= ? AND source_id <= ?"
                               " ORDER BY input_uuid",
                               range));
  for (const Row& row : rows) {
    const auto place = places.find(TextOr(row, 1));
    if (place == places.end()) continue;
    Json& run = runs[place->second];
    Json model = Json::Make({{"model_id", TextOr(row, 2)}});
    if (TextOr(row, 0) == "RUN_INPUT") {
      run["inputs"]["model_inputs"].Append(std::move(model));
    } else {
      model["step"] = IntOr(row, 3);
      run["outputs"]["model_outputs"].Append(std::move(model));
    }
  }
  return AddDatasets(range, runs, places);
}

Status MlflowDatabase::AddDatasets(const Values& range, Json::Array& runs, const Places& places) {
  constexpr std::string_view kOfRuns =
      " FROM inputs WHERE source_type = 'DATASET' AND destination_type = 'RUN' AND destination_id >= ?"
      " AND destination_id <= ?";
  const char* const keys[] = {"name", "digest", "source_type", "source", "schema", "profile"};
  std::map<std::string, Json> datasets, tags;  // by their own id, by the input's
  for (const Row& row : TRY(Select("datasets",
                                   {"dataset_uuid", "name", "digest", "dataset_source_type", "dataset_source",
                                    "dataset_schema", "dataset_profile"},
                                   Cat("WHERE dataset_uuid IN (SELECT source_id", kOfRuns, ")"), range))) {
    Json& dataset = datasets[TextOr(row, 0)];
    dataset = Json::MakeObject();
    for (std::size_t i = 0; i < std::size(keys); ++i) SetFrom(dataset, keys[i], row, i + 1);
  }
  for (const Row& row : TRY(Select("input_tags", {"input_uuid", "name", "value"},
                                   Cat("WHERE input_uuid IN (SELECT input_uuid", kOfRuns, ") ORDER BY name"), range))) {
    Json& pairs = tags[TextOr(row, 0)];
    if (!pairs.IsArray()) pairs = Json::MakeArray();
    pairs.Append(PairJson(TextOr(row, 1), TextOr(row, 2)));
  }
  for (const Row& row : TRY(database_->Query(
           Cat("SELECT input_uuid, source_id, destination_id", kOfRuns, " ORDER BY input_uuid"), range))) {
    const auto place = places.find(TextOr(row, 2));
    const auto dataset = datasets.find(TextOr(row, 1));
    if (place == places.end() || dataset == datasets.end()) continue;
    const auto told = tags.find(TextOr(row, 0));
    Json input = Json::Make({{"dataset", dataset->second}});
    input["tags"] = told == tags.end() ? Json::MakeArray() : told->second;
    runs[place->second]["inputs"]["dataset_inputs"].Append(std::move(input));
  }
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

}  // namespace mw::transfer
