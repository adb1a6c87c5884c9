// The door of monitoring: what the windows of an endpoint showed against the baseline of the version that answered.
//
//   predictions --changed windows--> MonitorReconciler --Evaluation--> monitored_window --> Report, Findings
//   registry, blobs --baseline.bin of the version--^   ^-- settings of the endpoint
// Evaluations are made by the reconciler (monitor_reconciler.h); this reads them, and keeps the settings. Any thread
// that runs coroutines.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/task.h"
#include "db/database.h"
#include "endpoints/endpoints.h"
#include "monitoring/baselines.h"
#include "monitoring/finding.h"
#include "monitoring/settings.h"
#include "predictions/predictions.h"

namespace mw::monitoring {

std::vector<db::Migration> Migrations();

class Monitoring {
 public:
  /// Hours of traffic that Report shows one by one; longer histories are shown by days.
  static constexpr std::int64_t kHoursShown = 24 * 14;

  /// All outlive this.
  Monitoring(db::Database& database, endpoints::Endpoints& endpoints, predictions::Predictions& predictions,
             Baselines& baselines, Executor& workers)
      : database_(database),
        endpoints_(endpoints),
        predictions_(predictions),
        baselines_(baselines),
        workers_(workers) {}

  /// Everything about one version at the endpoint, as GET /api/v1/endpoints/{endpoint}/monitoring shows it
  /// (docs/guide/monitoring.md). `version` 0: the one that answers now.
  /// Errors: kNotFound no such endpoint.
  Task<Result<Json>> Report(std::string endpoint, std::int64_t version);
  /// A feature's (or the prediction's) shares over bins, in the baseline and in [from, until).
  /// Errors: kNotFound no such endpoint, or no such feature, with those there are; kFailedPrecondition no baseline.
  Task<Result<Json>> Feature(std::string endpoint, std::int64_t version, std::string feature, Timestamp from,
                             Timestamp until);
  /// Findings of windows that overlap [from, until), window by window, worst first in each. `version` 0: of all.
  Task<Result<std::vector<Finding>>> Findings(std::string endpoint, std::int64_t version, Timestamp from,
                                              Timestamp until);

  /// How the endpoint is monitored. Errors: kNotFound no such endpoint.
  Task<Result<Settings>> SettingsOf(std::string endpoint);
  /// Durable when it returns; all windows are evaluated again. Errors: kNotFound no such endpoint; kInvalidArgument a
  /// column that the version that answers now lacks, or that has too many values to slice by.
  Task<Status> PutSettings(std::string endpoint, Settings settings);
  /// `changed` is called after PutSettings on any thread and returns at once. Set before the first call.
  void OnSettings(std::function<void(const std::string& endpoint)> changed) { on_settings_ = std::move(changed); }

 private:
  struct Subject;
  Task<Result<Subject>> SubjectOf(std::string endpoint, std::int64_t version);
  Task<Status> CheckColumns(const std::string& endpoint, const Settings& settings);

  db::Database& database_;
  endpoints::Endpoints& endpoints_;
  predictions::Predictions& predictions_;
  Baselines& baselines_;
  Executor& workers_;
  std::function<void(const std::string& endpoint)> on_settings_ = [](const std::string&) {};
};

}  // namespace mw::monitoring
