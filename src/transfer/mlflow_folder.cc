// Folders by walking; everything is sorted by name, so that the same folder is told in the same order.
#include "transfer/mlflow_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

namespace fs = std::filesystem;

/// Names of folders in a folder, sorted; none when there is no such folder.
std::vector<std::string> FoldersIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->is_directory(error) && !at->is_symlink(error)) names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Paths of files below a folder, sorted: a metric "val/loss" lies in val/.
std::vector<std::string> FilesBelow(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file(error) && !at->is_symlink(error)) {
      paths.push_back(at->path().lexically_relative(folder).string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<Json> ReadMeta(const std::string& folder) {
  const std::string path = folder + "/meta.yaml";
  const std::string text = TRY(ReadFile(path, std::size_t{1} << 20));
  Json meta = TRY(ParseYaml(text, path))
  .ToJson();
  if (!meta.IsObject()) return InvalidArgument(path, " holds no map");
  return meta;
}

/// The member as text, also where YAML reads it as a number.
std::string TextOf(const Json& meta, std::string_view key) {
  const Json* member = meta.Find(key);
  if (member == nullptr || member->IsNull()) return "";
  return member->IsString() ? member->AsString() : member->Dump();
}

void Copy(const Json& meta, std::string_view from, Json& to, std::string_view key) {
  const Json* member = meta.Find(from);
  if (member != nullptr && !member->IsNull()) to[key] = *member;
}
void CopyText(const Json& meta, std::string_view from, Json& to, std::string_view key) {
  const Json* member = meta.Find(from);
  if (member != nullptr && !member->IsNull()) to[key] = TextOf(meta, from);
}

/// [{"key", "value"}] of the files below a folder.
Result<Json> ReadTexts(const std::string& folder) {
  Json pairs = Json::MakeArray();
  for (const std::string& path : FilesBelow(folder)) {
    pairs.Append(PairJson(path, TRY(ReadFile(Cat(folder, "/", path), MlflowFolder::kTextBytesMax))));
  }
  return pairs;
}

/// [{"key", "value"}] of a map in a meta.yaml.
Json PairsOf(const Json* map) {
  Json pairs = Json::MakeArray();
  if (map == nullptr || !map->IsObject()) return pairs;
  for (const auto& [key, value] : map->AsObject()) {
    pairs.Append(PairJson(key, value.IsString() ? value.AsString() : value.Dump()));
  }
  return pairs;
}

Result<Point> ParseLine(std::string_view line) {
  const std::vector<std::string_view> words = Split(line, ' ');
  const auto time = ParseInt(words[0]);
  const auto value = words.size() > 1 ? ParseDouble(words[1]) : std::nullopt;
  const auto step = words.size() > 2 ? ParseInt(words[2]) : 0;
  if (!time || !value || !step) return InvalidArgument("is no point: ", Quoted(line));
  return Point{*time, *step, KeptValue(*value)};
}

/// Size and time of each metric's file: what a fingerprint needs of them.
Json MetricFiles(const std::string& folder) {
  Json files = Json::MakeArray();
  std::error_code error;
  for (const std::string& path : FilesBelow(folder)) {
    files.Append(
        Json::Make({{"key", path}, {"bytes", static_cast<std::int64_t>(fs::file_size(folder + "/" + path, error))}}));
  }
  return files;
}

}  // namespace

Result<std::vector<Point>> ParseMetricFile(std::string_view text) {
  std::vector<Point> points;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = Trim(text.substr(begin, end - begin));
    if (!line.empty()) points.push_back(TRY(ParseLine(line).In(Cat("line ", number + 1))));
    begin = end + 1;
  }
  tracking::SortPoints(points);
  return points;
}

Result<std::unique_ptr<MlflowFolder>> MlflowFolder::Open(const std::string& path) {
  std::error_code error;
  const fs::path root = fs::canonical(path, error);
  if (error || !fs::is_directory(root, error)) return NotFound(path, " is no folder");
  return std::unique_ptr<MlflowFolder>(new MlflowFolder(root.string()));
}

