// The door of bulk import of logged models: with their ids, dates, files' places and all that runs measured of them.
// Told after the runs that measured them. Every call is one transaction and may be repeated. Any thread.
//
//   Put -> open --AddMetrics*--> Finish: metrics compared -> done          Put -> done, taken: as with runs
//                                              '-> differs: stays open
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/task.h"
#include "db/database.h"
#include "tracking/imports.h"
#include "tracking/logged_model.h"
#include "tracking/set_digest.h"

namespace mw::tracking {

struct ImportedLoggedModel {
  LoggedModel model;  ///< `experiment` is the id here
  std::vector<std::pair<std::string, std::string>> params, tags;
  std::string fingerprint;  ///< changes when anything of the model changes
};

struct FinishedModel {
  LoggedModelId model;
  std::string fingerprint;
  SetDigest metrics;  ///< of those whose runs are here
};

class ModelImports {
 public:
  static constexpr std::size_t kModelsMax = 1000;     ///< of one call
  static constexpr std::size_t kMetricsMax = 20'000;  ///< of one call
  static constexpr std::size_t kIdBytesMax = 64;

  /// Outlives this.
  explicit ModelImports(db::Database& database) : database_(database) {}

  /// `source` names where they come from.
  /// Errors: kInvalidArgument, also for an experiment that is not here.
  Task<Result<std::vector<ImportOutcome>>> Put(std::string source, std::vector<ImportedLoggedModel> models);
  /// Metrics of runs that are not here, or are others' under the same id, are left out: how many of each such run.
  /// Infinities are kept as KeptValue has them.
  /// Errors: kInvalidArgument names the metric; kFailedPrecondition a model that is not open.
  Task<Result<std::map<std::string, std::int64_t>>> AddMetrics(LoggedModelId model, std::vector<ModelMetric> metrics);
  /// Compares all metrics with what is here, then takes the model for whole.
  Task<Result<std::vector<ImportOutcome>>> Finish(std::vector<FinishedModel> models);

 private:
  db::Database& database_;
};

}  // namespace mw::tracking
