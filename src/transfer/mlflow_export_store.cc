// SQL of MLflow's tables, and files beside them.
#include "transfer/mlflow_export.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "transfer/mlflow_run.h"
#include "transfer/mlflow_schema_store.h"

namespace mw::transfer {
namespace {

namespace fs = std::filesystem;
using db::Value;
using db::Values;

std::string Text(const Json& json, std::string_view key) { return json.StringOr(key, ""); }

Value TextOrNull(const Json& json, std::string_view key) {
  const Json* member = json.Find(key);
  return member != nullptr && member->IsString() ? Value(member->AsString()) : Value(nullptr);
}

Value IntOrNull(const Json& json, std::string_view key) {
  const Json* member = json.Find(key);
  if (member != nullptr && member->IsString()) {
    if (const auto number = ParseInt(member->AsString())) return std::int64_t{*number};
  }
  return member != nullptr && member->IsInt() ? Value(member->AsInt()) : Value(nullptr);
}

std::int64_t Number(const Json& json, std::string_view key) {
  const Value value = IntOrNull(json, key);
  const auto* number = std::get_if<std::int64_t>(&value);
  return number == nullptr ? 0 : *number;
}

/// The same things get the same 32 digits in every export.
std::string IdOf(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) CatTo(all, part.size(), ":", part);
  return Sha256Hex(all).substr(0, 32);
}

std::int64_t ModelStatusNumber(const std::string& name) {
  for (std::int64_t status = 3; status > 0; --status) {
    if (ModelStatusName(status) == name) return status;
  }
  return 0;
}

constexpr std::string_view kDatabase = "/mlflow.db", kUnfinished = "/mlflow.db.unfinished";

}  // namespace

Result<std::unique_ptr<MlflowExport>> MlflowExport::Begin(const std::string& folder, ArtifactReader* artifacts,
                                                          Report& report) {
  TRY(MakeDirectories(folder));
  std::error_code error;
  std::string root = fs::canonical(folder, error).string();
  if (error) return NotFound(folder, ": ", error.message());
  if (access(Cat(root, kDatabase).c_str(), F_OK) == 0) {
    return Error{Code::kAlreadyExists, Cat(root, " holds an mlflow.db already; name a folder that has none"), {}};
  }
  for (const char* rest : {"", "-journal", "-wal", "-shm"}) unlink(Cat(root, kUnfinished, rest).c_str());
  auto database = TRY(db::ForeignDatabase::Create(Cat(root, kUnfinished)));
  TRY(database->RunScript(MlflowSchema()));
  return std::unique_ptr<MlflowExport>(new MlflowExport(std::move(database), std::move(root), artifacts, report));
}

Status MlflowExport::Finish() {
  TRY(database_->Commit());
  database_.reset();
  const std::string from = Cat(folder_, kUnfinished), to = Cat(folder_, kDatabase);
  if (std::rename(from.c_str(), to.c_str()) != 0) return ErrnoError(errno, Cat("naming ", to));
  return SyncDirectory(folder_);
}

Result<bool> MlflowExport::Insert(std::string_view table, std::string_view columns, const Values& values) {
  std::string marks;
  for (std::size_t i = 0; i < values.size(); ++i) marks += i == 0 ? "?" : ", ?";
  const std::string sql = Cat("INSERT INTO ", table, " (", columns, ") VALUES (", marks, ") ON CONFLICT DO NOTHING");
  return TRY(database_->Execute(sql, values))
  > 0;
}

std::string MlflowExport::Relocated(const std::string& uri) const {
  const std::string path = ProxyPath(uri);
  return path.empty() || artifacts_ == nullptr ? uri : Cat(folder_, "/artifacts/", path);
}

Status MlflowExport::Experiments(const Json::Array& experiments) {
  for (const Json& experiment : experiments) {
    const std::int64_t id = Number(experiment, "experiment_id");
    TRY(Insert("experiments",
               "experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time",
               {id, Text(experiment, "name"), Relocated(Text(experiment, "artifact_location")),
                experiment.StringOr("lifecycle_stage", "active"), IntOrNull(experiment, "creation_time"),
                IntOrNull(experiment, "last_update_time")}));
    for (const Json& tag : ListIn(&experiment, "tags")) {
      TRY(Insert("experiment_tags", "experiment_id, key, value", {id, Text(tag, "key"), Text(tag, "value")}));
    }
    report_.Count("experiment", "exported");
  }
  return Ok();
}

