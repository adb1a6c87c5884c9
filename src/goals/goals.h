// The door of the goals module: applying goal files, reading them back, and recording how each target
// was judged. A version of a goal never changes; applying the same text again changes nothing.
// Any thread that runs coroutines. The caller has applied Migrations() (goals_schema.h) to the database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "db/database.h"
#include "goals/goal.h"
#include "goals/goal_store.h"
#include "goals/verdict.h"

namespace mw::goals {

/// What applying a file did, or would do.
struct Applied {
  std::string name;
  std::int64_t version = 0;  ///< the current version afterwards; 0 when it would be the first
  bool created = false;
  bool changed = false;  ///< also true when only comments or layout differ
  std::vector<Change> changes{};
  std::vector<std::string> warnings{};
};

/// Which model was judged and when; `id` makes recording idempotent (an attempt's id).
struct EvaluationContext {
  std::string id;
  Stage stage = Stage::kExperiment;
  std::string model;
  std::optional<std::int64_t> model_version;
  std::string run_id;
};

class Goals {
 public:
  /// Both outlive this.
  Goals(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Errors: kInvalidArgument with every complaint about the file.
  Task<Result<Applied>> Apply(std::string project, std::string source, std::string file_name);
  /// What Apply would do; changes nothing.
  Task<Result<Applied>> Plan(std::string project, std::string source, std::string file_name);

  /// Errors: kNotFound naming the goals there are.
  Task<Result<StoredGoal>> Get(std::string project, std::string name);
  Task<Result<std::vector<StoredGoal>>> List(std::string project);
  /// Every version applied at or after `since`, oldest first, at most `limit`.
  Task<Result<std::vector<StoredGoal>>> AppliedSince(std::string project, Timestamp since, int limit);

  /// Records each verdict under `context.id`; a second call with that id changes nothing.
  /// Errors: kNotFound for an unknown goal.
  Task<Status> Record(std::string project, std::string goal, EvaluationContext context,
                      std::vector<TargetVerdict> verdicts);
  /// The same as part of a greater change.
  Status Record(db::Transaction& transaction, const std::string& project, const std::string& goal,
                const EvaluationContext& context, const std::vector<TargetVerdict>& verdicts) const;
  /// The latest `limit` verdicts (at most 10,000), oldest first; of all targets when `target` is empty.
  Task<Result<std::vector<StoredVerdict>>> History(std::string project, std::string goal, std::string target,
                                                   int limit);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace mw::goals
