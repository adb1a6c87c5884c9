// Heartbeats: a run whose process died does not stay RUNNING for ever. Runs that never sent one are left alone. Any
// thread.
//
//   running --Beat--> heard of --silent for too long, FailLost--> failed, the tag kLostTag says why
//                        ^------------------ Beat ------------------'
//
// What is logged meanwhile is kept as ever, and a status that the client sends stands.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/reconciler.h"
#include "base/task.h"
#include "db/database.h"
#include "tracking/run.h"
#include "tracking/tracking.h"

namespace mw::tracking {

/// The last that was heard of a run that is running.
struct Heartbeat {
  std::int64_t run = 0;  ///< its number
  RunId id;
  Timestamp at{};
  Duration interval{};  ///< in which it promised the next one
};

/// Those who were silent for longer than `silence` and four of their intervals, counted from when we have listened
/// without a pause: what a stopped program could not hear was no silence. Pure.
std::vector<Heartbeat> FindLost(std::vector<Heartbeat> running, Timestamp listening_since, Timestamp now,
                                Duration silence);

class Heartbeats {
 public:
  static constexpr Duration kIntervalMax = std::chrono::hours(24);
  static constexpr Duration kSilence = std::chrono::minutes(5);
  /// Why a run failed without having said so.
  static constexpr std::string_view kLostTag = "millwright.lost";

  /// All outlive this.
  Heartbeats(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// As Tracking::OnRun, for runs that are lost and found.
  void OnRun(Tracking::Witness witness) { on_run_ = std::move(witness); }

  /// The run's process lives; a run that was lost is running again. A run that has ended stays so.
  /// Errors: kNotFound; kInvalidArgument an interval that is not above 0 and at most kIntervalMax.
  Task<Status> Beat(RunId run, Duration interval);

  /// Fails runs that are lost; their end is the last that was heard of them. Which they were.
  Task<Result<std::vector<RunId>>> FailLost(Timestamp listening_since, Duration silence);

 private:
  [[nodiscard]] Status Beat(db::Transaction& transaction, const RunId& id, Duration interval, Timestamp now) const;
  [[nodiscard]] Status Fail(db::Transaction& transaction, const Heartbeat& lost) const;

  db::Database& database_;
  const Clock& clock_;
  Tracking::Witness on_run_;
};

/// Looks for lost runs. Owned by app/; ticked on the control loop.
class HeartbeatReconciler final : public Reconciler {
 public:
  static constexpr Duration kEvery = std::chrono::seconds(10);

  HeartbeatReconciler(Heartbeats& heartbeats, Duration silence) : heartbeats_(heartbeats), silence_(silence) {}
  Task<Timestamp> Tick(Timestamp now) override;

 private:
  Heartbeats& heartbeats_;
  const Duration silence_;
  Timestamp listening_since_{}, last_{};
};

}  // namespace mw::tracking
