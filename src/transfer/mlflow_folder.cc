// Folders by walking; everything is sorted by name, so that the same folder is told in the same order.
#include "transfer/mlflow_folder.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/text.h"
#include "transfer/mlflow_files.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {

namespace fs = std::filesystem;

Result<std::vector<Point>> ParseMetricFile(std::string_view text) {
  std::vector<Point> points;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = Trim(text.substr(begin, end - begin));
    if (!line.empty()) points.push_back(TRY(ParsePointLine(line).In(Cat("line ", number + 1))));
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
    Result<Json> run = RunOf(experiment, folder, sink);
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

Result<Json> MlflowFolder::RunOf(const Experiment& experiment, const std::string& folder, Sink& sink) {
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
  TRY(AddInputs(experiment, folder, run, sink));
  run["metric_files"] = MetricFiles(folder + "/metrics");
  run["fingerprint"] = FingerprintOf(run);
  return run;
}

Status MlflowFolder::AddInputs(const Experiment& experiment, const std::string& folder, Json& run, Sink& sink) {
  Json datasets = Json::MakeArray(), models = Json::MakeArray(), outputs = Json::MakeArray();
  for (const std::string& name : FoldersIn(folder + "/inputs")) {
    const Json input = TRY(ReadMeta(Cat(folder, "/inputs/", name)));
    const std::string type = TextOf(input, "source_type"), id = TextOf(input, "source_id");
    if (type == "MODEL") models.Append(Json::Make({{"model_id", id}}));
    if (type != "DATASET" || id.find('/') != std::string::npos) continue;
    const Result<Json> meta = ReadMeta(Cat(experiment.folder, "/datasets/", id));
    if (!meta.ok()) {
      sink.Skip("dataset input", Cat(run.Find("info")->StringOr("run_id", ""), " ", id), meta.error().ToString());
      continue;
    }
    Json dataset = Json::MakeObject();
    for (const char* key : {"name", "digest", "source_type", "source", "schema", "profile"}) {
      CopyText(*meta, key, dataset, key);
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

}  // namespace mw::transfer