Status MlflowFolder::Send(const Selection& selection, Sink& sink) {
  TRY(SendExperiments(selection, sink));
  for (const Experiment& experiment : experiments_) TRY(SendRuns(experiment, sink));
  for (const Experiment& experiment : experiments_) TRY(SendLoggedModels(experiment, sink));
  return selection.names.empty() ? SendRegistry(sink) : Ok();
}

Status MlflowFolder::SendExperiments(const Selection& selection, Sink& sink) {
  Json::Array experiments;
  for (const char* place : {"", "/.trash"}) {
    for (const std::string& id : FoldersIn(root_ + place)) {
      const std::string folder = Cat(root_, place, "/", id);
      if (!ParseInt(id)) continue;
      const Result<Json> meta = ReadMeta(folder);
      if (!meta.ok()) {
        sink.Skip("experiment", id, meta.error().message);
        continue;
      }
      if (!selection.Has(id, TextOf(*meta, "name"))) continue;
      Json experiment = Json::Make({{"experiment_id", id}, {"name", TextOf(*meta, "name")}});
      CopyText(*meta, "artifact_location", experiment, "artifact_location");
      experiment["lifecycle_stage"] = *place == '\0' ? "active" : "deleted";
      Copy(*meta, "creation_time", experiment, "creation_time");
      Copy(*meta, "last_update_time", experiment, "last_update_time");
      experiment["tags"] = TRY(ReadTexts(folder + "/tags"));
      experiments.push_back(std::move(experiment));
      experiments_.push_back({id, folder});
    }
  }
  if (experiments.empty() && selection.names.empty()) {
    return InvalidArgument(root_, " holds no experiment of MLflow's: folders with a meta.yaml");
  }
  return sink.Experiments(experiments);
}

Status MlflowFolder::SendRuns(const Experiment& experiment, Sink& sink) {
  std::vector<std::string> folders;
  Json::Array runs;
  const auto flush = [&]() -> Status {
    if (!runs.empty()) TRY(SendPage(folders, runs, sink));
    folders.clear();
    runs.clear();
    return Ok();
  };
  for (const std::string& id : FoldersIn(experiment.folder)) {
    const std::string folder = Cat(experiment.folder, "/", id);
    std::error_code error;
    if (!fs::exists(folder + "/meta.yaml", error)) continue;  // tags, datasets, models
    Result<Json> run = RunOf(experiment, folder);
    if (!run.ok()) {
      sink.Skip("run", id, run.error().ToString());
      continue;
    }
    folders.push_back(folder);
    runs.push_back(*std::move(run));
    if (runs.size() == Sink::kRunsMax) TRY(flush());
  }
  return flush();
}

Result<Json> MlflowFolder::RunOf(const Experiment& experiment, const std::string& folder) {
  const Json meta = TRY(ReadMeta(folder));
  const std::string id = TextOf(meta, meta.Find("run_id") != nullptr ? "run_id" : "run_uuid");
  if (id.empty()) return InvalidArgument(folder, "/meta.yaml has no run_id");
  Json info = Json::Make({{"run_id", id}, {"experiment_id", experiment.id}});
  CopyText(meta, meta.Find("run_name") != nullptr ? "run_name" : "name", info, "run_name");
  CopyText(meta, "user_id", info, "user_id");
  info["status"] = RunStatusName(TextOf(meta, "status"));
  info["lifecycle_stage"] = meta.StringOr("lifecycle_stage", "active");
  Copy(meta, "start_time", info, "start_time");
  Copy(meta, "end_time", info, "end_time");
  CopyText(meta, "artifact_uri", info, "artifact_uri");
  CopyText(meta, "source_name", info, "source_name");
  Json data = Json::MakeObject();
  data["params"] = TRY(ReadTexts(folder + "/params"));
  data["tags"] = TRY(ReadTexts(folder + "/tags"));
  Json run = Json::Make({{"info", std::move(info)}, {"data", std::move(data)}});
  TRY(AddInputs(experiment, folder, run));
  run["metric_files"] = MetricFiles(folder + "/metrics");
  run["fingerprint"] = FingerprintOf(run);
  return run;
}

