// Steps of the goals module's schema.
#include "goals/goals_schema.h"

namespace mw::goals {

std::vector<db::Migration> Migrations() {
  return {{"goals", 1, R"sql(
CREATE TABLE goals (
  project TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  parsed TEXT COLLATE "C" NOT NULL,
  applied_at BIGINT NOT NULL,
  PRIMARY KEY (project, name, version)
);
CREATE TABLE goal_evaluations (
  evaluation_id TEXT COLLATE "C" NOT NULL,
  position BIGINT NOT NULL,
  project TEXT COLLATE "C" NOT NULL,
  goal TEXT COLLATE "C" NOT NULL,
  goal_version BIGINT NOT NULL,
  stage TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  model_version BIGINT,
  run_id TEXT COLLATE "C" NOT NULL,
  target TEXT COLLATE "C" NOT NULL,
  metric TEXT COLLATE "C" NOT NULL,
  outcome TEXT COLLATE "C" NOT NULL,
  verdict TEXT COLLATE "C" NOT NULL,
  recorded_at BIGINT NOT NULL,
  PRIMARY KEY (evaluation_id, position)
);
CREATE INDEX goal_evaluations_by_goal ON goal_evaluations (project, goal, recorded_at);
)sql"}};
}

}  // namespace mw::goals
