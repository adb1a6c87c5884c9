// Act: keeps every goal's board up to date. Waits until an endpoint has been quiet for a moment (or kPatience has
// passed), measures the windows that changed on the worker pool, records how their targets were judged, and publishes
// the board. Boards live in memory: a restart measures every window anew from predictions; what was recorded stays.
//
//   predictions change --> windows are due --quiet for kQuiet, or due for kPatience--> measured --> recorded, published
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/reconciler.h"
#include "base/result.h"
#include "base/task.h"
#include "endpoints/endpoints.h"
#include "goals/goals.h"
#include "monitoring/goal_board.h"
#include "monitoring/monitoring.h"
#include "monitoring/version_facts.h"
#include "predictions/predictions.h"

namespace mw::monitoring {

class ProductionReconciler final : public Reconciler {
 public:
  static constexpr Duration kQuiet = std::chrono::seconds(1);
  static constexpr Duration kPatience = std::chrono::seconds(30);
  /// How often changes are looked for.
  static constexpr Duration kLookEvery = std::chrono::milliseconds(500);
  /// Goals are looked at again after this long.
  static constexpr Duration kGoalsEvery = std::chrono::seconds(5);
  /// The estimate learns from so many of the latest rows with labels.
  static constexpr std::size_t kReferenceRowsMax = 60'000;

  struct Parts {
    goals::Goals& goals;
    endpoints::Endpoints& endpoints;
    predictions::Predictions& predictions;
    VersionBook& versions;
    Executor& workers;
    Monitoring* monitoring = nullptr;  ///< what moved in the inputs; null: nobody looked
  };
  /// All of `parts` outlive this.
  explicit ProductionReconciler(const Parts& parts);
  ~ProductionReconciler() override;

  Task<Timestamp> Tick(Timestamp now) override;
  /// `published` is called on the control loop when a goal's board is new. Set before the first Tick.
  void OnPublish(std::function<void(const std::string& goal)> published) { published_ = std::move(published); }

  /// The goal over its windows, with whys as of now. Errors: kNotFound naming the goals there are.
  Task<Result<GoalBoard>> Board(std::string goal);
  /// "TARGET: would have been met in 5 of 8 months ..." for each target that past windows can measure; measured now,
  /// without intervals. Empty when nothing serves the goal's model.
  Task<Result<std::vector<std::string>>> Feasible(goals::Goal goal);

 private:
  struct Tracked;
  struct Key {
    std::string length;
    Timestamp from;
    auto operator<=>(const Key&) const = default;
  };

  Task<Result<std::string>> EndpointOf(std::string model);
  Task<Status> Refresh();
  void MarkDue(Tracked& tracked, Timestamp now);
  Task<Status> MeasureDue(Tracked& tracked);
  Task<Result<ProductionInput>> Gather(std::string endpoint, goals::Window window);
  Task<Status> MeasureOne(Tracked& tracked, goals::WindowLength length, goals::Window window);
  Task<Status> RecordOne(Tracked& tracked, Key key);
  void Publish(const Tracked& tracked);
  Task<Result<std::vector<DriftNote>>> DriftIn(std::string endpoint, std::int64_t version, goals::Window window);
  Task<Result<std::vector<Why>>> WhysOf(GoalBoard board, std::vector<VersionFacts> versions);

  Parts parts_;
  std::function<void(const std::string& goal)> published_;
  std::map<std::string, std::unique_ptr<Tracked>> tracked_;  // by goal; touched by Tick alone
  Timestamp goals_next_{};
  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<const GoalBoard>> boards_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::monitoring
