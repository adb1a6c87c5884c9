// SQL of tracking.
#include "tracking/run_store.h"

#include "base/text.h"

namespace mw::tracking::store {
namespace {

constexpr std::string_view kRunColumns = "r.id, r.experiment_id, r.name, r.source, r.status, r.started_at, r.ended_at";

Result<Run> ReadRun(const db::Row& row) {
  const auto status = TRY(ParseStatus(row.Text(4)));
  return Run{RunId(row.Text(0)),     ExperimentId(row.Text(1)), row.Text(2), row.Text(3), status,
             FromMicros(row.Int(5)), FromMicros(row.Int(6))};
}

MetricPoint ReadPoint(const db::Row& row) { return {row.Text(0), row.Int(1), row.Double(2), FromMicros(row.Int(3))}; }

Result<std::vector<MetricPoint>> ReadPoints(const db::Rows& rows) {
  std::vector<MetricPoint> points;
  points.reserve(rows.size());
  for (const db::Row& row : rows) points.push_back(ReadPoint(row));
  return points;
}

std::map<std::string, std::string> ReadMap(const db::Rows& rows) {
  std::map<std::string, std::string> map;
  for (const db::Row& row : rows) map.emplace(row.Text(0), row.Text(1));
  return map;
}

}  // namespace

Result<ExperimentId> NeedExperiment(db::Transaction& transaction, std::string_view project, std::string_view name,
                                    std::string_view new_id, Timestamp now) {
  TRY(
      transaction.Execute("INSERT INTO tracking_experiments (id, project, name, created_at) VALUES (?, ?, ?, ?)"
                          " ON CONFLICT (project, name) DO NOTHING",
                          {std::string(new_id), std::string(project), std::string(name), ToMicros(now)}));
  const db::Rows rows = TRY(transaction.Query("SELECT id FROM tracking_experiments WHERE project = ? AND name = ?",
                                              {std::string(project), std::string(name)}));
  return ExperimentId(rows[0].Text(0));
}

Status InsertRun(db::Transaction& transaction, const Run& run) {
  TRY(
      transaction.Execute("INSERT INTO tracking_runs (id, experiment_id, name, source, status, started_at, ended_at)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                          {run.id.text(), run.experiment.text(), run.name, run.source,
                           std::string(StatusName(run.status)), ToMicros(run.started), ToMicros(run.ended)}));
  return Ok();
}

Status EndRun(db::Transaction& transaction, const RunId& id, RunStatus status, Timestamp ended) {
  TRY(transaction.Execute("UPDATE tracking_runs SET status = ?, ended_at = ? WHERE id = ? AND status = 'running'",
                          {std::string(StatusName(status)), ToMicros(ended), id.text()}));
  return Ok();
}

Status InsertPoint(db::Transaction& transaction, const RunId& run, std::string_view attempt_id,
                   const MetricPoint& point) {
  const std::int64_t inserted = TRY(transaction.Execute(
      "INSERT INTO tracking_metrics (run_id, key, attempt_id, step, value, logged_at) VALUES (?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (run_id, key, attempt_id, step) DO NOTHING",
      {run.text(), point.key, std::string(attempt_id), point.step, point.value, ToMicros(point.time)}));
  if (inserted == 0) return Ok();
  TRY(transaction.Execute(
      "INSERT INTO tracking_latest (run_id, key, step, value, logged_at) VALUES (?, ?, ?, ?, ?)"
      " ON CONFLICT (run_id, key) DO UPDATE"
      " SET step = excluded.step, value = excluded.value, logged_at = excluded.logged_at"
      " WHERE excluded.logged_at > tracking_latest.logged_at"
      " OR (excluded.logged_at = tracking_latest.logged_at AND excluded.step >= tracking_latest.step)",
      {run.text(), point.key, point.step, point.value, ToMicros(point.time)}));
  return Ok();
}

Status SetParam(db::Transaction& transaction, const RunId& run, std::string_view key, std::string_view value) {
  TRY(
      transaction.Execute("INSERT INTO tracking_params (run_id, key, value) VALUES (?, ?, ?)"
                          " ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value",
                          {run.text(), std::string(key), std::string(value)}));
  return Ok();
}

Status SetTag(db::Transaction& transaction, const RunId& run, std::string_view key, std::string_view value) {
  TRY(
      transaction.Execute("INSERT INTO tracking_tags (run_id, key, value) VALUES (?, ?, ?)"
                          " ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value",
                          {run.text(), std::string(key), std::string(value)}));
  return Ok();
}

Result<std::optional<Run>> FindRun(db::Snapshot& snapshot, const RunId& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kRunColumns, " FROM tracking_runs r WHERE r.id = ?"), {id.text()}));
  if (rows.empty()) return std::optional<Run>();
  return std::optional<Run>(TRY(ReadRun(rows[0])));
}

Result<std::vector<Run>> FindRuns(db::Snapshot& snapshot, std::string_view project, std::string_view experiment,
                                  const RunId& before, std::int64_t limit) {
  // Ids ascend with time of creation.
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kRunColumns,
                             " FROM tracking_experiments e JOIN tracking_runs r ON r.experiment_id = e.id"
                             " WHERE e.project = ? AND e.name = ? AND (? = '' OR r.id < ?) ORDER BY r.id DESC LIMIT ?"),
                         {std::string(project), std::string(experiment), before.text(), before.text(), limit}));
  std::vector<Run> runs;
  for (const db::Row& row : rows) runs.push_back(TRY(ReadRun(row)));
  return runs;
}

Result<std::vector<Experiment>> FindExperiments(db::Snapshot& snapshot, std::string_view project) {
  const db::Rows rows = TRY(
      snapshot.Query("SELECT id, project, name, created_at FROM tracking_experiments WHERE project = ? ORDER BY name",
                     {std::string(project)}));
  std::vector<Experiment> experiments;
  for (const db::Row& row : rows) {
    experiments.push_back({ExperimentId(row.Text(0)), row.Text(1), row.Text(2), FromMicros(row.Int(3))});
  }
  return experiments;
}

Result<std::map<std::string, std::string>> ParamsOf(db::Snapshot& snapshot, const RunId& id) {
  return ReadMap(TRY(snapshot.Query("SELECT key, value FROM tracking_params WHERE run_id = ?", {id.text()})));
}

Result<std::map<std::string, std::string>> TagsOf(db::Snapshot& snapshot, const RunId& id) {
  return ReadMap(TRY(snapshot.Query("SELECT key, value FROM tracking_tags WHERE run_id = ?", {id.text()})));
}

Result<std::vector<MetricPoint>> LatestOf(db::Snapshot& snapshot, const RunId& id) {
  return ReadPoints(TRY(snapshot.Query(
      "SELECT key, step, value, logged_at FROM tracking_latest WHERE run_id = ? ORDER BY key", {id.text()})));
}

Result<std::vector<MetricPoint>> HistoryOf(db::Snapshot& snapshot, const RunId& id, std::string_view key,
                                           std::int64_t limit) {
  return ReadPoints(
      TRY(snapshot.Query("SELECT key, step, value, logged_at FROM tracking_metrics WHERE run_id = ? AND key = ?"
                         " ORDER BY logged_at, step, attempt_id LIMIT ?",
                         {id.text(), std::string(key), limit})));
}

}  // namespace mw::tracking::store
