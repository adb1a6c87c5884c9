// Checks, and what is remembered together.
#include "tracking/tracking.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "tracking/chart_store.h"
#include "tracking/experiment_store.h"
#include "tracking/heartbeat_store.h"
#include "tracking/kept_value.h"
#include "tracking/logged_models.h"
#include "tracking/name_store.h"
#include "tracking/run_details_store.h"
#include "tracking/run_name.h"
#include "tracking/run_search_store.h"
#include "tracking/run_store.h"

namespace mw::tracking {
namespace {

using store::Texts;

constexpr std::array kRunStatuses = {RunStatus::kRunning, RunStatus::kScheduled, RunStatus::kFinished,
                                     RunStatus::kFailed, RunStatus::kKilled};

Status CheckKey(std::string_view key, std::string_view kind) {
  if (!key.empty() && key.size() <= Tracking::kKeyBytesMax) return Ok();
  return InvalidArgument("the name ", Quoted(key), " of a ", kind, " must have 1 to ", Tracking::kKeyBytesMax,
                         " bytes");
}

template <typename Texts>
Status CheckTexts(const Texts& texts, std::string_view kind) {
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
  if (size > Tracking::kEntriesMax) {
    return InvalidArgument(size, " metrics, parameters and tags in one batch; send at most ", Tracking::kEntriesMax,
                           " at a time");
  }
  for (const MetricPoint& point : batch.metrics) TRY(CheckKey(point.key, "metric"));
  TRY(CheckTexts(batch.params, "parameter"));
  return CheckTexts(batch.tags, "tag");
}

Error NoRun(const RunId& id) { return NotFound("Run with id=", id.text(), " not found"); }

Result<store::StoredRun> MustFindRun(db::Snapshot& snapshot, const RunId& id) {
  std::optional<store::StoredRun> run = TRY(store::FindRun(snapshot, id));
  if (!run) return NoRun(id);
  return *std::move(run);
}

Status MustBeActive(const RunId& id, Stage stage) {
  if (stage == Stage::kActive) return Ok();
  return InvalidArgument("The run ", id.text(), " must be in the 'active' state. Current state is ", StageName(stage),
                         ".");
}

Result<store::StoredRun> MustFindActiveRun(db::Snapshot& snapshot, const RunId& id) {
  store::StoredRun run = TRY(MustFindRun(snapshot, id));
  TRY(MustBeActive(id, run.run.stage));
  return run;
}

Status MustBeActive(const Experiment& experiment) {
  if (experiment.stage == Stage::kActive) return Ok();
  return InvalidArgument("The experiment ", experiment.id.text(), " must be in the 'active' state. Current state is ",
                         StageName(experiment.stage), ".");
}

/// As Python shows a text.
std::string PythonText(std::string_view text) {
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == quote || c == '\\') out += '\\';
      out += c;
    }
  }
  return out += quote;
}

/// A parameter that has another value already.
struct Refused {
  std::string key, old_value, new_value;
};

Error RefusedParams(const RunId& id, const std::vector<Refused>& refused) {
  std::string list;
  for (const Refused& param : refused) {
    CatTo(list, list.empty() ? "" : ", ", "{'key': ", PythonText(param.key),
          ", 'old_value': ", PythonText(param.old_value), ", 'new_value': ", PythonText(param.new_value), "}");
  }
  return InvalidArgument("Changing param values is not allowed. Params were already logged='[", list, "]' for run ID='",
                         id.text(), "'.");
}

Result<std::vector<Refused>> SetParams(db::Transaction& transaction, const LogBatch& batch, std::int64_t run) {
  std::vector<Refused> refused;
  for (const auto& [key, value] : batch.params) {
    const std::int64_t name = TRY(store::NeedName(transaction, key));
    if (batch.param_rule == ParamRule::kOnce) {
      const auto known = TRY(store::FindText(transaction, Texts::kParams, run, name));
      if (known && *known != value) refused.push_back({key, *known, value});
      if (known) continue;
    }
    TRY(store::SetText(transaction, Texts::kParams, run, name, value));
  }
  return refused;
}

