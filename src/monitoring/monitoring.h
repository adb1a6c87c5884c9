// The door of monitoring: what the windows of an endpoint showed against the baseline of the version that answered.
//
//   predictions --changed windows--> MonitorReconciler --Evaluation--> monitored_window --> Report, Findings
//   registry, blobs --baseline.bin of the version--^
// Evaluations are made by the reconciler (monitor_reconciler.h); this reads them. Any thread that runs coroutines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/task.h"
#include "db/database.h"
#include "endpoints/endpoints.h"
#include "monitoring/baselines.h"
#include "monitoring/finding.h"
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

 private:
  struct Subject;
  Task<Result<Subject>> SubjectOf(std::string endpoint, std::int64_t version);

  db::Database& database_;
  endpoints::Endpoints& endpoints_;
  predictions::Predictions& predictions_;
  Baselines& baselines_;
  Executor& workers_;
};

}  // namespace mw::monitoring
