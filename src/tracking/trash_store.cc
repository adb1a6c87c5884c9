// SQL of the trash. Large tables are cleared a few metrics or files at a time, so that no other write waits long.
#include "tracking/trash_store.h"

#include <algorithm>

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/name_store.h"

namespace mw::tracking {

std::vector<db::Migration> Trash::Migrations() {
  return {{"trash", 1, R"sql(
CREATE TABLE tracking_trash (
  run BIGINT PRIMARY KEY,
  deleted_at BIGINT NOT NULL
);
-- What was purged and is not cleared away yet. `run` is -1 for an experiment.
CREATE TABLE tracking_remains (
  id BIGINT PRIMARY KEY,
  run BIGINT NOT NULL,
  artifacts TEXT COLLATE "C" NOT NULL,
  purged_at BIGINT NOT NULL
);
INSERT INTO tracking_counters VALUES ('remains', 0);
-- Of purged artifacts: a row here does not keep a blob.
CREATE TABLE tracking_purged_blobs (
  digest TEXT COLLATE "C" PRIMARY KEY,
  purged_at BIGINT NOT NULL
);
)sql"},
          {"trash", 2, R"sql(
ALTER TABLE tracking_remains ADD COLUMN model BIGINT NOT NULL DEFAULT -1;
)sql"}};
}

namespace store {
namespace {

constexpr std::int64_t kMetricsAtATime = 50;
constexpr std::int64_t kFilesAtATime = 1000;

// By way of experiments, for the index of runs begins with them.
constexpr std::string_view kDeletedRuns =
    "SELECT r.number FROM tracking_experiments e JOIN tracking_runs r ON r.experiment_id = e.id AND r.stage = "
    "'deleted'";

/// Columns: number, id, name, experiment, deleted_at, location.
Trashed ReadTrashedRun(const db::Row& row) {
  Trashed run{row.Int(0), row.Text(1), row.Text(2), ExperimentId(Cat(row.Int(3))), row.Int(4), {}};
  const std::string location = LocationOf(row.Text(5), row.Int(3));
  run.artifact_uri = Cat(location, "/", run.id, "/artifacts");
  return run;
}

/// Whether an experiment was given this directory, or one beneath it, as its own: then it is not for us to clear.
Result<bool> IsShared(db::Snapshot& snapshot, const std::string& place) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT artifact_location FROM tracking_experiments WHERE artifact_location <> ''"));
  return std::any_of(rows.begin(), rows.end(), [&](const db::Row& row) {
    const auto other = ArtifactPlace(row.Text(0));
    return other && (*other == place || other->starts_with(place + "/"));
  });
}

Status AddRemains(db::Transaction& transaction, Remains remains, std::optional<std::string> place, std::int64_t now) {
  if (place && TRY(IsShared(transaction, *place))) place.reset();
  const std::int64_t id = TRY(NextNumber(transaction, "remains"));
  TRY(transaction.Execute("INSERT INTO tracking_remains (id, run, model, artifacts, purged_at) VALUES (?, ?, ?, ?, ?)",
                          {id, remains.run, remains.model, place.value_or(""), now}));
  return Ok();
}

Result<bool> ClearMetrics(db::Transaction& transaction, std::int64_t run) {
  const db::Rows names = TRY(transaction.Query("SELECT name FROM tracking_chunks WHERE run = ? GROUP BY name LIMIT ?",
                                               {run, kMetricsAtATime}));
  for (const db::Row& name : names) {
    TRY(transaction.Execute("DELETE FROM tracking_chunks WHERE run = ? AND name = ?", {run, name.Int(0)}));
    TRY(transaction.Execute("DELETE FROM tracking_stretches WHERE run = ? AND name = ?", {run, name.Int(0)}));
  }
  return !names.empty();
}

/// What a logged model's own tables hold of it.
Result<bool> ClearModel(db::Transaction& transaction, std::int64_t model) {
  const std::int64_t metrics =
      TRY(transaction.Execute("DELETE FROM tracking_logged_model_metrics WHERE model = ? AND name IN (SELECT name FROM"
                              " tracking_logged_model_metrics WHERE model = ? GROUP BY name LIMIT ?)",
                              {model, model, kMetricsAtATime}));
  if (metrics > 0) return true;
  TRY(transaction.Execute("DELETE FROM tracking_logged_model_params WHERE model = ?", {model}));
  TRY(transaction.Execute("DELETE FROM tracking_logged_model_tags WHERE model = ?", {model}));
  TRY(transaction.Execute("DELETE FROM tracking_imported_models WHERE model = ?", {model}));
  return false;
}

/// Those that no other run read.
Status ClearDatasets(db::Transaction& transaction, std::int64_t run) {
  TRY(
      transaction.Execute("DELETE FROM tracking_datasets WHERE id IN (SELECT dataset FROM tracking_inputs"
                          " WHERE run = ?) AND NOT EXISTS (SELECT 1 FROM tracking_inputs i"
                          " WHERE i.dataset = tracking_datasets.id AND i.run <> ?)",
                          {run, run}));
  return Ok();
}

Result<bool> ClearFiles(db::Transaction& transaction, const std::string& directory, std::int64_t now) {
  if (directory.empty()) return false;
  const db::Rows files =
      TRY(transaction.Query("SELECT path, digest FROM tracking_artifacts WHERE path > ? AND path < ?"
                            " ORDER BY path LIMIT ?",
                            {Cat(directory, "/"), Cat(directory, "0"), kFilesAtATime}));
  for (const db::Row& file : files) {
    TRY(
        transaction.Execute("INSERT INTO tracking_purged_blobs (digest, purged_at) VALUES (?, ?)"
                            " ON CONFLICT (digest) DO NOTHING",
                            {file.Text(1), now}));
    TRY(transaction.Execute("DELETE FROM tracking_artifacts WHERE path = ?", {file.Text(0)}));
  }
  return !files.empty();
}

}  // namespace

Result<bool> AnyToNotice(db::Snapshot& snapshot) {
  const db::Rows rows = TRY(snapshot.Query(
      Cat("SELECT 1 FROM (", kDeletedRuns, ") d WHERE d.number NOT IN", " (SELECT run FROM tracking_trash) UNION ALL",
          " SELECT 1 FROM tracking_trash WHERE run NOT IN (", kDeletedRuns, ") LIMIT 1")));
  return !rows.empty();
}

Status NoticeDeleted(db::Transaction& transaction, std::int64_t now) {
  TRY(transaction.Execute(Cat("DELETE FROM tracking_trash WHERE run NOT IN (", kDeletedRuns, ")")));
  TRY(transaction.Execute(Cat("INSERT INTO tracking_trash (run, deleted_at) SELECT d.number, ? FROM (", kDeletedRuns,
                              ") d WHERE d.number NOT IN (SELECT run FROM tracking_trash)"),
                          {now}));
  return Ok();
}

Result<std::vector<Trashed>> TrashedRuns(db::Snapshot& snapshot, std::int64_t before) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT r.number, r.id, r.name, r.experiment_id, t.deleted_at, e.artifact_location FROM tracking_trash t"
      " JOIN tracking_runs r ON r.number = t.run JOIN tracking_experiments e ON e.id = r.experiment_id"
      " WHERE r.stage = 'deleted' AND t.deleted_at <= ? ORDER BY t.deleted_at, r.number",
      {before}));
  std::vector<Trashed> runs;
  for (const db::Row& row : rows) runs.push_back(ReadTrashedRun(row));
  return runs;
}

