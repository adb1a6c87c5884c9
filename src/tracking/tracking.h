// The door of tracking: experiments, runs, parameters, metrics per step, tags, with MLflow's rules. What other modules
// make part of a greater change exists on a transaction too. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "db/database.h"
#include "tracking/chart.h"
#include "tracking/experiment_search.h"
#include "tracking/run.h"
#include "tracking/run_search.h"

namespace mw::tracking {

std::vector<db::Migration> Migrations();

class Tracking {
 public:
  static constexpr std::size_t kKeyBytesMax = 1000;       ///< of a metric, parameter or tag: 250 characters
  static constexpr std::size_t kTextBytesMax = 64 << 10;  ///< of a parameter's or tag's value
  static constexpr std::size_t kEntriesMax = 10'000;      ///< metrics, parameters and tags of one batch
  static constexpr std::int64_t kRunsMax = 1000;          ///< of one page
  /// The tag that holds a run's name too.
  static constexpr std::string_view kRunNameTag = "mlflow.runName";

  /// Both outlive this.
  Tracking(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Called with every run that a client makes or changes (not with those of pipelines), in that transaction, perhaps
  /// more than once. Set before the first.
  using Witness = std::function<Status(db::Transaction&, const Run&)>;
  void OnRun(Witness witness) { on_run_ = std::move(witness); }

  /// At start: packs points that an older program kept one a row, a run at a time; until it is done their histories are
  /// not seen.
  Task<Status> PackOldPoints();

  /// Errors: kInvalidArgument; kAlreadyExists: the name is taken, also by an experiment that is deleted.
  Task<Result<ExperimentId>> CreateExperiment(NewExperiment experiment);
  /// Also one that is deleted. Errors: kNotFound; kInvalidArgument for an id that is no number.
  static Result<Experiment> GetExperiment(db::Snapshot& snapshot, const ExperimentId& id);
  Task<Result<Experiment>> GetExperiment(ExperimentId id);
  Task<Result<Experiment>> GetExperimentByName(std::string project, std::string name);
  /// By name.
  static Result<std::vector<Experiment>> ListExperiments(db::Snapshot& snapshot, std::string_view project);
  Task<Result<std::vector<Experiment>>> ListExperiments(std::string project);
  Task<Result<ExperimentPage>> SearchExperiments(ExperimentQuery query);
  /// Errors: kNotFound; kAlreadyExists; kFailedPrecondition when it is deleted.
  Task<Status> RenameExperiment(ExperimentId id, std::string name);
  /// With its runs. Errors: kNotFound: there is none, or it is not active (not deleted).
  Task<Status> DeleteExperiment(ExperimentId id);
  Task<Status> RestoreExperiment(ExperimentId id);
  /// Errors: kNotFound; kInvalidArgument when the experiment is deleted.
  Task<Status> SetExperimentTag(ExperimentId id, std::string key, std::string value);
  Task<Status> DeleteExperimentTag(ExperimentId id, std::string key);

  /// Makes a running run, and the experiment when it is given by a name that is new; its name is its tag kRunNameTag
  /// too, and made up when neither is given. Idempotent by the run's id.
  /// Errors: kInvalidArgument; kNotFound no such experiment.
  Result<Run> CreateRun(db::Transaction& transaction, const NewRun& run) const;
  Task<Result<Run>> CreateRun(NewRun run);
  /// Errors: kNotFound; kInvalidArgument when the run is deleted.
  static Result<Run> UpdateRun(db::Transaction& transaction, const RunId& id, const RunChange& change);
  Task<Result<Run>> UpdateRun(RunId id, RunChange change);
  /// Ends a run that has not ended; one that has stays as it ended. Errors: kNotFound; kInvalidArgument for kRunning.
  static Status EndRun(db::Transaction& transaction, const RunId& id, RunStatus status, std::int64_t ended);
  /// Again changes nothing. Errors: kNotFound.
  Task<Status> DeleteRun(RunId id);
  Task<Status> RestoreRun(RunId id);

  /// All or nothing, and it may be repeated: an exact repeat of a point is dropped.
  /// Errors: kNotFound no such run; kInvalidArgument names the key, or says that the run is deleted, or that a
  /// parameter has another value.
  static Status Log(db::Transaction& transaction, const LogBatch& batch);
  Task<Status> Log(LogBatch batch);
  /// One parameter, once. Errors: as Log's, in MLflow's words for one.
  Task<Status> LogParam(RunId id, std::string key, std::string value);
  /// Errors: kNotFound no such run or tag; kInvalidArgument when the run is deleted.
  Task<Status> DeleteTag(RunId id, std::string key);

  /// Also one that is deleted. Errors: kNotFound.
  static Result<RunDetails> GetRun(db::Snapshot& snapshot, const RunId& id);
  Task<Result<RunDetails>> GetRun(RunId id);

  /// Gives each run of the page as soon as it is read, so that a long page need not be held; where the next page
  /// begins. Where it is awaited, `each` is called on a thread that reads. Errors: kInternal.
  using EachRun = std::function<void(RunDetails)>;
  static Result<std::optional<RunPlace>> SearchRuns(db::Snapshot& snapshot, const RunQuery& query, const EachRun& each);
  Task<Result<std::optional<RunPlace>>> SearchRuns(RunQuery query, EachRun each);
  Task<Result<RunPage>> SearchRuns(RunQuery query);

  /// Every point of one metric in the order of time, step, value. Errors: kNotFound no such run.
  static Result<std::vector<Point>> MetricHistory(db::Snapshot& snapshot, const RunId& id, std::string_view key);
  Task<Result<std::vector<Point>>> MetricHistory(RunId id, std::string key);

  /// Of the runs and metrics that are there, in the order in which they were asked for.
  /// Errors: kInvalidArgument above the limits of ChartQuery.
  Task<Result<std::vector<Series>>> ReadChart(ChartQuery query);

  /// Newest first; `before` empty or the last run of the page before. Empty when there is no such experiment.
  static Result<std::vector<Run>> ListRuns(db::Snapshot& snapshot, std::string_view project,
                                           std::string_view experiment, const RunId& before, std::int64_t limit);
  Task<Result<std::vector<Run>>> ListRuns(std::string project, std::string experiment, RunId before,
                                          std::int64_t limit);

 private:
  [[nodiscard]] std::int64_t NowMillis() const;
  [[nodiscard]] Result<Run> Witnessed(db::Transaction& transaction, Result<Run> run) const;
  Task<Status> SetExperimentStage(ExperimentId id, Stage stage);
  Task<Status> SetRunStage(RunId id, Stage stage);

  db::Database& database_;
  const Clock& clock_;
  Witness on_run_;
};

}  // namespace mw::tracking
