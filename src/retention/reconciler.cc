// What failed is tried again at the next tick.
#include "retention/reconciler.h"

#include "base/log.h"

namespace mw::retention {

Task<Timestamp> RetentionReconciler::Tick(Timestamp now) {
  const auto count = co_await retention_.ApplyRules();
  if (!count.ok()) LogError("retention failed; it is tried again", {{"error", count.error().ToString()}});
  if (count.ok() && *count > 0) LogInfo("retention rules deleted or purged runs", {{"count", Cat(*count)}});
  co_return now + kEvery;
}

}  // namespace mw::retention