Result<std::vector<Trashed>> TrashedModels(db::Snapshot& snapshot, std::int64_t before) {
  const db::Rows rows = TRY(
      snapshot.Query("SELECT m.number, m.id, m.name, m.experiment_id,"
                     " CASE WHEN m.stage = 'deleted' THEN m.updated_at ELSE e.updated_at END AS deleted_at,"
                     " e.artifact_location FROM tracking_logged_model_records m"
                     " JOIN tracking_experiments e ON e.id = m.experiment_id"
                     " WHERE (m.stage = 'deleted' AND m.updated_at <= ?) OR (e.stage = 'deleted' AND e.updated_at <= ?)"
                     " ORDER BY deleted_at, m.number",
                     {before, before}));
  std::vector<Trashed> models;
  for (const db::Row& row : rows) {
    Trashed model{row.Int(0), row.Text(1), row.Text(2), ExperimentId(Cat(row.Int(3))), row.Int(4), {}};
    const std::string location = LocationOf(row.Text(5), row.Int(3));
    model.artifact_uri = Cat(location, "/models/", model.id, "/artifacts");
    models.push_back(std::move(model));
  }
  return models;
}

Result<std::vector<Trashed>> EmptyDeletedExperiments(db::Snapshot& snapshot, std::int64_t before) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT e.id, e.name, e.updated_at, e.artifact_location FROM tracking_experiments e"
                         " WHERE e.stage = 'deleted' AND e.id <> 0 AND e.updated_at <= ? AND NOT EXISTS"
                         " (SELECT 1 FROM tracking_runs r WHERE r.experiment_id = e.id) AND NOT EXISTS"
                         " (SELECT 1 FROM tracking_logged_model_records m WHERE m.experiment_id = e.id) ORDER BY e.id",
                         {before}));
  std::vector<Trashed> experiments;
  for (const db::Row& row : rows) {
    const std::string id = Cat(row.Int(0));
    // A location that somebody chose may be somebody else's too: there each run's own directory goes, and no more.
    experiments.push_back({row.Int(0), id, row.Text(1), ExperimentId(id), row.Int(2),
                           row.Text(3).empty() ? LocationOf("", row.Int(0)) : ""});
  }
  return experiments;
}