Result<std::vector<bool>> MlflowExport::BeginRuns(const Json::Array& runs) {
  for (const Json& run : runs) TRY(PutRun(run));
  return std::vector<bool>(runs.size(), true);
}

Status MlflowExport::PutRun(const Json& run) {
  const Json& info = *run.Find("info");
  const std::string id = Text(info, "run_id"), uri = Text(info, "artifact_uri");
  const std::int64_t experiment = Number(info, "experiment_id");
  TRY(Insert("runs",
             "run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time,"
             " source_version, lifecycle_stage, artifact_uri, experiment_id",
             {id, Text(info, "run_name"), "UNKNOWN", Text(info, "source_name"), "", Text(info, "user_id"),
              info.StringOr("status", "RUNNING"), IntOrNull(info, "start_time"), IntOrNull(info, "end_time"), "",
              info.StringOr("lifecycle_stage", "active"), Relocated(uri), experiment}));
  const Json* data = run.Find("data");
  for (const Json& param : ListIn(data, "params")) {
    TRY(Insert("params", "run_uuid, key, value", {id, Text(param, "key"), Text(param, "value")}));
  }
  for (const Json& tag : ListIn(data, "tags")) {
    TRY(Insert("tags", "run_uuid, key, value", {id, Text(tag, "key"), Text(tag, "value")}));
  }
  TRY(PutInputs(run, id, experiment));
  runs_.insert(id);
  artifacts_of_[id] = uri;
  return Ok();
}

Status MlflowExport::PutInputs(const Json& run, const std::string& id, std::int64_t experiment) {
  const Json* inputs = run.Find("inputs");
  for (const Json& input : ListIn(inputs, "dataset_inputs")) TRY(PutDataset(input, id, experiment));
  return PutModelLinks(run, id);
}

Status MlflowExport::PutModelLinks(const Json& run, const std::string& id) {
  constexpr std::string_view kColumns = "input_uuid, source_type, source_id, destination_type, destination_id, step";
  for (const Json& input : ListIn(run.Find("inputs"), "model_inputs")) {
    const std::string model = Text(input, "model_id");
    TRY(Insert("inputs", kColumns,
               {IdOf({"input", id, model}), "RUN_INPUT", id, "MODEL_INPUT", model, std::int64_t{0}}));
    report_.Count("model input", "exported");
  }
  for (const Json& output : ListIn(run.Find("outputs"), "model_outputs")) {
    const std::string model = Text(output, "model_id");
    const std::int64_t step = Number(output, "step");
    const bool is_new =
        TRY(Insert("inputs", kColumns, {IdOf({"output", id, model}), "RUN_OUTPUT", id, "MODEL_OUTPUT", model, step}));
    if (is_new) {
      report_.Count("model output", "exported");
    } else {
      report_.Skip("model output", Cat(id, " ", model),
                   Cat("MLflow's databases keep one step of a model that a run makes, not step ", step, " too"));
    }
  }
  return Ok();
}

Status MlflowExport::PutDataset(const Json& input, const std::string& run, std::int64_t experiment) {
  const Json* dataset = input.Find("dataset");
  if (dataset == nullptr) return Ok();
  const std::string name = Text(*dataset, "name"), digest = Text(*dataset, "digest");
  const std::string id = IdOf({"dataset", Cat(experiment), name, digest}), link = IdOf({"link", id, run});
  TRY(Insert("datasets",
             "dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source, dataset_schema,"
             " dataset_profile",
             {id, experiment, name, digest, Text(*dataset, "source_type"), Text(*dataset, "source"),
              TextOrNull(*dataset, "schema"), TextOrNull(*dataset, "profile")}));
  TRY(Insert("inputs", "input_uuid, source_type, source_id, destination_type, destination_id, step",
             {link, "DATASET", id, "RUN", run, std::int64_t{0}}));
  for (const Json& tag : ListIn(&input, "tags")) {
    TRY(Insert("input_tags", "input_uuid, name, value", {link, Text(tag, "key"), Text(tag, "value")}));
  }
  report_.Count("dataset input", "exported");
  return Ok();
}