Status SetTags(db::Transaction& transaction, const RunId& id, std::int64_t run,
               const std::vector<std::pair<std::string, std::string>>& tags) {
  for (const auto& [key, value] : tags) {
    TRY(store::SetText(transaction, Texts::kTags, run, TRY(store::NeedName(transaction, key)), value));
    if (key != Tracking::kRunNameTag) continue;
    store::StoredRun renamed = TRY(MustFindRun(transaction, id));
    renamed.run.name = value;
    TRY(store::UpdateRun(transaction, run, renamed.run));
  }
  return Ok();
}

Result<std::vector<TailPoint>> Numbered(db::Transaction& transaction, const std::vector<MetricPoint>& metrics) {
  std::map<std::string_view, std::int64_t> names;
  std::vector<TailPoint> points;
  points.reserve(metrics.size());
  for (const MetricPoint& metric : metrics) {
    auto [at, is_new] = names.emplace(metric.key, 0);
    if (is_new) at->second = TRY(store::NeedName(transaction, metric.key));
    points.push_back({at->second, metric.point});
    points.back().point.value = KeptValue(metric.point.value);
  }
  return points;
}

Status LogTo(db::Transaction& transaction, const LogBatch& batch, std::vector<Refused>& refused) {
  const std::vector<TailPoint> points = TRY(Numbered(transaction, batch.metrics));
  std::string tail;
  AppendTail(tail, points);
  const auto run = TRY(store::TouchRun(transaction, batch.run, static_cast<std::int64_t>(tail.size())));
  if (!run) return NoRun(batch.run);
  TRY(MustBeActive(batch.run, run->stage));
  refused = TRY(SetParams(transaction, batch, run->place.run));
  if (!refused.empty()) return RefusedParams(batch.run, refused);
  if (!points.empty()) TRY(store::AppendPoints(transaction, run->place, tail, points));
  if (!batch.model_points.empty()) TRY(LoggedModels::Log(transaction, batch, run->place.run, points));
  return SetTags(transaction, batch.run, run->place.run, batch.tags);
}

Result<ExperimentId> NeedExperiment(db::Transaction& transaction, const NewRun& run, std::int64_t now) {
  if (!run.experiment.empty()) {
    const Experiment experiment = TRY(Tracking::GetExperiment(transaction, run.experiment));
    TRY(MustBeActive(experiment));
    return experiment.id;
  }
  if (run.experiment_name.empty()) return InvalidArgument("run ", run.id.text(), " needs an experiment");
  if (const auto known = TRY(store::FindExperimentByName(transaction, run.project, run.experiment_name))) {
    return known->id;
  }
  Experiment made;
  made.project = run.project;
  made.name = run.experiment_name;
  made.created = made.updated = now;
  return store::InsertExperiment(transaction, made);
}

/// Its argument, its tag, or one that is made up.
Result<std::string> NameOf(const NewRun& run) {
  const auto tag = run.tags.find(std::string(Tracking::kRunNameTag));
  if (tag == run.tags.end()) return run.name.empty() ? MadeUpName(run.id.text()) : run.name;
  if (run.name.empty() || run.name == tag->second) return tag->second;
  return InvalidArgument("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values ",
                         "(run_name='", run.name, "', mlflow.runName='", tag->second, "').");
}

}  // namespace

std::string_view StatusName(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning: return "running";
    case RunStatus::kScheduled: return "scheduled";
    case RunStatus::kFinished: return "finished";
    case RunStatus::kFailed: return "failed";
    case RunStatus::kKilled: break;
  }
  return "killed";
}

Result<RunStatus> ParseStatus(std::string_view name) {
  const auto* found = std::find_if(kRunStatuses.begin(), kRunStatuses.end(),
                                   [name](RunStatus status) { return StatusName(status) == name; });
  if (found != kRunStatuses.end()) return *found;
  return InvalidArgument("run status ", Quoted(name), " is none of: running, scheduled, finished, failed, killed");
}

std::string_view StageName(Stage stage) { return stage == Stage::kActive ? "active" : "deleted"; }

std::int64_t Tracking::NowMillis() const { return ToMicros(clock_.Now()) / 1000; }

Task<Status> Tracking::PackOldPoints() {
  for (bool more = true; more;) {
    more = CO_TRY(co_await database_.Write([](db::Transaction& t) { return store::PackOldPoints(t); }));
  }
  co_return Ok();
}

// ---- experiments ----