Result<bool> TakeRun(db::Transaction& transaction, const Trashed& run, const std::optional<std::string>& place,
                     std::int64_t now) {
  const std::int64_t taken =
      TRY(transaction.Execute("DELETE FROM tracking_runs WHERE number = ? AND stage = 'deleted'", {run.number}));
  TRY(transaction.Execute("DELETE FROM tracking_trash WHERE run = ?", {run.number}));
  if (taken == 0) return false;
  Remains remains;
  remains.run = run.number;
  TRY(AddRemains(transaction, remains, place, now));
  return true;
}

Result<bool> TakeModel(db::Transaction& transaction, const Trashed& model, const std::optional<std::string>& place,
                       std::int64_t now) {
  const std::int64_t taken =
      TRY(transaction.Execute("DELETE FROM tracking_logged_model_records WHERE number = ? AND (stage = 'deleted' OR"
                              " experiment_id IN (SELECT id FROM tracking_experiments WHERE stage = 'deleted'))",
                              {model.number}));
  if (taken == 0) return false;
  Remains remains;
  remains.model = model.number;
  TRY(AddRemains(transaction, remains, place, now));
  return true;
}

Result<bool> TakeExperiment(db::Transaction& transaction, const Trashed& experiment,
                            const std::optional<std::string>& place, const std::vector<std::string>& tables,
                            std::int64_t now) {
  const db::Rows empty =
      TRY(transaction.Query("SELECT 1 FROM tracking_experiments e WHERE e.id = ? AND e.stage = 'deleted' AND NOT EXISTS"
                            " (SELECT 1 FROM tracking_runs r WHERE r.experiment_id = e.id) AND NOT EXISTS"
                            " (SELECT 1 FROM tracking_logged_model_records m WHERE m.experiment_id = e.id)",
                            {experiment.number}));
  if (empty.empty()) return false;
  for (const std::string& table : tables) {
    TRY(transaction.Execute(Cat("DELETE FROM ", table, " WHERE experiment_id = ?"), {experiment.number}));
  }
  TRY(transaction.Execute("DELETE FROM tracking_experiments WHERE id = ?", {experiment.number}));
  TRY(AddRemains(transaction, {}, place, now));
  return true;
}

Result<std::optional<Remains>> NextRemains(db::Snapshot& snapshot) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT id, run, model, artifacts FROM tracking_remains ORDER BY id LIMIT 1"));
  if (rows.empty()) return std::optional<Remains>();
  return std::optional(Remains{rows[0].Int(0), rows[0].Int(1), rows[0].Int(2), rows[0].Text(3)});
}

