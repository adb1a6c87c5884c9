// Act: evaluates the windows whose predictions changed. A tick only notes what changed (under 1 ms, however much it
// is: the rest waits for the next); sketches are merged and compared on the workers, one window after the other in
// the order of event time, since a window looks back at the one before it.
//
//   changed hours --Tick--> pending --quiet for kQuiet, at most kPatience--> evaluated --> monitored_window
//   event time passes a window's end --> it is evaluated once more, closed: now distances count
//   late pieces --> its fingerprint changed --> evaluated again, and its successors as far as they look back at it
//   the endpoint's settings, or rows of the span that it is held against --> all of its windows again
// An endpoint is live while its predictions are asked for when they happen: event time and receipt lie within an hour.
// Its event time passes with the clock, so that silence is seen while it lasts; a replay of the past passes with its
// data alone.
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
#include "monitoring/sampled_rows.h"
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
  /// Between event time and its receipt, of a live endpoint.
  static constexpr Duration kLive = std::chrono::hours(1);
  /// What model servers may take to hand their pieces on before a live endpoint's window counts as over.
  static constexpr Duration kGrace = std::chrono::minutes(5);

  /// All outlive this.
  explicit MonitorReconciler(MonitorParts parts);
  ~MonitorReconciler() override;

  Task<Timestamp> Tick(Timestamp now) override;
  /// Predictions changed: asks for a Tick soon. Any thread, also before OnWake.
  void Notice();
  /// The endpoint is to be monitored otherwise. Any thread.
  void SettingsChanged(const std::string& endpoint);
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
    Timestamp hold_until = Timestamp::min();    ///< wall time; after a failure
    Duration length{};                          ///< of drift windows; 0: not chosen yet
    Timestamp silent_until = Timestamp::min();  ///< end of the last window that was found silent
  };
  /// What an endpoint's newest predictions say of its clock.
  struct Pulse {
    Timestamp newest = Timestamp::min();  ///< end of the newest window of predictions: the watermark
    std::int64_t version = 0;             ///< that answered in it
    bool live = false;
  };
  using SubjectKey = std::pair<std::string, std::int64_t>;

  bool TakeChanges(Timestamp now);
  void TakeSettings(Timestamp now);
  void Take(const predictions::ChangedWindow& changed, Timestamp now);
  [[nodiscard]] Timestamp EventTime(const std::string& endpoint) const;
  [[nodiscard]] std::optional<Timestamp> NextSilence(const Subject& subject) const;
  [[nodiscard]] Timestamp DueOf(const Subject& subject) const;
  Task<void> Work();
  Task<Status> CatchUp(Subject& subject);
  Task<Status> ChooseLength(Subject& subject, const Watched& watched);
  [[nodiscard]] std::set<Timestamp> WindowsToDo(Subject& subject, const Settings& settings,
                                                const std::set<Timestamp>& hours) const;
  struct Source;
  Task<Result<Source>> SourceOf(Subject& subject);
  Task<Result<bool>> Evaluate(Subject& subject, const Source& source, Timestamp start);
  Task<Status> FillGap(Subject& subject, const Source& source, Timestamp start);
  Task<Status> DropSilent(const Subject& subject, const Source& source, Timestamp from, Timestamp until);
  Task<Status> FillSilence(Subject& subject, const Source& source);
  Task<Status> PutSilent(Subject& subject, const Source& source, Timestamp start);
  Task<Result<SampledRows>> RowsOf(const Subject& subject, const Source& source, const Reference& reference,
                                   Timestamp start);
  Task<Result<std::optional<Evaluation>>> Before(const Subject& subject, const Reference& reference, Timestamp start);
  Task<Status> Store(const Subject& subject, const std::string& package, const Evaluation& evaluation,
                     const std::string& fingerprint);
  [[nodiscard]] bool IsLast(const Subject& subject) const;
  [[nodiscard]] std::int64_t RowsOfAll(const std::string& endpoint, Timestamp from, Timestamp until) const;
  [[nodiscard]] std::optional<double> UsualRows(const Subject& subject, Timestamp start) const;
  [[nodiscard]] double RowsBeforeSilence(const Subject& subject, Timestamp start) const;

  MonitorParts parts_;
  std::map<SubjectKey, Subject> subjects_;
  std::map<std::string, Pulse> pulses_;              ///< by endpoint
  Timestamp now_ = Timestamp::min();                 ///< of the last Tick
  std::int64_t seen_ = 0;                            ///< changes taken
  std::vector<predictions::ChangedWindow> backlog_;  ///< taken, not looked at yet; from the back
  bool working_ = false;
  std::optional<Completion<bool>> drained_;
  Counter& evaluated_;
  Counter& failed_;
  Mutex mutex_;
  std::function<void()> wake_ MW_GUARDED_BY(mutex_);
  std::set<std::string> changed_settings_ MW_GUARDED_BY(mutex_);  ///< endpoints
  std::function<void(const std::string& endpoint)> stored_;
};

}  // namespace mw::monitoring
