// Goals and verdicts in the database.
#include "goals/goal_store.h"

#include <algorithm>
#include <utility>

namespace mw::goals {
namespace {

Result<StoredGoal> GoalOf(const db::Row& row) {
  StoredGoal goal{.project = row.Text(0), .name = row.Text(1), .version = row.Int(2), .source = row.Text(3)};
  goal.parsed = TRY(Json::Parse(row.Text(4)));
  goal.applied_at = FromMicros(row.Int(5));
  return goal;
}

Result<StoredVerdict> VerdictOf(const db::Row& row) {
  StoredVerdict verdict{.evaluation_id = row.Text(0),
                        .goal = row.Text(1),
                        .goal_version = row.Int(2),
                        .stage = row.Text(3),
                        .model = row.Text(4),
                        .run_id = row.Text(6),
                        .target = row.Text(7),
                        .metric = row.Text(8),
                        .outcome = row.Text(9)};
  if (!row.IsNull(5)) verdict.model_version = row.Int(5);
  verdict.verdict = TRY(Json::Parse(row.Text(10)));
  verdict.recorded_at = FromMicros(row.Int(11));
  return verdict;
}

}  // namespace

Result<std::optional<StoredGoal>> GoalStore::Current(db::Snapshot& snapshot, const std::string& project,
                                                     const std::string& name) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT project, name, version, source, parsed, applied_at FROM goals"
                         " WHERE project = ? AND name = ? ORDER BY version DESC LIMIT 1",
                         {project, name}));
  if (rows.empty()) return std::optional<StoredGoal>();
  return std::optional<StoredGoal>(TRY(GoalOf(rows.front())));
}

Result<std::vector<StoredGoal>> GoalStore::List(db::Snapshot& snapshot, const std::string& project) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT g.project, g.name, g.version, g.source, g.parsed, g.applied_at FROM goals g"
                         " WHERE g.project = ? AND g.version ="
                         " (SELECT MAX(h.version) FROM goals h WHERE h.project = g.project AND h.name = g.name)"
                         " ORDER BY g.name",
                         {project}));
  std::vector<StoredGoal> goals;
  for (const db::Row& row : rows) goals.push_back(TRY(GoalOf(row)));
  return goals;
}

Result<std::vector<StoredGoal>> GoalStore::AppliedSince(db::Snapshot& snapshot, const std::string& project,
                                                        Timestamp since, int limit) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT project, name, version, source, parsed, applied_at FROM goals"
                         " WHERE project = ? AND applied_at >= ? ORDER BY applied_at, name, version LIMIT ?",
                         {project, ToMicros(since), std::int64_t{limit}}));
  std::vector<StoredGoal> goals;
  for (const db::Row& row : rows) goals.push_back(TRY(GoalOf(row)));
  return goals;
}

Status GoalStore::Insert(db::Transaction& transaction, const StoredGoal& goal) {
  TRY(transaction.Execute(
      "INSERT INTO goals (project, name, version, source, parsed, applied_at) VALUES (?, ?, ?, ?, ?, ?)",
      {goal.project, goal.name, goal.version, goal.source, goal.parsed.Dump(), ToMicros(goal.applied_at)}));
  return Ok();
}

Result<bool> GoalStore::HasEvaluation(db::Snapshot& snapshot, const std::string& evaluation_id) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT 1 FROM goal_evaluations WHERE evaluation_id = ? LIMIT 1", {evaluation_id}));
  return !rows.empty();
}

Status GoalStore::InsertVerdict(db::Transaction& transaction, const std::string& project, std::int64_t position,
                                const StoredVerdict& verdict) {
  db::Value model_version;
  if (verdict.model_version) model_version.emplace<std::int64_t>(*verdict.model_version);
  TRY(transaction.Execute(
      "INSERT INTO goal_evaluations (evaluation_id, position, project, goal, goal_version, stage, model,"
      " model_version, run_id, target, metric, outcome, verdict, recorded_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {verdict.evaluation_id, position, project, verdict.goal, verdict.goal_version, verdict.stage, verdict.model,
       model_version, verdict.run_id, verdict.target, verdict.metric, verdict.outcome, verdict.verdict.Dump(),
       ToMicros(verdict.recorded_at)}));
  return Ok();
}

Result<std::vector<StoredVerdict>> GoalStore::History(db::Snapshot& snapshot, const std::string& project,
                                                      const std::string& goal, const std::string& target, int limit) {
  const db::Rows rows = TRY(
      snapshot.Query("SELECT evaluation_id, goal, goal_version, stage, model, model_version, run_id, target, metric,"
                     " outcome, verdict, recorded_at FROM goal_evaluations"
                     " WHERE project = ? AND goal = ? AND (? = '' OR target = ?)"
                     " ORDER BY recorded_at DESC, evaluation_id DESC, position DESC LIMIT ?",
                     {project, goal, target, target, std::int64_t{limit}}));
  std::vector<StoredVerdict> verdicts;
  for (const db::Row& row : rows) verdicts.push_back(TRY(VerdictOf(row)));
  std::reverse(verdicts.begin(), verdicts.end());
  return verdicts;
}

}  // namespace mw::goals
