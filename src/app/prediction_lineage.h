// Tells lineage of the predictions that versions made: one artifact for each window of an endpoint and version, when it
// is first seen. Ticked by the control loop; what is told stays, however the window grows.
#pragma once

#include <deque>
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
  static constexpr std::size_t kWindowsMax = 200;  ///< told in one tick

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
  std::deque<predictions::ChangedWindow> waiting_;
  std::set<std::string> told_;
};

}  // namespace mw::app
