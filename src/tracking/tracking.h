// The door of tracking: experiments, runs, parameters, metrics per step, tags. Each function exists on a
// transaction or snapshot, to be part of a greater change, and awaitable, as a change of its own. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "db/database.h"
#include "tracking/run.h"

namespace mw::tracking {

std::vector<db::Migration> Migrations();

class Tracking {
 public:
  static constexpr std::size_t kKeyBytesMax = 250;        ///< of a metric, parameter or tag
  static constexpr std::size_t kTextBytesMax = 64 << 10;  ///< of a parameter's or tag's value
  static constexpr std::size_t kPointsMax = 10'000;       ///< metrics, parameters and tags of one batch
  static constexpr std::int64_t kRunsMax = 1000;          ///< of one page
  static constexpr std::int64_t kHistoryMax = 100'000;    ///< points of one answer

  /// Both outlive this.
  Tracking(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Makes a running run, and its experiment when that is new. Idempotent by the run's id.
  /// Errors: kInvalidArgument.
  Result<Run> CreateRun(db::Transaction& transaction, const NewRun& run) const;
  Task<Result<Run>> CreateRun(NewRun run);

  /// Idempotent: a point is known by attempt, key and step, and the first value stays; of parameters and
  /// tags the last value stays. Errors: kNotFound no such run; kInvalidArgument names the key.
  static Status Log(db::Transaction& transaction, const LogBatch& batch);
  Task<Status> Log(LogBatch batch);

  /// Idempotent: a run that ended stays as it ended. Errors: kNotFound; kInvalidArgument for kRunning.
  static Status EndRun(db::Transaction& transaction, const RunId& id, RunStatus status, Timestamp ended);
  Task<Status> EndRun(RunId id, RunStatus status, Timestamp ended);

  /// Errors: kNotFound.
  static Result<RunDetails> GetRun(db::Snapshot& snapshot, const RunId& id);
  Task<Result<RunDetails>> GetRun(RunId id);

  /// Every point of one metric in the order of time and step, of all attempts. Errors: kNotFound no such run.
  static Result<std::vector<MetricPoint>> MetricHistory(db::Snapshot& snapshot, const RunId& id, std::string_view key);
  Task<Result<std::vector<MetricPoint>>> MetricHistory(RunId id, std::string key);

  /// Newest first; `before` empty or the last run of the page before. Empty when there is no such experiment.
  static Result<std::vector<Run>> ListRuns(db::Snapshot& snapshot, std::string_view project,
                                           std::string_view experiment, const RunId& before, std::int64_t limit);
  Task<Result<std::vector<Run>>> ListRuns(std::string project, std::string experiment, RunId before,
                                          std::int64_t limit);

  /// By name.
  static Result<std::vector<Experiment>> ListExperiments(db::Snapshot& snapshot, std::string_view project);
  Task<Result<std::vector<Experiment>>> ListExperiments(std::string project);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace mw::tracking
