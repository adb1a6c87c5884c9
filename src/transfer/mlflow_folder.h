// MLflow's file store, a folder "mlruns": meta.yaml files, a file for each metric, parameter and tag. Names of files
// are data: links are not followed, and nothing outside of the folder is read. One thread.
//
//   mlruns/ID/meta.yaml, tags/KEY          an experiment; one that is deleted lies in .trash/ID
//          ID/RUN/{meta.yaml, metrics/KEY, params/KEY, tags/KEY, inputs/*/meta.yaml, outputs/*/meta.yaml}
//          ID/datasets/*/meta.yaml         ID/models/m-*/{meta.yaml, metrics, params, tags}
//          models/NAME/{meta.yaml, tags/KEY, aliases/NAME, version-N/{meta.yaml, tags/KEY}}
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/sink.h"

namespace mw::transfer {

class MlflowFolder final : public Source {
 public:
  static constexpr std::size_t kTextBytesMax = 1 << 20;                 ///< of a parameter's or tag's file
  static constexpr std::size_t kMetricBytesMax = std::size_t{1} << 30;  ///< of a metric's file

  /// Errors: kNotFound; kInvalidArgument when it holds no experiment.
  static Result<std::unique_ptr<MlflowFolder>> Open(const std::string& path);

  [[nodiscard]] std::string Name() const override { return root_; }
  Status Send(const Selection& selection, Sink& sink) override;

 private:
  struct Experiment {
    std::string id, folder;
  };
  explicit MlflowFolder(std::string root) : root_(std::move(root)) {}
  Status SendExperiments(const Selection& selection, Sink& sink);
  Status SendRuns(const Experiment& experiment, Sink& sink);
  Result<Json> RunOf(const Experiment& experiment, const std::string& folder, Sink& sink);
  Status AddInputs(const Experiment& experiment, const std::string& folder, Json& run, Sink& sink);
  Status SendPage(const std::vector<std::string>& folders, const Json::Array& runs, Sink& sink);
  Status SendPoints(const std::string& run, const std::string& folder, Sink& sink);
  Status SendLoggedModels(const Experiment& experiment, Sink& sink);
  Status SendModelPage(const std::vector<std::string>& folders, const Json::Array& models, Sink& sink);
  Status SendRegistry(Sink& sink);

  std::string root_;
  std::vector<Experiment> experiments_;  // that are wanted
};

/// The points of a metric's file, "TIME VALUE [STEP [DATASET DIGEST]]" a line, each once.
/// Errors: kInvalidArgument naming the line.
Result<std::vector<Point>> ParseMetricFile(std::string_view text);
/// What was measured of a model, "TIME VALUE STEP RUN [DATASET DIGEST]" a line, each once; names of datasets may have
/// spaces. Errors: kInvalidArgument naming the line.
Result<std::vector<ModelMetric>> ParseModelMetricFile(const std::string& key, std::string_view text);

}  // namespace mw::transfer
