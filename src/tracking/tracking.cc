// Runs: how they begin, change and end, and what is read of them.
#include "tracking/tracking.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "tracking/chart_store.h"
#include "tracking/checks.h"
#include "tracking/experiment_store.h"
#include "tracking/heartbeat_store.h"
#include "tracking/name_store.h"
#include "tracking/run_details_store.h"
#include "tracking/run_name.h"
#include "tracking/run_search_store.h"
#include "tracking/run_store.h"

namespace mw::tracking {
namespace {

using store::Texts;

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

std::int64_t Tracking::NowMillis() const { return ToMicros(clock_.Now()) / 1000; }

Task<Status> Tracking::PackOldPoints() {
  for (bool more = true; more;) {
    more = CO_TRY(co_await database_.Write([](db::Transaction& t) { return store::PackOldPoints(t); }));
  }
  co_return Ok();
}

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
