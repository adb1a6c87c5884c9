// SQL of experiments.
#include "tracking/experiment_store.h"

#include "base/text.h"
#include "tracking/name_store.h"

namespace mw::tracking::store {
namespace {

constexpr std::string_view kColumns =
    "SELECT id, project, name, artifact_location, stage, created_at, updated_at"
    " FROM tracking_experiments ";

Experiment ReadExperiment(const db::Row& row) {
  Experiment experiment;
  experiment.id = ExperimentId(Cat(row.Int(0)));
  experiment.project = row.Text(1);
  experiment.name = row.Text(2);
  experiment.artifact_location = LocationOf(row.Text(3), row.Int(0));
  experiment.stage = ReadStage(row.Text(4));
  experiment.created = row.Int(5);
  experiment.updated = row.Int(6);
  return experiment;
}

Status ReadTags(db::Snapshot& snapshot, Experiment& experiment) {
  const db::Rows rows = TRY(snapshot.Query("SELECT key, value FROM tracking_experiment_tags WHERE experiment_id = ?",
                                           {NumberOf(experiment.id)}));
  for (const db::Row& row : rows) experiment.tags.emplace(row.Text(0), row.Text(1));
  return Ok();
}

Result<std::optional<Experiment>> ReadOne(db::Snapshot& snapshot, const db::Rows& rows) {
  if (rows.empty()) return std::optional<Experiment>();
  Experiment experiment = ReadExperiment(rows[0]);
  TRY(ReadTags(snapshot, experiment));
  return std::optional(std::move(experiment));
}

}  // namespace

std::int64_t NumberOf(const ExperimentId& id) { return ParseInt(id.text()).value_or(-1); }

Stage ReadStage(std::string_view kept) { return kept == StageName(Stage::kActive) ? Stage::kActive : Stage::kDeleted; }

std::string LocationOf(std::string_view kept, std::int64_t experiment) {
  return kept.empty() ? Cat("mlflow-artifacts:/", experiment) : std::string(kept);
}

Result<ExperimentId> InsertExperiment(db::Transaction& transaction, const Experiment& experiment) {
  const std::int64_t number = TRY(NextNumber(transaction, "experiments"));
  TRY(
      transaction.Execute("INSERT INTO tracking_experiments (id, project, name, artifact_location, stage, created_at,"
                          " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                          {number, experiment.project, experiment.name, experiment.artifact_location,
                           std::string(StageName(experiment.stage)), experiment.created, experiment.updated}));
  ExperimentId id(Cat(number));
  for (const auto& [key, value] : experiment.tags) TRY(SetExperimentTag(transaction, id, key, value));
  return id;
}

Result<std::optional<Experiment>> FindExperiment(db::Snapshot& snapshot, const ExperimentId& id) {
  return ReadOne(snapshot, TRY(snapshot.Query(Cat(kColumns, "WHERE id = ?"), {NumberOf(id)})));
}

Result<std::optional<Experiment>> FindExperimentByName(db::Snapshot& snapshot, std::string_view project,
                                                       std::string_view name) {
  return ReadOne(snapshot, TRY(snapshot.Query(Cat(kColumns, "WHERE project = ? AND name = ?"),
                                              {std::string(project), std::string(name)})));
}

Result<std::vector<Experiment>> FindExperiments(db::Snapshot& snapshot, std::string_view project) {
  const db::Rows rows = TRY(snapshot.Query(Cat(kColumns, "WHERE project = ? ORDER BY name"), {std::string(project)}));
  std::vector<Experiment> experiments;
  for (const db::Row& row : rows) {
    experiments.push_back(ReadExperiment(row));
    TRY(ReadTags(snapshot, experiments.back()));
  }
  return experiments;
}

Status RenameExperiment(db::Transaction& transaction, const ExperimentId& id, std::string_view name, std::int64_t now) {
  TRY(transaction.Execute("UPDATE tracking_experiments SET name = ?, updated_at = ? WHERE id = ?",
                          {std::string(name), now, NumberOf(id)}));
  return Ok();
}

Status SetExperimentStage(db::Transaction& transaction, const ExperimentId& id, Stage stage, std::int64_t now) {
  const std::string name(StageName(stage));
  TRY(transaction.Execute("UPDATE tracking_experiments SET stage = ?, updated_at = ? WHERE id = ?",
                          {name, now, NumberOf(id)}));
  TRY(transaction.Execute("UPDATE tracking_runs SET stage = ? WHERE experiment_id = ?", {name, NumberOf(id)}));
  return Ok();
}

Status SetExperimentTag(db::Transaction& transaction, const ExperimentId& id, std::string_view key,
                        std::string_view value) {
  TRY(
      transaction.Execute("INSERT INTO tracking_experiment_tags (experiment_id, key, value) VALUES (?, ?, ?)"
                          " ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value",
                          {NumberOf(id), std::string(key), std::string(value)}));
  return Ok();
}

Result<bool> DeleteExperimentTag(db::Transaction& transaction, const ExperimentId& id, std::string_view key) {
  return TRY(transaction.Execute("DELETE FROM tracking_experiment_tags WHERE experiment_id = ? AND key = ?",
                                 {NumberOf(id), std::string(key)}))
  > 0;
}

}  // namespace mw::tracking::store
