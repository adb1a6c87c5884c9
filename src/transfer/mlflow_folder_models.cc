// Logged models, what was measured of them, and the registry's folders.
#include <algorithm>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "tracking/set_digest.h"
#include "transfer/mlflow_files.h"
#include "transfer/mlflow_folder.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {
namespace {

Result<ModelMetric> ParseModelLine(const std::string& key, std::string_view line) {
  const std::vector<std::string_view> words = Split(line, ' ');
  if (words.size() < 4 || words.size() == 5) return InvalidArgument("is no point of a model: ", Quoted(line));
  ModelMetric metric;
  metric.key = key;
  metric.point = TRY(ParsePointLine(line.substr(0, static_cast<std::size_t>(words[3].data() - line.data()) - 1)));
  metric.run = words[3];
  if (words.size() == 4) return metric;
  metric.dataset_digest = words.back();
  const char* name = words[4].data();
  metric.dataset_name.assign(name, static_cast<std::size_t>(words.back().data() - name) - 1);
  return metric;
}

}  // namespace

Result<std::vector<ModelMetric>> ParseModelMetricFile(const std::string& key, std::string_view text) {
  std::vector<ModelMetric> metrics;
  std::set<std::string> known;
  std::size_t number = 0;
  for (const std::string_view each : Split(text, '\n')) {
    ++number;
    const std::string_view line = Trim(each);
    if (line.empty()) continue;
    ModelMetric metric = TRY(ParseModelLine(key, line).In(Cat("line ", number)));
    if (known.insert(tracking::ModelMetricMember(metric)).second) metrics.push_back(std::move(metric));
  }
  return metrics;
}

namespace {

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
  Json model = Json::Make({{"info", std::move(info)}, {"data", std::move(data)}});
  model["metric_files"] = MetricFiles(folder + "/metrics");
  model["fingerprint"] = FingerprintOf(model);
  return model;
}

Result<Json> VersionOf(const std::string& folder) {
  const Json meta = TRY(ReadMeta(folder));
  Json version = Json::Make({{"name", TextOf(meta, "name")}, {"version", TextOf(meta, "version")}});
  Copy(meta, "creation_timestamp", version, "creation_timestamp");
  Copy(meta, "last_updated_timestamp", version, "last_updated_timestamp");
  for (const char* key : {"description", "user_id", "current_stage", "source", "run_id", "status", "status_message",
                          "run_link", "storage_location", "model_id"}) {
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
  std::vector<std::string> folders;
  Json::Array models;
  const std::vector<std::string> names = FoldersIn(experiment.folder + "/models");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string folder = Cat(experiment.folder, "/models/", names[i]);
    Result<Json> model = LoggedModelOf(folder);
    if (model.ok()) {
      folders.push_back(folder);
      models.push_back(*std::move(model));
    } else {
      sink.Skip("logged model", names[i], model.error().ToString());
    }
    if (models.size() < Sink::kRunsMax && i + 1 < names.size()) continue;
    if (!models.empty()) TRY(SendModelPage(folders, models, sink));
    folders.clear();
    models.clear();
  }
  return Ok();
}

Status MlflowFolder::SendModelPage(const std::vector<std::string>& folders, const Json::Array& models, Sink& sink) {
  const std::vector<bool> wanted = TRY(sink.BeginModels(models));
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (!wanted.at(i)) continue;
    const std::string id = models[i].Find("info")->StringOr("model_id", ""), folder = folders[i] + "/metrics";
    for (const std::string& key : FilesBelow(folder)) {
      const Result<std::string> text = ReadFile(Cat(folder, "/", key), kMetricBytesMax);
      const Result<std::vector<ModelMetric>> metrics = text.ok() ? ParseModelMetricFile(key, *text) : text.error();
      if (metrics.ok()) {
        TRY(sink.ModelMetrics(id, *metrics));
      } else {
        sink.Skip("model metric", Cat(id, " ", key), metrics.error().ToString());
      }
    }
  }
  return sink.EndModels();
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
