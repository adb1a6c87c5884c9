// Applies goals and records verdicts.
#include "goals/goals.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace mw::goals {
namespace {

constexpr int kHistoryMax = 10'000;

Applied Compare(const Goal& goal, const Json& parsed, const std::string& source,
                const std::optional<StoredGoal>& current) {
  Applied applied{.name = goal.name, .warnings = goal.warnings};
  applied.version = current ? current->version : 0;
  applied.created = !current;
  applied.changed = !current || current->source != source;
  applied.changes = Diff(current ? current->parsed : Json::MakeObject(), parsed);
  return applied;
}

Result<StoredGoal> Existing(db::Snapshot& snapshot, const std::string& project, const std::string& name) {
  std::optional<StoredGoal> goal = TRY(GoalStore::Current(snapshot, project, name));
  if (goal) return *std::move(goal);
  std::vector<std::string> names;
  for (const StoredGoal& other : TRY(GoalStore::List(snapshot, project))) names.push_back(other.name);
  return NotFound("there is no goal ", Quoted(name),
                  names.empty() ? "; apply one with `millwright apply -f goal.yaml`" : "; goals: ", Join(names, ", "));
}

StoredVerdict Stored(const StoredGoal& goal, const EvaluationContext& context, const TargetVerdict& verdict,
                     Timestamp now) {
  return {.evaluation_id = context.id,
          .goal = goal.name,
          .goal_version = goal.version,
          .stage = std::string(StageName(context.stage)),
          .model = context.model,
          .model_version = context.model_version,
          .run_id = context.run_id,
          .target = verdict.target,
          .metric = verdict.metric,
          .outcome = std::string(OutcomeName(verdict.outcome)),
          .verdict = ToJson(verdict),
          .recorded_at = now};
}

}  // namespace

Task<Result<Applied>> Goals::Apply(std::string project, std::string source, std::string file_name) {
  const Goal goal = CO_TRY(ParseGoal(source, file_name));
  const Json parsed = ToJson(goal);
  const Timestamp now = clock_.Now();
  co_return co_await database_.Write([&](db::Transaction& transaction) -> Result<Applied> {
    const std::optional<StoredGoal> current = TRY(GoalStore::Current(transaction, project, goal.name));
    Applied applied = Compare(goal, parsed, source, current);
    if (!applied.changed) return applied;
    ++applied.version;
    TRY(GoalStore::Insert(transaction, {project, goal.name, applied.version, source, parsed, now}));
    return applied;
  });
}

Task<Result<Applied>> Goals::Plan(std::string project, std::string source, std::string file_name) {
  const Goal goal = CO_TRY(ParseGoal(source, file_name));
  const Json parsed = ToJson(goal);
  co_return co_await database_.Read([&](db::Snapshot& snapshot) -> Result<Applied> {
    return Compare(goal, parsed, source, TRY(GoalStore::Current(snapshot, project, goal.name)));
  });
}

Task<Result<StoredGoal>> Goals::Get(std::string project, std::string name) {
  co_return co_await database_.Read(
      [&](db::Snapshot& snapshot) -> Result<StoredGoal> { return Existing(snapshot, project, name); });
}

Task<Result<std::vector<StoredGoal>>> Goals::List(std::string project) {
  co_return co_await database_.Read(
      [&](db::Snapshot& snapshot) -> Result<std::vector<StoredGoal>> { return GoalStore::List(snapshot, project); });
}

Task<Result<std::vector<StoredGoal>>> Goals::AppliedSince(std::string project, Timestamp since, int limit) {
  co_return co_await database_.Read([&](db::Snapshot& snapshot) -> Result<std::vector<StoredGoal>> {
    return GoalStore::AppliedSince(snapshot, project, since, limit);
  });
}

Status Goals::Record(db::Transaction& transaction, const std::string& project, const std::string& goal,
                     const EvaluationContext& context, const std::vector<TargetVerdict>& verdicts) const {
  if (TRY(GoalStore::HasEvaluation(transaction, context.id))) return Ok();
  const StoredGoal existing = TRY(Existing(transaction, project, goal));
  const Timestamp now = clock_.Now();
  std::int64_t position = 0;
  for (const TargetVerdict& verdict : verdicts) {
    TRY(GoalStore::InsertVerdict(transaction, project, position++, Stored(existing, context, verdict, now)));
  }
  return Ok();
}

Task<Status> Goals::Record(std::string project, std::string goal, EvaluationContext context,
                           std::vector<TargetVerdict> verdicts) {
  co_return co_await database_.Write(
      [&](db::Transaction& transaction) { return Record(transaction, project, goal, context, verdicts); });
}

Task<Result<std::vector<StoredVerdict>>> Goals::History(std::string project, std::string goal, std::string target,
                                                        int limit) {
  const int bounded = std::clamp(limit, 1, kHistoryMax);
  co_return co_await database_.Read([&](db::Snapshot& snapshot) -> Result<std::vector<StoredVerdict>> {
    return GoalStore::History(snapshot, project, goal, target, bounded);
  });
}

}  // namespace mw::goals
