// Sends what the outbox has and writes down what came of it. Killed between a request and its record it sends the same
// delivery again, under the same id. Owned by app/; everything runs on the control loop but the requests themselves.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/metrics.h"
#include "base/random.h"
#include "base/reconciler.h"
#include "webhooks/plan.h"
#include "webhooks/webhooks.h"

namespace mw::webhooks {

class DeliveryReconciler final : public Reconciler {
 public:
  /// How often it looks by itself: an event that is part of somebody's greater change rings no bell.
  static constexpr Duration kEvery = std::chrono::seconds(2);
  /// How long a webhook rests when the record of an attempt could not be written.
  static constexpr Duration kRest = std::chrono::minutes(1);

  /// Everything outlives this. `seed`: of the waits' jitter.
  DeliveryReconciler(Webhooks& webhooks, Parts parts, MetricsRegistry& metrics, std::uint64_t seed);
  /// Called when it wants to be ticked. Before the first tick.
  void OnWake(std::function<void()> wake) { wake_ = std::move(wake); }
  Task<Timestamp> Tick(Timestamp now) override;
  /// Waits until nothing is being sent. On the control loop.
  Task<void> Drain();

 private:
  struct Job {
    Webhook webhook;
    Delivery delivery;
  };
  Task<void> Deliver(Head head);
  Task<Status> Send(const Head& head);
  /// Nothing: it was deleted, disabled or sent meanwhile.
  Task<Result<std::optional<Job>>> Find(const Head& head);
  Task<Status> WriteDown(const Head& head, const Attempt& attempt);

  Webhooks& webhooks_;
  Parts parts_;
  Random random_;
  Counter& delivered_;
  Counter& again_;
  Counter& failed_;
  std::function<void()> wake_;
  std::set<std::string> sending_;             ///< ids of webhooks
  std::map<std::string, Timestamp> resting_;  ///< until when
  std::optional<Completion<bool>> drained_;
};

}  // namespace mw::webhooks
