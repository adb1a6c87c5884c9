// Applies the retention rules by itself, notices what was deleted, and goes on with what was being purged when the
// program ended. Owned by app/; ticked on the control loop.
#pragma once

#include <chrono>

#include "base/reconciler.h"
#include "retention/retention.h"

namespace mw::retention {

class RetentionReconciler final : public Reconciler {
 public:
  /// How exactly times of deletion are known.
  static constexpr Duration kEvery = std::chrono::minutes(5);

  explicit RetentionReconciler(Retention& retention) : retention_(retention) {}
  Task<Timestamp> Tick(Timestamp now) override;

 private:
  Retention& retention_;
};

}  // namespace mw::retention
