// What comes out of a source and where it goes. Things are told in the form in which MLflow's REST API tells its own
// entities: an experiment, a run ({"info", "data", "inputs", "outputs"}), a logged model, a registered model, a
// version. A source tells experiments before their runs, runs before the models that they made, models before their
// versions. One thread.
//
//   Experiments* -> ( BeginRuns -> Points* -> EndRuns )* -> ( BeginModels -> ModelMetrics* -> EndModels )*
//     -> ( RegisteredModel -> Versions* )*
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tracking/logged_model.h"
#include "tracking/points.h"

namespace mw::transfer {

using tracking::ModelMetric;
using tracking::Point;

class Sink {
 public:
  static constexpr std::size_t kRunsMax = 200;        ///< of one BeginRuns or BeginModels
  static constexpr std::size_t kPointsMax = 100'000;  ///< that a source holds in memory at a time
  static constexpr std::size_t kMetricsMax = 10'000;  ///< of models, likewise

  virtual ~Sink() = default;
  virtual Status Experiments(const Json::Array& experiments) = 0;
  /// Whether each run's points are wanted: not of one that is there already. A run's "fingerprint" changes when
  /// anything of it changes.
  virtual Result<std::vector<bool>> BeginRuns(const Json::Array& runs) = 0;
  /// Of one of these runs; each point once, in any order, in any number of pieces.
  virtual Status Points(const std::string& run, const std::string& key, std::span<const Point> points) = 0;
  virtual Status EndRuns() = 0;
  /// Logged models, without their metrics: whether each one's metrics are wanted, as with runs.
  virtual Result<std::vector<bool>> BeginModels(const Json::Array& models) = 0;
  /// Of one of these models; each once, in any order, in any number of pieces.
  virtual Status ModelMetrics(const std::string& model, std::span<const ModelMetric> metrics) = 0;
  virtual Status EndModels() = 0;
  /// With its versions, whose "aliases" are left out: the model has them all.
  virtual Status RegisteredModel(const Json& model, const Json::Array& versions) = 0;
  /// What the source could not tell: "run", its id, and the reason.
  virtual void Skip(std::string_view kind, std::string_view id, std::string_view why) = 0;
};

/// Which experiments are wanted; none named: all.
struct Selection {
  std::vector<std::string> names;
  [[nodiscard]] bool Has(std::string_view id, std::string_view name) const;
};

class Source {
 public:
  virtual ~Source() = default;
  /// What it is, for records and reports: without passwords.
  [[nodiscard]] virtual std::string Name() const = 0;
  /// Tells everything, in the order above. Errors: the first of the source's or the sink's.
  virtual Status Send(const Selection& selection, Sink& sink) = 0;
};

}  // namespace mw::transfer