Status MlflowExport::Points(const std::string& run, const std::string& key, std::span<const Point> points) {
  for (const Point& point : points) {
    const bool is_nan = std::isnan(point.value);
    TRY(Insert("metrics", "key, value, timestamp, run_uuid, step, is_nan",
               {key, is_nan ? 0.0 : point.value, point.time, run, point.step, std::int64_t{is_nan}}));
    const auto [at, is_new] = latest_[run].try_emplace(key, point);
    if (!is_new && tracking::IsLater(point, at->second)) at->second = point;
  }
  report_.Count("point", "exported", static_cast<std::int64_t>(points.size()));
  return Ok();
}

Status MlflowExport::PutLatest(const std::string& run) {
  for (const auto& [key, point] : latest_[run]) {
    const bool is_nan = std::isnan(point.value);
    TRY(Insert("latest_metrics", "key, value, timestamp, step, is_nan, run_uuid",
               {key, is_nan ? 0.0 : point.value, point.time, point.step, std::int64_t{is_nan}, run}));
  }
  return Ok();
}

Status MlflowExport::EndRuns() {
  for (const auto& [run, uri] : artifacts_of_) {
    TRY(PutLatest(run));
    TRY(BringArtifacts("run", run, uri));
    report_.Count("run", "exported");
  }
  artifacts_of_.clear();
  latest_.clear();
  return Ok();
}

Status MlflowExport::BringArtifacts(std::string_view kind, const std::string& id, const std::string& uri) {
  if (artifacts_ == nullptr || ProxyPath(uri).empty()) return Ok();
  const Result<std::vector<ArtifactFile>> files = artifacts_->List(uri);
  if (!files.ok()) {
    report_.Skip("artifacts", Cat(kind, " ", id), files.error().ToString());
    return Ok();
  }
  for (const ArtifactFile& file : *files) {
    const std::string target = Cat(Relocated(uri), "/", file.path);
    std::error_code error;
    if (fs::file_size(target, error) == static_cast<std::uintmax_t>(file.size) && !error) continue;
    fs::create_directories(fs::path(target).parent_path(), error);
    TRY(artifacts_->Open(uri, file.path, [&](const std::string& path) -> Status {
      const std::string part = target + ".part";
      std::error_code copied;
      fs::copy_file(path, part, fs::copy_options::overwrite_existing, copied);
      if (!copied) fs::rename(part, target, copied);
      return copied ? Status(Unavailable("writing ", target, ": ", copied.message())) : Ok();
    }));
    report_.Count("artifact", "exported");
  }
  return Ok();
}

// ---- models ----

Result<std::vector<bool>> MlflowExport::BeginModels(const Json::Array& models) {
  for (const Json& model : models) TRY(PutLoggedModel(model));
  return std::vector<bool>(models.size(), true);
}

Status MlflowExport::ModelMetrics(const std::string& model, std::span<const ModelMetric> metrics) {
  const std::int64_t experiment = experiment_of_[model];
  for (const ModelMetric& metric : metrics) TRY(PutModelMetric(model, experiment, metric));
  return Ok();
}

Status MlflowExport::PutLoggedModel(const Json& model) {
  const Json* info = model.Find("info");
  if (info == nullptr) return Ok();
  const std::string id = Text(*info, "model_id"), uri = Text(*info, "artifact_uri");
  const std::int64_t experiment = Number(*info, "experiment_id");
  TRY(Insert("logged_models",
             "model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms,"
             " status, lifecycle_stage, model_type, source_run_id, status_message",
             {id, experiment, Text(*info, "name"), Relocated(uri), Number(*info, "creation_timestamp_ms"),
              Number(*info, "last_updated_timestamp_ms"), ModelStatusNumber(Text(*info, "status")),
              info->StringOr("lifecycle_stage", "active"), TextOrNull(*info, "model_type"),
              TextOrNull(*info, "source_run_id"), TextOrNull(*info, "status_message")}));
  for (const Json& tag : ListIn(info, "tags")) {
    TRY(Insert("logged_model_tags", "model_id, experiment_id, tag_key, tag_value",
               {id, experiment, Text(tag, "key"), Text(tag, "value")}));
  }
  const Json* data = model.Find("data");
  for (const Json& param : ListIn(data, "params")) {
    TRY(Insert("logged_model_params", "model_id, experiment_id, param_key, param_value",
               {id, experiment, Text(param, "key"), Text(param, "value")}));
  }
  experiment_of_[id] = experiment;
  TRY(BringArtifacts("logged model", id, uri));
  report_.Count("logged model", "exported");
  return Ok();
}

