// The door of logged models: made when a training begins to log one, finished when its files are there, found again by
// what was measured of them. Their files are artifacts below the experiment's location. Any thread.
//
// Invariant: what a run logs of a model is in the run's own history too, in the same transaction.
#pragma once

#include <span>
#include <string>

#include "base/clock.h"
#include "base/json.h"
#include "base/task.h"
#include "db/database.h"
#include "tracking/logged_model.h"
#include "tracking/logged_model_search.h"

namespace mw::tracking {

class LoggedModels {
 public:
  static constexpr std::size_t kNameBytesMax = 2000;     ///< of a model: 500 characters
  static constexpr std::size_t kTextBytesMax = 1 << 20;  ///< of a parameter's or tag's value
  static constexpr std::size_t kEntriesMax = 10'000;     ///< parameters or tags of one call
  static constexpr std::int64_t kMetricsMax = 1000;      ///< of one model that is told: the latest; runs keep them all
  static constexpr std::int64_t kFoundMax = 1000;        ///< of one page
  static constexpr std::size_t kDatasetNameBytesMax = 2000, kDatasetDigestBytesMax = 144;
  /// The run's tag that lists models logged the older way.
  static constexpr std::string_view kHistoryTag = "mlflow.log-model.history";

  /// Both outlive this.
  LoggedModels(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// With an id of the caller's it may be asked again: the model is made once.
  /// Errors: kNotFound no such experiment; kInvalidArgument, also when the experiment is deleted; kAlreadyExists the id
  /// is another model's.
  Task<Result<LoggedModelDetails>> Create(NewLoggedModel model);
  /// Errors: kNotFound, also for one that is deleted unless `also_deleted`.
  static Result<LoggedModelDetails> Get(db::Snapshot& snapshot, const LoggedModelId& id, bool also_deleted = false);
  Task<Result<LoggedModelDetails>> Get(LoggedModelId id, bool also_deleted = false);
  /// Errors of these: kNotFound, also for one that is deleted; kInvalidArgument names the key.
  Task<Result<LoggedModelDetails>> Finalize(LoggedModelId id, LoggedModelStatus status);
  Task<Status> SetTags(LoggedModelId id, std::map<std::string, std::string> tags);
  /// Errors besides: kNotFound no such tag.
  Task<Status> DeleteTag(LoggedModelId id, std::string key);
  /// Each once: the same again changes nothing. Errors besides: kInvalidArgument it has another value.
  Task<Status> LogParams(LoggedModelId id, std::map<std::string, std::string> params);
  /// Its files stay until it is purged.
  Task<Status> Delete(LoggedModelId id);

  Task<Result<LoggedModelPage>> Search(LoggedModelQuery query);

  /// All of an experiment by their ids, also those that are deleted, with how many metrics they have but without them;
  /// `after` empty or the last of the page before. At most kListedMax; none when there is no such experiment.
  struct Counted {
    LoggedModelDetails model;
    std::int64_t metrics = 0;
  };
  Task<Result<std::vector<Counted>>> List(ExperimentId experiment, LoggedModelId after);
  /// Every point of a model, also of one that is deleted: at most kMetricsOfAPage from the `offset`th on, in an order
  /// that stays. Errors: kNotFound no such model.
  Task<Result<std::vector<ModelMetric>>> Metrics(LoggedModelId id, std::int64_t offset);
  static constexpr std::int64_t kListedMax = 200, kMetricsOfAPage = 10'000;

  /// What a run's batch logs of models: `points` are its metrics, in their order. Models that are deleted take them
  /// too.
  /// Errors: kNotFound no such model; kInvalidArgument.
  static Status Log(db::Transaction& transaction, const LogBatch& batch, std::int64_t run,
                    std::span<const TailPoint> points);

  /// The older way: adds to the list in the run's tag kHistoryTag.
  /// Errors: kNotFound no such run; kInvalidArgument it is deleted, or the tag is full or holds no list.
  Task<Status> Note(RunId run, Json model);

 private:
  [[nodiscard]] std::int64_t NowMillis() const { return ToMicros(clock_.Now()) / 1000; }

  db::Database& database_;
  const Clock& clock_;
};

}  // namespace mw::tracking