Result<bool> ClearPiece(db::Transaction& transaction, const Remains& remains, const std::vector<std::string>& tables,
                        std::int64_t now) {
  if (TRY(ClearFiles(transaction, remains.artifacts, now))) return true;
  if (remains.model >= 0) return ClearModel(transaction, remains.model);
  if (remains.run < 0) return false;
  if (TRY(ClearMetrics(transaction, remains.run))) return true;
  TRY(ClearDatasets(transaction, remains.run));
  for (const std::string& table : tables) {
    TRY(transaction.Execute(Cat("DELETE FROM ", table, " WHERE run = ?"), {remains.run}));
  }
  return false;
}

Status ForgetRemains(db::Transaction& transaction, const Remains& remains) {
  TRY(transaction.Execute("DELETE FROM tracking_remains WHERE id = ?", {remains.id}));
  return Ok();
}

Result<std::vector<std::string>> PurgedBlobs(db::Snapshot& snapshot, std::int64_t limit) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT digest FROM tracking_purged_blobs ORDER BY digest LIMIT ?", {limit}));
  std::vector<std::string> digests;
  for (const db::Row& row : rows) digests.push_back(row.Text(0));
  return digests;
}

Status ForgetBlob(db::Transaction& transaction, std::string_view digest) {
  TRY(transaction.Execute("DELETE FROM tracking_purged_blobs WHERE digest = ?", {std::string(digest)}));
  return Ok();
}

Result<std::vector<ExperimentSize>> SizesOfExperiments(db::Snapshot& snapshot) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT e.id, e.name, e.stage, e.artifact_location, COUNT(r.number),"
      " COUNT(CASE WHEN r.stage = 'deleted' THEN 1 END) FROM tracking_experiments e"
      " LEFT JOIN tracking_runs r ON r.experiment_id = e.id GROUP BY e.id, e.name, e.stage, e.artifact_location"
      " ORDER BY e.id"));
  std::vector<ExperimentSize> sizes;
  for (const db::Row& row : rows) {
    ExperimentSize size{
        ExperimentId(Cat(row.Int(0))), row.Text(1), ReadStage(row.Text(2)), row.Int(4), row.Int(5), 0, 0, 0};
    const std::string location = LocationOf(row.Text(3), row.Int(0));
    if (const auto place = ArtifactPlace(location); place && !place->empty()) {
      const db::Rows files =
          TRY(snapshot.Query("SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT)"
                             " FROM tracking_artifacts WHERE path > ? AND path < ?",
                             {Cat(*place, "/"), Cat(*place, "0")}));
      size.files = files[0].Int(0);
      size.artifact_bytes = files[0].Int(1);
    }
    const db::Rows points =
        TRY(snapshot.Query("SELECT CAST(COALESCE(SUM(LENGTH(c.points)), 0) AS BIGINT) FROM tracking_chunks c"
                           " WHERE c.run IN (SELECT number FROM tracking_runs WHERE experiment_id = ?)",
                           {row.Int(0)}));
    const db::Rows tails = TRY(
        snapshot.Query("SELECT CAST(COALESCE(SUM(tail_bytes), 0) AS BIGINT) FROM tracking_runs WHERE experiment_id = ?",
                       {row.Int(0)}));
    size.point_bytes = points[0].Int(0) + tails[0].Int(0);
    sizes.push_back(std::move(size));
  }
  return sizes;
}

Result<std::vector<RunAge>> AgesOfRuns(db::Snapshot& snapshot, const ExperimentId& experiment) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT id, status, started_at, ended_at FROM tracking_runs"
                         " WHERE experiment_id = ? AND stage = 'active'"
                         " ORDER BY started_at DESC, number DESC",
                         {NumberOf(experiment)}));
  std::vector<RunAge> ages;
  for (const db::Row& row : rows) {
    RunAge age;
    age.id = RunId(row.Text(0));
    age.status = TRY(ParseStatus(row.Text(1)));
    age.started = row.Int(2);
    if (!row.IsNull(3)) age.ended = row.Int(3);
    ages.push_back(std::move(age));
  }
  return ages;
}

}  // namespace store
}  // namespace mw::tracking
