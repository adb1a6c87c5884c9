// Tells lineage of the predictions that versions made: one artifact for each endpoint and version, when the first of
// them are seen. Their windows are not nodes of their own: an hour each, they would bury everything else. Ticked by the
// control loop.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/reconciler.h"
#include "db/database.h"
#include "predictions/predictions.h"

namespace mw::app {

class PredictionLineage final : public Reconciler {
 public:
  static constexpr Duration kPeriod = std::chrono::seconds(5);

  /// All outlive this.
  PredictionLineage(predictions::Predictions& predictions, db::Database& database, const Clock& clock)
      : predictions_(predictions), database_(database), clock_(clock) {}
  Task<Timestamp> Tick(Timestamp now) override;

 private:
  void TakeChanges();

  predictions::Predictions& predictions_;
  db::Database& database_;
  const Clock& clock_;
  std::int64_t seen_ = 0;
  std::map<std::string, predictions::ChangedWindow> waiting_;  ///< by title
  std::set<std::string> told_;
};

}  // namespace mw::app
