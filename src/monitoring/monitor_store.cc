// Remember: evaluated windows, and settings.
#include "monitoring/monitor_store.h"

#include "base/text.h"
#include "monitoring/evaluation_json.h"

namespace mw::monitoring {
namespace {

Result<Evaluation> FromText(const std::string& text) {
  const Json json = TRY(Json::Parse(text));
  return EvaluationFromJson(json).In("a stored window of monitoring");
}

}  // namespace

Status PutWindow(db::Transaction& transaction, const WindowKey& key, const std::string& fingerprint,
                 const std::string& document) {
  TRY(transaction.Execute(
      "INSERT INTO monitored_window (endpoint, version, window_start, window_length, fingerprint, document)"
      " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (endpoint, version, window_start) DO UPDATE SET"
      " window_length = excluded.window_length, fingerprint = excluded.fingerprint, document = excluded.document",
      {key.endpoint, key.version, ToMicros(key.start), std::int64_t{key.length.count()}, fingerprint, document}));
  return Ok();
}

Status DropWindow(db::Transaction& transaction, const WindowKey& key) {
  TRY(transaction.Execute("DELETE FROM monitored_window WHERE endpoint = ? AND version = ? AND window_start = ?",
                          {key.endpoint, key.version, ToMicros(key.start)}));
  return Ok();
}

Status DropOtherLengths(db::Transaction& transaction, const std::string& endpoint, std::int64_t version,
                        Duration length) {
  TRY(transaction.Execute("DELETE FROM monitored_window WHERE endpoint = ? AND version = ? AND window_length <> ?",
                          {endpoint, version, std::int64_t{length.count()}}));
  return Ok();
}

Result<std::map<Timestamp, std::string>> Fingerprints(db::Snapshot& snapshot, const std::string& endpoint,
                                                      std::int64_t version) {
  std::map<Timestamp, std::string> out;
  for (const db::Row& row :
       TRY(snapshot.Query("SELECT window_start, fingerprint FROM monitored_window WHERE endpoint = ? AND version = ?",
                          {endpoint, version}))) {
    out[FromMicros(row.Int(0))] = row.Text(1);
  }
  return out;
}

Result<std::optional<Duration>> StoredLength(db::Snapshot& snapshot, const std::string& endpoint,
                                             std::int64_t version) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT window_length FROM monitored_window WHERE endpoint = ? AND version = ? ORDER BY "
                         "window_start DESC LIMIT 1",
                         {endpoint, version}));
  if (rows.empty()) return std::optional<Duration>();
  return std::optional<Duration>(Duration(rows[0].Int(0)));
}

Result<std::optional<Evaluation>> WindowBefore(db::Snapshot& snapshot, const std::string& endpoint,
                                               std::int64_t version, Timestamp start) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT document FROM monitored_window WHERE endpoint = ? AND version = ? AND"
                         " window_start < ? ORDER BY window_start DESC LIMIT 1",
                         {endpoint, version, ToMicros(start)}));
  if (rows.empty()) return std::optional<Evaluation>();
  return std::optional<Evaluation>(TRY(FromText(rows[0].Text(0))));
}

Result<std::vector<Evaluation>> WindowsBetween(db::Snapshot& snapshot, const std::string& endpoint,
                                               std::int64_t version, Timestamp from, Timestamp until) {
  std::vector<Evaluation> out;
  // Not window_start + window_length > from: the least of times must not overflow.
  for (const db::Row& row :
       TRY(snapshot.Query("SELECT document FROM monitored_window WHERE endpoint = ? AND version = ? AND"
                          " window_start < ? ORDER BY window_start",
                          {endpoint, version, ToMicros(until)}))) {
    Evaluation evaluation = TRY(FromText(row.Text(0)));
    if (evaluation.until > from) out.push_back(std::move(evaluation));
  }
  return out;
}

Result<Settings> SettingsOf(db::Snapshot& snapshot, const std::string& endpoint) {
  const db::Rows rows = TRY(snapshot.Query("SELECT document FROM monitoring_settings WHERE endpoint = ?", {endpoint}));
  if (rows.empty()) return Settings();
  const Result<Json> json = Json::Parse(rows[0].Text(0));
  if (!json.ok()) return DataLoss("the stored settings of ", Quoted(endpoint), ": ", json.error().ToString());
  return SettingsFromJson(*json).In("stored settings");
}

Status PutSettings(db::Transaction& transaction, const std::string& endpoint, const Settings& settings) {
  TRY(
      transaction.Execute("INSERT INTO monitoring_settings (endpoint, document) VALUES (?, ?)"
                          " ON CONFLICT (endpoint) DO UPDATE SET document = excluded.document",
                          {endpoint, ToJson(settings).Dump()}));
  return Ok();
}

Result<std::vector<std::int64_t>> MonitoredVersions(db::Snapshot& snapshot, const std::string& endpoint) {
  std::vector<std::int64_t> out;
  for (const db::Row& row : TRY(snapshot.Query(
           "SELECT DISTINCT version FROM monitored_window WHERE endpoint = ? ORDER BY version", {endpoint}))) {
    out.push_back(row.Int(0));
  }
  return out;
}

}  // namespace mw::monitoring
