// For tests of sources: keeps what it is told.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "transfer/sink.h"

namespace mw::transfer {

class RecordedSink final : public Sink {
 public:
  Status Experiments(const Json::Array& told) override {
    experiments.insert(experiments.end(), told.begin(), told.end());
    return Ok();
  }
  Result<std::vector<bool>> BeginRuns(const Json::Array& told) override {
    runs.insert(runs.end(), told.begin(), told.end());
    return std::vector<bool>(told.size(), true);
  }
  Status Points(const std::string& run, const std::string& key, std::span<const Point> told) override {
    std::vector<Point>& kept = points[{run, key}];
    kept.insert(kept.end(), told.begin(), told.end());
    return Ok();
  }
  Status EndRuns() override { return Ok(); }
  Result<std::vector<bool>> BeginModels(const Json::Array& told) override {
    models.insert(models.end(), told.begin(), told.end());
    return std::vector<bool>(told.size(), true);
  }
  Status ModelMetrics(const std::string& model, std::span<const ModelMetric> told) override {
    std::vector<ModelMetric>& kept = metrics[model];
    kept.insert(kept.end(), told.begin(), told.end());
    return Ok();
  }
  Status EndModels() override { return Ok(); }
  Status RegisteredModel(const Json& model, const Json::Array& versions) override {
    registered.emplace_back(model, versions);
    return Ok();
  }
  void Skip(std::string_view kind, std::string_view id, std::string_view why) override {
    skipped.push_back(Cat(kind, " ", id, ": ", why));
  }

  Json::Array experiments, runs, models;
  std::map<std::pair<std::string, std::string>, std::vector<Point>> points;
  std::map<std::string, std::vector<ModelMetric>> metrics;  ///< by model
  std::vector<std::pair<Json, Json::Array>> registered;
  std::vector<std::string> skipped;
};

}  // namespace mw::transfer
