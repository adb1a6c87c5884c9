// Checks and the awaitable forms.
#include "tracking/tracking.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "tracking/run_store.h"

namespace mw::tracking {
namespace {

constexpr std::array kStatuses = {RunStatus::kRunning, RunStatus::kFinished, RunStatus::kFailed, RunStatus::kKilled};

Status CheckKey(std::string_view key, std::string_view kind) {
  if (!key.empty() && key.size() <= Tracking::kKeyBytesMax) return Ok();
  return InvalidArgument("the name ", Quoted(key), " of a ", kind, " must have 1 to ", Tracking::kKeyBytesMax,
                         " bytes");
}

Status CheckTexts(const std::map<std::string, std::string>& texts, std::string_view kind) {
  for (const auto& [key, value] : texts) {
    TRY(CheckKey(key, kind));
    if (value.size() > Tracking::kTextBytesMax) {
      return InvalidArgument(kind, " ", Quoted(key), " has ", value.size(), " bytes; at most ",
                             Tracking::kTextBytesMax);
    }
  }
  return Ok();
}

Status Check(const LogBatch& batch) {
  const std::size_t size = batch.metrics.size() + batch.params.size() + batch.tags.size();
  if (size > Tracking::kPointsMax) {
    return InvalidArgument(size, " metrics, parameters and tags in one batch; send at most ", Tracking::kPointsMax,
                           " at a time");
  }
  for (const MetricPoint& point : batch.metrics) TRY(CheckKey(point.key, "metric"));
  TRY(CheckTexts(batch.params, "parameter"));
  return CheckTexts(batch.tags, "tag");
}

Result<Run> MustFindRun(db::Snapshot& snapshot, const RunId& id) {
  std::optional<Run> run = TRY(store::FindRun(snapshot, id));
  if (!run) return NotFound("there is no run ", Quoted(id.text()));
  return *std::move(run);
}

}  // namespace

std::string_view StatusName(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning: return "running";
    case RunStatus::kFinished: return "finished";
    case RunStatus::kFailed: return "failed";
    case RunStatus::kKilled: break;
  }
  return "killed";
}

Result<RunStatus> ParseStatus(std::string_view name) {
  const auto* found =
      std::find_if(kStatuses.begin(), kStatuses.end(), [name](RunStatus status) { return StatusName(status) == name; });
  if (found != kStatuses.end()) return *found;
  return InvalidArgument("run status ", Quoted(name), " is none of: running, finished, failed, killed");
}

Result<Run> Tracking::CreateRun(db::Transaction& transaction, const NewRun& run) const {
  if (run.id.empty()) return InvalidArgument("a run needs an id");
  if (run.experiment.empty()) return InvalidArgument("run ", run.id.text(), " needs an experiment");
  TRY(CheckTexts(run.tags, "tag"));
  if (std::optional<Run> known = TRY(store::FindRun(transaction, run.id))) return *std::move(known);
  const ExperimentId experiment =
      TRY(store::NeedExperiment(transaction, run.project, run.experiment, NewIdText(clock_), clock_.Now()));
  Run made{run.id, experiment, run.name, run.source, RunStatus::kRunning, run.started, Timestamp{}};
  TRY(store::InsertRun(transaction, made));
  for (const auto& [key, value] : run.tags) TRY(store::SetTag(transaction, run.id, key, value));
  return made;
}

Status Tracking::Log(db::Transaction& transaction, const LogBatch& batch) {
  TRY(Check(batch));
  TRY(MustFindRun(transaction, batch.run));
  for (const MetricPoint& point : batch.metrics) {
    TRY(store::InsertPoint(transaction, batch.run, batch.attempt_id, point));
  }
  for (const auto& [key, value] : batch.params) TRY(store::SetParam(transaction, batch.run, key, value));
  for (const auto& [key, value] : batch.tags) TRY(store::SetTag(transaction, batch.run, key, value));
  return Ok();
}

Status Tracking::EndRun(db::Transaction& transaction, const RunId& id, RunStatus status, Timestamp ended) {
  if (status == RunStatus::kRunning) return InvalidArgument("a run cannot end as running");
  TRY(MustFindRun(transaction, id));
  return store::EndRun(transaction, id, status, ended);
}

Result<RunDetails> Tracking::GetRun(db::Snapshot& snapshot, const RunId& id) {
  RunDetails details;
  details.run = TRY(MustFindRun(snapshot, id));
  details.params = TRY(store::ParamsOf(snapshot, id));
  details.tags = TRY(store::TagsOf(snapshot, id));
  for (MetricPoint& point : TRY(store::LatestOf(snapshot, id))) details.latest.emplace(point.key, point);
  return details;
}

Result<std::vector<MetricPoint>> Tracking::MetricHistory(db::Snapshot& snapshot, const RunId& id,
                                                         std::string_view key) {
  TRY(MustFindRun(snapshot, id));
  return store::HistoryOf(snapshot, id, key, kHistoryMax);
}

Result<std::vector<Run>> Tracking::ListRuns(db::Snapshot& snapshot, std::string_view project,
                                            std::string_view experiment, const RunId& before, std::int64_t limit) {
  return store::FindRuns(snapshot, project, experiment, before, std::clamp(limit, std::int64_t{1}, kRunsMax));
}

Result<std::vector<Experiment>> Tracking::ListExperiments(db::Snapshot& snapshot, std::string_view project) {
  return store::FindExperiments(snapshot, project);
}

Task<Result<Run>> Tracking::CreateRun(NewRun run) {
  co_return co_await database_.Write([&](db::Transaction& t) { return CreateRun(t, run); });
}

Task<Status> Tracking::Log(LogBatch batch) {
  co_return co_await database_.Write([&](db::Transaction& t) { return Log(t, batch); });
}

Task<Status> Tracking::EndRun(RunId id, RunStatus status, Timestamp ended) {
  co_return co_await database_.Write([&](db::Transaction& t) { return EndRun(t, id, status, ended); });
}

Task<Result<RunDetails>> Tracking::GetRun(RunId id) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return GetRun(s, id); });
}

Task<Result<std::vector<MetricPoint>>> Tracking::MetricHistory(RunId id, std::string key) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return MetricHistory(s, id, key); });
}

Task<Result<std::vector<Run>>> Tracking::ListRuns(std::string project, std::string experiment, RunId before,
                                                  std::int64_t limit) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return ListRuns(s, project, experiment, before, limit); });
}

Task<Result<std::vector<Experiment>>> Tracking::ListExperiments(std::string project) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return ListExperiments(s, project); });
}

}  // namespace mw::tracking