Status MlflowFolder::AddInputs(const Experiment& experiment, const std::string& folder, Json& run) {
  Json datasets = Json::MakeArray(), models = Json::MakeArray(), outputs = Json::MakeArray();
  for (const std::string& name : FoldersIn(folder + "/inputs")) {
    const Json input = TRY(ReadMeta(Cat(folder, "/inputs/", name)));
    const std::string type = TextOf(input, "source_type"), id = TextOf(input, "source_id");
    if (type == "MODEL") models.Append(Json::Make({{"model_id", id}}));
    if (type != "DATASET" || id.find('/') != std::string::npos) continue;
    const Json meta = TRY(ReadMeta(Cat(experiment.folder, "/datasets/", id)));
    Json dataset = Json::MakeObject();
    for (const char* key : {"name", "digest", "source_type", "source", "schema", "profile"}) {
      CopyText(meta, key, dataset, key);
    }
    datasets.Append(Json::Make({{"dataset", std::move(dataset)}, {"tags", PairsOf(input.Find("tags"))}}));
  }
  for (const std::string& name : FoldersIn(folder + "/outputs")) {
    const Json output = TRY(ReadMeta(Cat(folder, "/outputs/", name)));
    outputs.Append(Json::Make({{"model_id", TextOf(output, "destination_id")}, {"step", output.IntOr("step", 0)}}));
  }
  run["inputs"] = Json::Make({{"dataset_inputs", std::move(datasets)}, {"model_inputs", std::move(models)}});
  run["outputs"] = Json::Make({{"model_outputs", std::move(outputs)}});
  return Ok();
}

Status MlflowFolder::SendPage(const std::vector<std::string>& folders, const Json::Array& runs, Sink& sink) {
  const std::vector<bool> wanted = TRY(sink.BeginRuns(runs));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (wanted.at(i)) TRY(SendPoints(runs[i].Find("info")->StringOr("run_id", ""), folders[i] + "/metrics", sink));
  }
  return sink.EndRuns();
}

Status MlflowFolder::SendPoints(const std::string& run, const std::string& folder, Sink& sink) {
  for (const std::string& key : FilesBelow(folder)) {
    const Result<std::string> text = ReadFile(Cat(folder, "/", key), kMetricBytesMax);
    const Result<std::vector<Point>> points = text.ok() ? ParseMetricFile(*text) : text.error();
    if (!points.ok()) {
      sink.Skip("metric", Cat(run, " ", key), points.error().ToString());
      continue;
    }
    for (std::size_t begin = 0; begin < points->size(); begin += Sink::kPointsMax) {
      const std::size_t count = std::min(Sink::kPointsMax, points->size() - begin);
      TRY(sink.Points(run, key, std::span(*points).subspan(begin, count)));
    }
  }
  return Ok();
}

// ---- models ----

