// Act: evaluates the windows whose predictions changed. A tick only notes what changed (under 1 ms, however much it
// is: the rest waits for the next); sketches are merged and compared on the workers, one window after the other in
// the order of event time, since a window looks back at the one before it.
//
//   changed hours --Tick--> pending --quiet for kQuiet, at most kPatience--> evaluated --> monitored_window
//   event time passes a window's end --> it is evaluated once more, closed: now distances count
//   late pieces --> its fingerprint changed --> evaluated again, and its successors as far as they look back at it
// Nothing is remembered only here: after a kill every window is offered again, and those whose fingerprint still holds
// are passed over. Threads: Tick and the coroutine run on the control loop, Notice on any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/reconciler.h"
#include "db/database.h"
#include "monitoring/baselines.h"
#include "monitoring/monitor_store.h"
#include "predictions/predictions.h"

namespace mw::monitoring {

struct MonitorParts {
  db::Database& database;
  predictions::Predictions& predictions;
  Baselines& baselines;
  Executor& workers;
  MetricsRegistry& metrics;
};

class MonitorReconciler final : public Reconciler {
 public:
  static constexpr Duration kQuiet = std::chrono::milliseconds(500);
  static constexpr Duration kPatience = std::chrono::seconds(3);

  /// All outlive this.
  explicit MonitorReconciler(MonitorParts parts);
  ~MonitorReconciler() override;

  Task<Timestamp> Tick(Timestamp now) override;
  /// Predictions changed: asks for a Tick soon. Any thread, also before OnWake.
  void Notice();
  /// `wake` asks for a Tick soon: called by Notice and, on the control loop, when work has ended.
  void OnWake(std::function<void()> wake);
  /// `stored` is called on the control loop when a window was evaluated anew. Set before the first Tick.
  void OnStored(std::function<void(const std::string& endpoint)> stored) { stored_ = std::move(stored); }
  /// Returns when nothing is under way: before destruction, on the control loop. No Tick may begin meanwhile.
  Task<void> Drain();
  /// Whether everything that had changed at the last Tick is evaluated. On the control loop.
  [[nodiscard]] bool settled() const;

 private:
  /// One version at one endpoint.
  struct Subject {
    std::string endpoint;
    std::string model;
    std::int64_t version = 0;
    std::map<Timestamp, std::int64_t> hours;  ///< rows of each window of predictions
    std::set<Timestamp> pending;              ///< hours that changed
    std::set<Timestamp> open;                 ///< drift windows that were evaluated before their end
    Timestamp first_change = kNever;          ///< wall time, of `pending`
    Timestamp last_change = kNever;
    Timestamp hold_until = Timestamp::min();  ///< wall time; after a failure
    Duration length{};                        ///< of drift windows; 0: not chosen yet
  };
  using SubjectKey = std::pair<std::string, std::int64_t>;

  bool TakeChanges(Timestamp now);
  void Take(const predictions::ChangedWindow& changed, Timestamp now);
  [[nodiscard]] Timestamp DueOf(const Subject& subject) const;
  Task<void> Work(Timestamp now);
  Task<Status> CatchUp(Subject& subject);
  Task<Status> ChooseLength(Subject& subject, const PackagedBaseline& baseline);
  [[nodiscard]] std::set<Timestamp> WindowsToDo(Subject& subject, const std::set<Timestamp>& hours) const;
  struct Source;
  Task<Result<bool>> Evaluate(Subject& subject, const Source& source, Timestamp start, const std::string& known);
  Task<Status> FillGap(Subject& subject, const Source& source, Timestamp start);
  Task<Result<std::vector<double>>> Attribution(const Subject& subject, const PackagedBaseline& baseline,
                                                Timestamp start);
  Task<Status> Store(const Subject& subject, const std::string& package, const Evaluation& evaluation,
                     const std::string& fingerprint);
  [[nodiscard]] std::int64_t RowsOfAll(const std::string& endpoint, Timestamp from, Timestamp until) const;
  [[nodiscard]] std::optional<double> UsualRows(const Subject& subject, Timestamp start) const;

  MonitorParts parts_;
  std::map<SubjectKey, Subject> subjects_;
  std::map<std::string, Timestamp> newest_;  ///< end of the newest window of predictions, by endpoint: the watermark
  std::int64_t seen_ = 0;                    ///< changes taken
  std::vector<predictions::ChangedWindow> backlog_;  ///< taken, not looked at yet; from the back
  bool working_ = false;
  std::optional<Completion<bool>> drained_;
  Counter& evaluated_;
  Counter& failed_;
  Mutex mutex_;
  std::function<void()> wake_ MW_GUARDED_BY(mutex_);
  std::function<void(const std::string& endpoint)> stored_;
};

}  // namespace mw::monitoring