Task<Result<ExperimentId>> Tracking::CreateExperiment(NewExperiment experiment) {
  CO_TRY(CheckTexts(experiment.tags, "tag"));
  const std::int64_t now = NowMillis();
  co_return co_await database_.Write([&](db::Transaction& t) -> Result<ExperimentId> {
    const auto known = TRY(store::FindExperimentByName(t, experiment.project, experiment.name));
    if (known) {
      return Error{Code::kAlreadyExists,
                   Cat("Experiment(name=", experiment.name, ") already exists.",
                       known->stage == Stage::kActive ? "" : " It is deleted; restore it, or choose another name."),
                   {}};
    }
    Experiment made;
    made.project = experiment.project;
    made.name = experiment.name;
    made.artifact_location = experiment.artifact_location;
    made.created = made.updated = now;
    made.tags = experiment.tags;
    return store::InsertExperiment(t, made);
  });
}

Result<Experiment> Tracking::GetExperiment(db::Snapshot& snapshot, const ExperimentId& id) {
  if (!ParseInt(id.text())) {
    return InvalidArgument("Invalid experiment ID '", id.text(), "'. Experiment ID must be a valid integer.");
  }
  std::optional<Experiment> experiment = TRY(store::FindExperiment(snapshot, id));
  if (!experiment) return NotFound("No Experiment with id=", id.text(), " exists");
  return *std::move(experiment);
}

Task<Result<Experiment>> Tracking::GetExperiment(ExperimentId id) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return GetExperiment(s, id); });
}

Task<Result<Experiment>> Tracking::GetExperimentByName(std::string project, std::string name) {
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<Experiment> {
    std::optional<Experiment> experiment = TRY(store::FindExperimentByName(s, project, name));
    if (!experiment) return NotFound("Could not find experiment with name '", name, "'");
    return *std::move(experiment);
  });
}

Result<std::vector<Experiment>> Tracking::ListExperiments(db::Snapshot& snapshot, std::string_view project) {
  return store::FindExperiments(snapshot, project);
}

Task<Result<std::vector<Experiment>>> Tracking::ListExperiments(std::string project) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return ListExperiments(s, project); });
}

Task<Result<ExperimentPage>> Tracking::SearchExperiments(ExperimentQuery query) {
  std::vector<Experiment> all = CO_TRY(co_await ListExperiments(query.project));
  co_return SelectExperiments(std::move(all), query);
}

Task<Status> Tracking::RenameExperiment(ExperimentId id, std::string name) {
  const std::int64_t now = NowMillis();
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    const Experiment experiment = TRY(GetExperiment(t, id));
    if (experiment.stage != Stage::kActive) return FailedPrecondition("Cannot rename a non-active experiment.");
    if (experiment.name == name) return Ok();
    if (TRY(store::FindExperimentByName(t, experiment.project, name))) {
      return Error{Code::kAlreadyExists, Cat("Experiment(name=", name, ") already exists."), {}};
    }
    return store::RenameExperiment(t, id, name, now);
  });
}

Task<Status> Tracking::SetExperimentStage(ExperimentId id, Stage stage) {
  const std::int64_t now = NowMillis();
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    const Experiment experiment = TRY(GetExperiment(t, id));
    if (experiment.stage == stage) return NotFound("No Experiment with id=", id.text(), " exists");
    return store::SetExperimentStage(t, id, stage, now);
  });
}

Task<Status> Tracking::DeleteExperiment(ExperimentId id) {
  co_return co_await SetExperimentStage(std::move(id), Stage::kDeleted);
}

Task<Status> Tracking::RestoreExperiment(ExperimentId id) {
  co_return co_await SetExperimentStage(std::move(id), Stage::kActive);
}

Task<Status> Tracking::SetExperimentTag(ExperimentId id, std::string key, std::string value) {
  CO_TRY(CheckKey(key, "tag"));
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    TRY(MustBeActive(TRY(GetExperiment(t, id))));
    return store::SetExperimentTag(t, id, key, value);
  });
}

Task<Status> Tracking::DeleteExperimentTag(ExperimentId id, std::string key) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    TRY(MustBeActive(TRY(GetExperiment(t, id))));
    if (TRY(store::DeleteExperimentTag(t, id, key))) return Ok();
    return NotFound("No tag with name: ", key, " in experiment with id ", id.text());
  });
}

