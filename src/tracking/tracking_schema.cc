// The tables of tracking.
#include "tracking/tracking.h"

namespace mw::tracking {

std::vector<db::Migration> Migrations() {
  return {{"tracking", 1, R"sql(
CREATE TABLE tracking_experiments (
  id TEXT COLLATE "C" PRIMARY KEY,
  project TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (project, name)
);
CREATE TABLE tracking_runs (
  id TEXT COLLATE "C" PRIMARY KEY,
  experiment_id TEXT COLLATE "C" NOT NULL REFERENCES tracking_experiments (id),
  name TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL
);
CREATE INDEX tracking_runs_by_experiment ON tracking_runs (experiment_id, id);
CREATE TABLE tracking_metrics (
  run_id TEXT COLLATE "C" NOT NULL REFERENCES tracking_runs (id),
  key TEXT COLLATE "C" NOT NULL,
  attempt_id TEXT COLLATE "C" NOT NULL,
  step BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  logged_at BIGINT NOT NULL,
  PRIMARY KEY (run_id, key, attempt_id, step)
);
-- The point of the latest time, then step, of each metric: what lists of runs show.
CREATE TABLE tracking_latest (
  run_id TEXT COLLATE "C" NOT NULL REFERENCES tracking_runs (id),
  key TEXT COLLATE "C" NOT NULL,
  step BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  logged_at BIGINT NOT NULL,
  PRIMARY KEY (run_id, key)
);
CREATE TABLE tracking_params (
  run_id TEXT COLLATE "C" NOT NULL REFERENCES tracking_runs (id),
  key TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run_id, key)
);
CREATE TABLE tracking_tags (
  run_id TEXT COLLATE "C" NOT NULL REFERENCES tracking_runs (id),
  key TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run_id, key)
);
)sql"}};
}

}  // namespace mw::tracking