/// NaN is 0 here, as MLflow keeps it; that it is NaN is in the history of the run.
Status MlflowExport::PutModelMetric(const std::string& model, std::int64_t experiment, const ModelMetric& metric) {
  if (!runs_.contains(metric.run)) {
    report_.Skip("model metric", Cat(model, " ", metric.key), Cat("its run ", metric.run, " is not exported"));
    return Ok();
  }
  const auto text_or_null = [](const std::string& text) { return text.empty() ? Value(nullptr) : Value(text); };
  const bool is_new =
      TRY(Insert("logged_model_metrics",
                 "model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, experiment_id, run_id,"
                 " dataset_name, dataset_digest",
                 {model, metric.key, metric.point.time, metric.point.step,
                  std::isnan(metric.point.value) ? 0.0 : metric.point.value, experiment, metric.run,
                  text_or_null(metric.dataset_name), text_or_null(metric.dataset_digest)}));
  if (is_new) {
    report_.Count("model metric", "exported");
  } else {
    report_.Skip("model metric", Cat(model, " ", metric.key),
                 Cat("MLflow's databases keep one value of a run, time and step; left out: ", metric.point.value,
                     " of step ", metric.point.step, " on dataset ", Quoted(metric.dataset_name)));
  }
  return Ok();
}

Status MlflowExport::RegisteredModel(const Json& model, const Json::Array& versions) {
  const std::string name = Text(model, "name");
  TRY(Insert("registered_models", "name, creation_time, last_updated_time, description",
             {name, IntOrNull(model, "creation_timestamp"), IntOrNull(model, "last_updated_timestamp"),
              TextOrNull(model, "description")}));
  for (const Json& tag : ListIn(&model, "tags")) {
    TRY(Insert("registered_model_tags", "name, key, value", {name, Text(tag, "key"), Text(tag, "value")}));
  }
  for (const Json& version : versions) TRY(PutVersion(name, version));
  for (const Json& alias : ListIn(&model, "aliases")) {
    TRY(Insert("registered_model_aliases", "name, alias, version",
               {name, Text(alias, "alias"), Number(alias, "version")}));
  }
  report_.Count("registered model", "exported");
  return Ok();
}

Status MlflowExport::PutVersion(const std::string& model, const Json& version) {
  const std::int64_t number = Number(version, "version");
  const Value storage = TextOrNull(version, "storage_location");
  const auto* location = std::get_if<std::string>(&storage);
  TRY(Insert("model_versions",
             "name, version, creation_time, last_updated_time, description, user_id, current_stage, source, run_id,"
             " status, status_message, run_link, storage_location",
             {model, number, IntOrNull(version, "creation_timestamp"), IntOrNull(version, "last_updated_timestamp"),
              TextOrNull(version, "description"), TextOrNull(version, "user_id"),
              version.StringOr("current_stage", "None"), Relocated(Text(version, "source")),
              TextOrNull(version, "run_id"), version.StringOr("status", "READY"), TextOrNull(version, "status_message"),
              TextOrNull(version, "run_link"), location == nullptr ? Value(nullptr) : Value(Relocated(*location))}));
  if (location != nullptr) TRY(BringArtifacts("model version", Cat(model, "/", number), *location));
  for (const Json& tag : ListIn(&version, "tags")) {
    TRY(Insert("model_version_tags", "name, version, key, value",
               {model, number, Text(tag, "key"), Text(tag, "value")}));
  }
  const std::string logged = Text(version, "model_id");
  if (!logged.empty() && Text(version, "source") != Cat("models:/", logged)) {
    report_.Note("model version", Cat(model, "/", number),
                 Cat("is of the logged model ", logged, ", which MLflow's databases keep by the source alone"));
  }
  report_.Count("model version", "exported");
  return Ok();
}

}  // namespace mw::transfer
