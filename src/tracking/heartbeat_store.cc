// SQL of heartbeats: a row for each run that sends them and has not ended by itself.
#include "tracking/heartbeat_store.h"

#include "tracking/name_store.h"
#include "tracking/run_store.h"

namespace mw::tracking::store {

db::Migration HeartbeatMigration() {
  return {"heartbeats", 1, R"sql(
CREATE TABLE tracking_heartbeats (
  run BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  every BIGINT NOT NULL,
  lost BIGINT NOT NULL
);
)sql"};
}

Status PutHeartbeat(db::Transaction& transaction, const Heartbeat& heartbeat) {
  TRY(
      transaction.Execute("INSERT INTO tracking_heartbeats (run, at, every, lost) VALUES (?, ?, ?, 0)"
                          " ON CONFLICT (run) DO UPDATE SET at = excluded.at, every = excluded.every, lost = 0",
                          {heartbeat.run, ToMicros(heartbeat.at), std::int64_t{heartbeat.interval.count()}}));
  return Ok();
}

Result<std::vector<Heartbeat>> FindHeartbeats(db::Snapshot& snapshot) {
  std::vector<Heartbeat> heartbeats;
  for (const db::Row& row :
       TRY(snapshot.Query("SELECT h.run, r.id, h.at, h.every FROM tracking_heartbeats h JOIN tracking_runs r"
                          " ON r.number = h.run WHERE h.lost = 0 AND r.status = 'running' AND r.stage = 'active'"
                          " ORDER BY h.run"))) {
    heartbeats.push_back({row.Int(0), RunId(row.Text(1)), FromMicros(row.Int(2)), Duration(row.Int(3))});
  }
  return heartbeats;
}

Status MarkLost(db::Transaction& transaction, std::int64_t run) {
  TRY(transaction.Execute("UPDATE tracking_heartbeats SET lost = 1 WHERE run = ?", {run}));
  return Ok();
}

Result<bool> ForgetHeartbeat(db::Transaction& transaction, std::int64_t run) {
  const db::Rows rows = TRY(transaction.Query("DELETE FROM tracking_heartbeats WHERE run = ? RETURNING lost", {run}));
  if (rows.empty() || rows[0].Int(0) == 0) return false;
  if (const auto tag = TRY(FindName(transaction, Heartbeats::kLostTag))) {
    TRY(DeleteText(transaction, Texts::kTags, run, *tag));
  }
  return true;
}

}  // namespace mw::tracking::store
