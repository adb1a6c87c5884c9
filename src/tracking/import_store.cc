// SQL of imports.
#include "tracking/import_store.h"

#include "base/text.h"
#include "tracking/experiment_store.h"

namespace mw::tracking::store {
namespace {

/// Ids above are MLflow's random ones of its file store.
constexpr std::int64_t kCountedIdMax = std::int64_t{1} << 31;

}  // namespace

Result<std::optional<ExperimentId>> FindImportedExperiment(db::Snapshot& snapshot, std::string_view source,
                                                           std::string_view id) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT i.experiment FROM tracking_imported_experiments i JOIN tracking_experiments e"
                         " ON e.id = i.experiment WHERE i.source = ? AND i.id = ?",
                         {std::string(source), std::string(id)}));
  if (rows.empty()) return std::optional<ExperimentId>();
  return std::optional(ExperimentId(Cat(rows[0].Int(0))));
}

Status SetImportedExperiment(db::Transaction& transaction, std::string_view source, std::string_view id,
                             const ExperimentId& experiment) {
  TRY(
      transaction.Execute("INSERT INTO tracking_imported_experiments (source, id, experiment) VALUES (?, ?, ?)"
                          " ON CONFLICT (source, id) DO UPDATE SET experiment = excluded.experiment",
                          {std::string(source), std::string(id), NumberOf(experiment)}));
  return Ok();
}

Status InsertExperimentAs(db::Transaction& transaction, const Experiment& experiment) {
  const std::int64_t number = NumberOf(experiment.id);
  TRY(
      transaction.Execute("INSERT INTO tracking_experiments (id, project, name, artifact_location, stage, created_at,"
                          " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                          {number, experiment.project, experiment.name, experiment.artifact_location,
                           std::string(StageName(experiment.stage)), experiment.created, experiment.updated}));
  if (number < kCountedIdMax) {
    TRY(transaction.Execute("UPDATE tracking_counters SET value = ? WHERE name = 'experiments' AND value < ?",
                            {number, number}));
  }
  for (const auto& [key, value] : experiment.tags) TRY(SetExperimentTag(transaction, experiment.id, key, value));
  return Ok();
}

Status SetTimes(db::Transaction& transaction, const Experiment& experiment) {
  TRY(transaction.Execute("UPDATE tracking_experiments SET created_at = ?, updated_at = ? WHERE id = ?",
                          {experiment.created, experiment.updated, NumberOf(experiment.id)}));
  return Ok();
}

Result<std::optional<ImportRecord>> FindImport(db::Snapshot& snapshot, std::int64_t run) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT attempt, fingerprint, done FROM tracking_imported_runs WHERE run = ?", {run}));
  if (rows.empty()) return std::optional<ImportRecord>();
  return std::optional(ImportRecord{rows[0].Text(0), rows[0].Text(1), rows[0].Int(2) != 0});
}

Status SetImport(db::Transaction& transaction, std::int64_t run, std::string_view source, const ImportRecord& record) {
  TRY(
      transaction.Execute("INSERT INTO tracking_imported_runs (run, source, attempt, fingerprint, done)"
                          " VALUES (?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET attempt = excluded.attempt,"
                          " fingerprint = excluded.fingerprint, done = excluded.done",
                          {run, std::string(source), record.attempt, record.fingerprint, std::int64_t{record.done}}));
  return Ok();
}

Result<std::optional<ImportRecord>> FindModelImport(db::Snapshot& snapshot, std::int64_t model) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT fingerprint, done FROM tracking_imported_models WHERE model = ?", {model}));
  if (rows.empty()) return std::optional<ImportRecord>();
  return std::optional(ImportRecord{"", rows[0].Text(0), rows[0].Int(1) != 0});
}

Status SetModelImport(db::Transaction& transaction, std::int64_t model, std::string_view source,
                      const ImportRecord& record) {
  TRY(
      transaction.Execute("INSERT INTO tracking_imported_models (model, source, fingerprint, done) VALUES (?, ?, ?, ?)"
                          " ON CONFLICT (model) DO UPDATE SET fingerprint = excluded.fingerprint, done = excluded.done",
                          {model, std::string(source), record.fingerprint, std::int64_t{record.done}}));
  return Ok();
}

}  // namespace mw::tracking::store
