// The only file of this module with SQL. Works inside transactions that the door opens; keeps no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "db/database.h"

namespace mw::goals {

/// One version of an applied goal.
struct StoredGoal {
  std::string project;
  std::string name;
  std::int64_t version = 0;  ///< 1, 2, ... for each name
  std::string source;        ///< the file's text
  Json parsed{};             ///< ToJson(Goal)
  Timestamp applied_at{};
};

/// One target judged once.
struct StoredVerdict {
  std::string evaluation_id;
  std::string goal;
  std::int64_t goal_version = 0;
  std::string stage;
  std::string model;
  std::optional<std::int64_t> model_version{};
  std::string run_id;
  std::string target;
  std::string metric;
  std::string outcome;
  Json verdict{};  ///< ToJson(TargetVerdict)
  Timestamp recorded_at{};
};

class GoalStore {
 public:
  /// The newest version, or nothing.
  static Result<std::optional<StoredGoal>> Current(db::Snapshot& snapshot, const std::string& project,
                                                   const std::string& name);
  /// The newest version of every goal of the project, by name.
  static Result<std::vector<StoredGoal>> List(db::Snapshot& snapshot, const std::string& project);
  /// Every version of the project's goals applied at or after `since`, oldest first, at most `limit`.
  static Result<std::vector<StoredGoal>> AppliedSince(db::Snapshot& snapshot, const std::string& project,
                                                      Timestamp since, int limit);
  static Status Insert(db::Transaction& transaction, const StoredGoal& goal);

  /// Whether verdicts were recorded under that id.
  static Result<bool> HasEvaluation(db::Snapshot& snapshot, const std::string& evaluation_id);
  static Status InsertVerdict(db::Transaction& transaction, const std::string& project, std::int64_t position,
                              const StoredVerdict& verdict);
  /// The latest `limit` verdicts of a goal, oldest first; of one target when `target` is not empty.
  static Result<std::vector<StoredVerdict>> History(db::Snapshot& snapshot, const std::string& project,
                                                    const std::string& goal, const std::string& target, int limit);
};

}  // namespace mw::goals