namespace {

Result<Json> ModelMetrics(const std::string& model, const std::string& folder) {
  Json metrics = Json::MakeArray();
  for (const std::string& key : FilesBelow(folder)) {
    const std::string text = TRY(ReadFile(Cat(folder, "/", key), MlflowFolder::kTextBytesMax));
    for (const std::string_view line : Split(text, '\n')) {
      const std::vector<std::string_view> words = Split(Trim(line), ' ');
      const auto time = ParseInt(words[0]);
      const auto value = words.size() > 3 ? ParseDouble(words[1]) : std::nullopt;
      if (!time || !value) continue;
      Json metric =
          Json::Make({{"key", key}, {"value", NumberJson(KeptValue(*value))}, {"timestamp", std::int64_t{*time}}});
      metric["step"] = std::int64_t{ParseInt(words[2]).value_or(0)};
      metric["model_id"] = model;
      metric["run_id"] = words[3];
      if (words.size() > 5) metric["dataset_name"] = words[4];
      if (words.size() > 5) metric["dataset_digest"] = words[5];
      metrics.Append(std::move(metric));
    }
  }
  return metrics;
}

Result<Json> LoggedModelOf(const std::string& folder) {
  const Json meta = TRY(ReadMeta(folder));
  const std::string id = TextOf(meta, "model_id");
  Json info = Json::Make({{"model_id", id}, {"experiment_id", TextOf(meta, "experiment_id")}});
  CopyText(meta, "name", info, "name");
  CopyText(meta, "artifact_location", info, "artifact_uri");
  Copy(meta, "creation_timestamp", info, "creation_timestamp_ms");
  Copy(meta, "last_updated_timestamp", info, "last_updated_timestamp_ms");
  info["status"] = ModelStatusName(meta.IntOr("status", 0));
  info["lifecycle_stage"] = meta.StringOr("lifecycle_stage", "active");
  for (const char* key : {"model_type", "source_run_id", "status_message"}) CopyText(meta, key, info, key);
  info["tags"] = TRY(ReadTexts(folder + "/tags"));
  Json data = Json::MakeObject();
  data["params"] = TRY(ReadTexts(folder + "/params"));
  data["metrics"] = TRY(ModelMetrics(id, folder + "/metrics"));
  return Json::Make({{"info", std::move(info)}, {"data", std::move(data)}});
}

Result<Json> VersionOf(const std::string& folder) {
  const Json meta = TRY(ReadMeta(folder));
  Json version = Json::Make({{"name", TextOf(meta, "name")}, {"version", TextOf(meta, "version")}});
  Copy(meta, "creation_timestamp", version, "creation_timestamp");
  Copy(meta, "last_updated_timestamp", version, "last_updated_timestamp");
  for (const char* key : {"description", "user_id", "current_stage", "source", "run_id", "status", "status_message",
                          "run_link", "storage_location"}) {
    CopyText(meta, key, version, key);
  }
  version["tags"] = TRY(ReadTexts(folder + "/tags"));
  return version;
}

Result<Json::Array> VersionsIn(const std::string& folder) {
  Json::Array versions;
  for (const std::string& name : FoldersIn(folder)) {
    if (name.starts_with("version-")) versions.push_back(TRY(VersionOf(Cat(folder, "/", name))));
  }
  std::sort(versions.begin(), versions.end(), [](const Json& a, const Json& b) {
    return ParseInt(a.StringOr("version", "")) < ParseInt(b.StringOr("version", ""));
  });
  return versions;
}

Result<Json> RegisteredModelOf(const std::string& folder) {
  const Json meta = TRY(ReadMeta(folder));
  Json model = Json::Make({{"name", TextOf(meta, "name")}});
  Copy(meta, "creation_timestamp", model, "creation_timestamp");
  Copy(meta, "last_updated_timestamp", model, "last_updated_timestamp");
  CopyText(meta, "description", model, "description");
  model["tags"] = TRY(ReadTexts(folder + "/tags"));
  Json aliases = Json::MakeArray();
  const Json pairs = TRY(ReadTexts(folder + "/aliases"));
  for (const Json& pair : pairs.AsArray()) {
    aliases.Append(Json::Make({{"alias", pair.StringOr("key", "")}, {"version", Trim(pair.StringOr("value", ""))}}));
  }
  model["aliases"] = std::move(aliases);
  return model;
}

}  // namespace

Status MlflowFolder::SendLoggedModels(const Experiment& experiment, Sink& sink) {
  Json::Array models;
  for (const std::string& name : FoldersIn(experiment.folder + "/models")) {
    Result<Json> model = LoggedModelOf(Cat(experiment.folder, "/models/", name));
    if (model.ok()) {
      models.push_back(*std::move(model));
    } else {
      sink.Skip("logged model", name, model.error().ToString());
    }
  }
  return models.empty() ? Ok() : sink.LoggedModels(models);
}

Status MlflowFolder::SendRegistry(Sink& sink) {
  for (const std::string& name : FoldersIn(root_ + "/models")) {
    const std::string folder = Cat(root_, "/models/", name);
    const Result<Json> model = RegisteredModelOf(folder);
    const Result<Json::Array> versions = VersionsIn(folder);
    if (model.ok() && versions.ok()) {
      TRY(sink.RegisteredModel(*model, *versions));
    } else {
      sink.Skip("registered model", name, model.ok() ? versions.error().ToString() : model.error().ToString());
    }
  }
  return Ok();
}

}  // namespace mw::transfer