// ---- runs ----

Result<Run> Tracking::CreateRun(db::Transaction& transaction, const NewRun& run) const {
  if (run.id.empty()) return InvalidArgument("a run needs an id");
  TRY(CheckTexts(run.tags, "tag"));
  if (auto known = TRY(store::FindRun(transaction, run.id))) return std::move(known->run);
  Run made;
  made.id = run.id;
  made.name = TRY(NameOf(run));
  made.experiment = TRY(NeedExperiment(transaction, run, NowMillis()));
  made.user = run.user;
  made.source = run.source;
  made.started = run.started;
  const std::int64_t number = TRY(store::InsertRun(transaction, made));
  std::map<std::string, std::string> tags = run.tags;
  tags[std::string(kRunNameTag)] = made.name;
  for (const auto& [key, value] : tags) {
    TRY(store::SetText(transaction, Texts::kTags, number, TRY(store::NeedName(transaction, key)), value));
  }
  return TRY(MustFindRun(transaction, run.id))
  .run;
}

Result<Run> Tracking::Witnessed(db::Transaction& transaction, Result<Run> run) const {
  if (run.ok() && on_run_) TRY(on_run_(transaction, *run));
  return run;
}

Task<Result<Run>> Tracking::CreateRun(NewRun run) {
  co_return co_await database_.Write([&](db::Transaction& t) { return Witnessed(t, CreateRun(t, run)); });
}

Result<Run> Tracking::UpdateRun(db::Transaction& transaction, const RunId& id, const RunChange& change) {
  store::StoredRun stored = TRY(MustFindActiveRun(transaction, id));
  if (change.status) {
    stored.run.status = *change.status;
    TRY(store::ForgetHeartbeat(transaction, stored.number));
  }
  if (change.ended) stored.run.ended = change.ended;
  if (change.name && !change.name->empty()) {
    stored.run.name = *change.name;
    const std::int64_t tag = TRY(store::NeedName(transaction, kRunNameTag));
    TRY(store::SetText(transaction, Texts::kTags, stored.number, tag, *change.name));
  }
  TRY(store::UpdateRun(transaction, stored.number, stored.run));
  return std::move(stored.run);
}

Task<Result<Run>> Tracking::UpdateRun(RunId id, RunChange change) {
  co_return co_await database_.Write([&](db::Transaction& t) { return Witnessed(t, UpdateRun(t, id, change)); });
}

Status Tracking::EndRun(db::Transaction& transaction, const RunId& id, RunStatus status, std::int64_t ended) {
  if (status == RunStatus::kRunning) return InvalidArgument("a run cannot end as running");
  store::StoredRun stored = TRY(MustFindRun(transaction, id));
  if (stored.run.status != RunStatus::kRunning) return Ok();
  stored.run.status = status;
  stored.run.ended = ended;
  return store::UpdateRun(transaction, stored.number, stored.run);
}

Task<Status> Tracking::SetRunStage(RunId id, Stage stage) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    store::StoredRun stored = TRY(MustFindRun(t, id));
    stored.run.stage = stage;
    return store::UpdateRun(t, stored.number, stored.run);
  });
}

Task<Status> Tracking::DeleteRun(RunId id) { co_return co_await SetRunStage(std::move(id), Stage::kDeleted); }

Task<Status> Tracking::RestoreRun(RunId id) { co_return co_await SetRunStage(std::move(id), Stage::kActive); }

// ---- what runs log ----

Status Tracking::Log(db::Transaction& transaction, const LogBatch& batch) {
  TRY(Check(batch));
  std::vector<Refused> refused;
  return LogTo(transaction, batch, refused);
}

Task<Status> Tracking::Log(LogBatch batch) {
  co_return co_await database_.Write([&](db::Transaction& t) { return Log(t, batch); });
}

Task<Status> Tracking::LogParam(RunId id, std::string key, std::string value) {
  LogBatch batch;
  batch.run = std::move(id);
  batch.params.emplace_back(std::move(key), std::move(value));
  CO_TRY(Check(batch));
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    std::vector<Refused> refused;
    Status logged = LogTo(t, batch, refused);
    if (refused.empty()) return logged;
    return InvalidArgument("Changing param values is not allowed. Param with key='", refused[0].key,
                           "' was already logged with value='", refused[0].old_value, "' for run ID='",
                           batch.run.text(), "'. Attempted logging new value '", refused[0].new_value, "'.");
  });
}

