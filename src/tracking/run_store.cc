// SQL of runs.
#include "tracking/run_store.h"

#include "base/text.h"
#include "tracking/experiment_store.h"
#include "tracking/name_store.h"

namespace mw::tracking::store {
namespace {

db::Value Ended(const Run& run) { return run.ended ? db::Value(*run.ended) : db::Value(nullptr); }

std::string_view RunTextsTable(Texts kind) { return kind == Texts::kParams ? "tracking_params" : "tracking_tags"; }

}  // namespace

Result<StoredRun> ReadRun(const db::Row& row) {
  StoredRun stored;
  stored.number = row.Int(0);
  Run& run = stored.run;
  run.id = RunId(row.Text(1));
  run.experiment = ExperimentId(Cat(row.Int(2)));
  run.name = row.Text(3);
  run.user = row.Text(4);
  run.source = row.Text(5);
  run.status = TRY(ParseStatus(row.Text(6)));
  run.stage = ReadStage(row.Text(7));
  run.started = row.Int(8);
  if (!row.IsNull(9)) run.ended = row.Int(9);
  run.artifact_uri = Cat(LocationOf(row.Text(10), row.Int(2)), "/", row.Text(1), "/artifacts");
  return stored;
}

/// Cut behind a whole character, so that heads stand in the order of the values.
std::string HeadOf(std::string_view value) {
  std::size_t size = std::min(value.size(), kHeadBytes);
  while (size < value.size() && (static_cast<unsigned char>(value[size]) & 0xC0U) == 0x80U) ++size;
  return std::string(value.substr(0, size));
}

Result<std::int64_t> InsertRun(db::Transaction& transaction, const Run& run) {
  const std::int64_t number = TRY(NextNumber(transaction, "runs"));
  TRY(transaction.Execute(
      "INSERT INTO tracking_runs (number, id, experiment_id, name, user_id, source, status, stage,"
      " started_at, ended_at, tail_count, tail_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
      {number, run.id.text(), NumberOf(run.experiment), run.name, run.user, run.source,
       std::string(StatusName(run.status)), std::string(StageName(run.stage)), run.started, Ended(run)}));
  return number;
}

Result<std::optional<StoredRun>> FindRun(db::Snapshot& snapshot, const RunId& id) {
  const db::Rows rows = TRY(snapshot.Query(Cat("SELECT ", kRunColumns, kRunTables, " WHERE r.id = ?"), {id.text()}));
  if (rows.empty()) return std::optional<StoredRun>();
  return std::optional<StoredRun>(TRY(ReadRun(rows[0])));
}

Status UpdateRun(db::Transaction& transaction, std::int64_t number, const Run& run) {
  TRY(transaction.Execute(
      "UPDATE tracking_runs SET name = ?, user_id = ?, source = ?, status = ?, stage = ?, started_at = ?, ended_at = ?"
      " WHERE number = ?",
      {run.name, run.user, run.source, std::string(StatusName(run.status)), std::string(StageName(run.stage)),
       run.started, Ended(run), number}));
  return Ok();
}

Result<std::vector<Run>> FindRuns(db::Snapshot& snapshot, std::string_view project, std::string_view experiment,
                                  const RunId& before, std::int64_t limit) {
  // Numbers ascend with time of creation.
  const db::Rows rows = TRY(snapshot.Query(
      Cat("SELECT ", kRunColumns, kRunTables,
          " WHERE e.project = ? AND e.name = ? AND r.stage = 'active' AND"
          " (? = '' OR r.number < (SELECT number FROM tracking_runs WHERE id = ?)) ORDER BY r.number DESC LIMIT ?"),
      {std::string(project), std::string(experiment), before.text(), before.text(), limit}));
  std::vector<Run> runs;
  for (const db::Row& row : rows) runs.push_back(TRY(ReadRun(row)).run);
  return runs;
}

Result<std::optional<LoggedRun>> TouchRun(db::Transaction& transaction, const RunId& id, std::int64_t bytes) {
  const db::Rows rows =
      TRY(transaction.Query("UPDATE tracking_runs SET tail_count = tail_count + 1, tail_bytes = tail_bytes + ?"
                            " WHERE id = ? RETURNING number, tail_count, tail_bytes, experiment_id, stage",
                            {bytes, id.text()}));
  if (rows.empty()) return std::optional<LoggedRun>();
  const db::Row& row = rows[0];
  return std::optional(
      LoggedRun{{row.Int(0), row.Int(1), row.Int(2)}, ExperimentId(Cat(row.Int(3))), ReadStage(row.Text(4))});
}

Result<std::optional<std::string>> FindText(db::Snapshot& snapshot, Texts kind, std::int64_t run, std::int64_t name) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT value FROM ", RunTextsTable(kind), " WHERE run = ? AND name = ?"), {run, name}));
  return rows.empty() ? std::optional<std::string>() : std::optional(rows[0].Text(0));
}

Status SetText(db::Transaction& transaction, Texts kind, std::int64_t run, std::int64_t name, std::string_view value) {
  TRY(transaction.Execute(Cat("INSERT INTO ", RunTextsTable(kind),
                              " (run, name, head, value) VALUES (?, ?, ?, ?) ON CONFLICT (run, name) DO UPDATE"
                              " SET head = excluded.head, value = excluded.value"),
                          {run, name, HeadOf(value), std::string(value)}));
  return Ok();
}

Result<bool> DeleteText(db::Transaction& transaction, Texts kind, std::int64_t run, std::int64_t name) {
  return TRY(transaction.Execute(Cat("DELETE FROM ", RunTextsTable(kind), " WHERE run = ? AND name = ?"), {run, name}))
  > 0;
}

}  // namespace mw::tracking::store