Task<Status> Tracking::DeleteTag(RunId id, std::string key) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    const store::StoredRun run = TRY(MustFindActiveRun(t, id));
    const auto name = TRY(store::FindName(t, key));
    if (name && TRY(store::DeleteText(t, Texts::kTags, run.number, *name))) return Ok();
    return NotFound("No tag with name: ", key, " in run with id ", id.text());
  });
}

// ---- reading ----

Result<RunDetails> Tracking::GetRun(db::Snapshot& snapshot, const RunId& id) {
  const store::StoredRun run = TRY(MustFindRun(snapshot, id));
  return std::move(TRY(store::DetailsOf(snapshot, {&run, 1})).front());
}

Result<std::optional<RunPlace>> Tracking::SearchRuns(db::Snapshot& snapshot, const RunQuery& query,
                                                     const EachRun& each) {
  RunQuery one_more = query;
  ++one_more.limit;  // tells whether there is another page
  std::vector<store::FoundRun> found = TRY(store::SearchRuns(snapshot, one_more));
  std::optional<RunPlace> next;
  if (found.size() > static_cast<std::size_t>(query.limit)) {
    found.pop_back();
    next = found.back().place;
  }
  for (std::size_t i = 0; i < found.size();) {
    std::vector<store::StoredRun> runs;
    for (; i < found.size() && runs.size() < store::kRunsAtOnce; ++i) runs.push_back(std::move(found[i].stored));
    for (RunDetails& details : TRY(store::DetailsOf(snapshot, runs))) each(std::move(details));
  }
  return next;
}

Task<Result<std::optional<RunPlace>>> Tracking::SearchRuns(RunQuery query, EachRun each) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return SearchRuns(s, query, each); });
}

Task<Result<RunPage>> Tracking::SearchRuns(RunQuery query) {
  RunPage page;
  page.next =
      CO_TRY(co_await SearchRuns(std::move(query), [&page](RunDetails run) { page.runs.push_back(std::move(run)); }));
  co_return page;
}

Task<Result<RunDetails>> Tracking::GetRun(RunId id) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return GetRun(s, id); });
}

Result<std::vector<Point>> Tracking::MetricHistory(db::Snapshot& snapshot, const RunId& id, std::string_view key) {
  const store::StoredRun run = TRY(MustFindRun(snapshot, id));
  const auto name = TRY(store::FindName(snapshot, key));
  return name ? store::HistoryOf(snapshot, run.number, *name) : std::vector<Point>();
}

Task<Result<std::vector<Point>>> Tracking::MetricHistory(RunId id, std::string key) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return MetricHistory(s, id, key); });
}

Task<Result<std::vector<Series>>> Tracking::ReadChart(ChartQuery query) {
  const std::size_t series = query.runs.size() * query.metrics.size();
  if (std::max(query.runs.size(), query.metrics.size()) > ChartQuery::kNamesMax || series > ChartQuery::kSeriesMax) {
    co_return InvalidArgument(query.runs.size(), " runs and ", query.metrics.size(), " metrics in one chart; at most ",
                              ChartQuery::kNamesMax, " of each and ", ChartQuery::kSeriesMax, " lines");
  }
  if (query.buckets < 2 || query.buckets > ChartQuery::kBucketsMax) {
    co_return InvalidArgument(query.buckets, " buckets; ask for 2 to ", ChartQuery::kBucketsMax);
  }
  co_return co_await database_.Read([&](db::Snapshot& s) { return store::ReadChart(s, query); });
}

Result<std::vector<Run>> Tracking::ListRuns(db::Snapshot& snapshot, std::string_view project,
                                            std::string_view experiment, const RunId& before, std::int64_t limit) {
  return store::FindRuns(snapshot, project, experiment, before, std::clamp(limit, std::int64_t{1}, kRunsMax));
}

Task<Result<std::vector<Run>>> Tracking::ListRuns(std::string project, std::string experiment, RunId before,
                                                  std::int64_t limit) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return ListRuns(s, project, experiment, before, limit); });
}

}  // namespace mw::tracking
