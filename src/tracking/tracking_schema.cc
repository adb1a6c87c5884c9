// The tables of tracking.
#include "tracking/dataset_store.h"
#include "tracking/heartbeat_store.h"
#include "tracking/logged_model_store.h"
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
)sql"},
          {"tracking", 2, R"sql(
ALTER TABLE tracking_experiments RENAME TO tracking_old_experiments;
ALTER TABLE tracking_runs RENAME TO tracking_old_runs;
ALTER TABLE tracking_metrics RENAME TO tracking_old_metrics;
ALTER TABLE tracking_params RENAME TO tracking_old_params;
ALTER TABLE tracking_tags RENAME TO tracking_old_tags;
DROP TABLE tracking_latest;
DROP INDEX tracking_runs_by_experiment;

-- The last number that was given away, so that none is given twice.
CREATE TABLE tracking_counters (
  name TEXT COLLATE "C" PRIMARY KEY,
  value BIGINT NOT NULL
);
-- Names of metrics, parameters and tags.
CREATE TABLE tracking_names (
  id BIGINT PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL UNIQUE
);
-- Times of experiments, runs and points are milliseconds, as clients send them.
CREATE TABLE tracking_experiments (
  id BIGINT PRIMARY KEY,
  project TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  artifact_location TEXT COLLATE "C" NOT NULL,
  stage TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (project, name)
);
CREATE TABLE tracking_experiment_tags (
  experiment_id BIGINT NOT NULL REFERENCES tracking_experiments (id),
  key TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (experiment_id, key)
) WITHOUT ROWID;
CREATE TABLE tracking_runs (
  number BIGINT PRIMARY KEY,
  id TEXT COLLATE "C" NOT NULL UNIQUE,
  experiment_id BIGINT NOT NULL REFERENCES tracking_experiments (id),
  name TEXT COLLATE "C" NOT NULL,
  user_id TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  stage TEXT COLLATE "C" NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT,
  -- Of the tail: batches so far, bytes that wait to be sealed.
  tail_count BIGINT NOT NULL,
  tail_bytes BIGINT NOT NULL
);
CREATE INDEX tracking_runs_by_start ON tracking_runs (experiment_id, stage, started_at, id);
-- Points as they came, a row for each batch; sealed into chunks when they are many.
CREATE TABLE tracking_tails (
  run BIGINT NOT NULL,
  number BIGINT NOT NULL,
  points BYTEA NOT NULL,
  PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE tracking_chunks (
  run BIGINT NOT NULL,
  name BIGINT NOT NULL,
  number BIGINT NOT NULL,
  count BIGINT NOT NULL,
  points BYTEA NOT NULL,
  PRIMARY KEY (run, name, number)
) WITHOUT ROWID;
-- The latest point of each metric: what lists of runs show, filter and sort by.
CREATE TABLE tracking_latest (
  run BIGINT NOT NULL,
  name BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  step BIGINT NOT NULL,
  logged_at BIGINT NOT NULL,
  PRIMARY KEY (run, name)
) WITHOUT ROWID;
CREATE INDEX tracking_latest_by_value ON tracking_latest (name, value);
-- `head`: the value's first characters, short enough for an index of any database.
CREATE TABLE tracking_params (
  run BIGINT NOT NULL,
  name BIGINT NOT NULL,
  head TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run, name)
) WITHOUT ROWID;
CREATE INDEX tracking_params_by_value ON tracking_params (name, head);
CREATE TABLE tracking_tags (
  run BIGINT NOT NULL,
  name BIGINT NOT NULL,
  head TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run, name)
) WITHOUT ROWID;
CREATE INDEX tracking_tags_by_value ON tracking_tags (name, head);

INSERT INTO tracking_experiments
  SELECT ROW_NUMBER() OVER (ORDER BY created_at, id), project, name, '', 'active', created_at / 1000, created_at / 1000
  FROM tracking_old_experiments;
INSERT INTO tracking_experiments VALUES (0, 'default', 'Default', '', 'active', 0, 0);
INSERT INTO tracking_counters SELECT 'experiments', MAX(id) FROM tracking_experiments;
INSERT INTO tracking_runs
  SELECT ROW_NUMBER() OVER (ORDER BY r.started_at, r.id), r.id, e.id, r.name, '', r.source, r.status, 'active',
    r.started_at / 1000, CASE WHEN r.status = 'running' THEN NULL ELSE r.ended_at / 1000 END, 0, 0
  FROM tracking_old_runs r
  JOIN tracking_old_experiments o ON o.id = r.experiment_id
  JOIN tracking_experiments e ON e.project = o.project AND e.name = o.name;
INSERT INTO tracking_counters SELECT 'runs', COALESCE(MAX(number), 0) FROM tracking_runs;
INSERT INTO tracking_names SELECT ROW_NUMBER() OVER (ORDER BY key), key FROM
  (SELECT key FROM tracking_old_metrics UNION SELECT key FROM tracking_old_params
   UNION SELECT key FROM tracking_old_tags) k;
INSERT INTO tracking_counters SELECT 'names', COALESCE(MAX(id), 0) FROM tracking_names;
INSERT INTO tracking_params SELECT r.number, n.id, SUBSTR(p.value, 1, 64), p.value FROM tracking_old_params p
  JOIN tracking_runs r ON r.id = p.run_id JOIN tracking_names n ON n.name = p.key;
INSERT INTO tracking_tags SELECT r.number, n.id, SUBSTR(t.value, 1, 64), t.value FROM tracking_old_tags t
  JOIN tracking_runs r ON r.id = t.run_id JOIN tracking_names n ON n.name = t.key;
-- Points one a row: packed when the program starts (Tracking::PackOldPoints), since SQL cannot.
CREATE TABLE tracking_old_points (
  run BIGINT NOT NULL,
  name BIGINT NOT NULL,
  step BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  logged_at BIGINT NOT NULL
);
CREATE INDEX tracking_old_points_by_run ON tracking_old_points (run);
INSERT INTO tracking_old_points SELECT r.number, n.id, m.step, m.value, m.logged_at / 1000 FROM tracking_old_metrics m
  JOIN tracking_runs r ON r.id = m.run_id JOIN tracking_names n ON n.name = m.key;
DROP TABLE tracking_old_metrics;
DROP TABLE tracking_old_params;
DROP TABLE tracking_old_tags;
DROP TABLE tracking_old_runs;
DROP TABLE tracking_old_experiments;
)sql"},
          {"tracking", 3, R"sql(
CREATE TABLE tracking_artifacts (
  path TEXT COLLATE "C" PRIMARY KEY,
  digest TEXT COLLATE "C" NOT NULL,
  size BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
) WITHOUT ROWID;
)sql"},
          {"tracking", 4, R"sql(
CREATE TABLE tracking_views (
  experiment_id BIGINT NOT NULL REFERENCES tracking_experiments (id),
  name TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  saved_by TEXT COLLATE "C" NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (experiment_id, name)
) WITHOUT ROWID;
)sql"},
          {"tracking", 5, R"sql(
-- What was imported: an experiment's id where it came from, and how far each run is.
CREATE TABLE tracking_imported_experiments (
  source TEXT COLLATE "C" NOT NULL,
  id TEXT COLLATE "C" NOT NULL,
  experiment BIGINT NOT NULL,
  PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE TABLE tracking_imported_runs (
  run BIGINT PRIMARY KEY,
  source TEXT COLLATE "C" NOT NULL,
  attempt TEXT COLLATE "C" NOT NULL,
  fingerprint TEXT COLLATE "C" NOT NULL,
  done BIGINT NOT NULL
);
)sql"},
          {"tracking", 6, R"sql(
-- What is known of the points of each chunk, so that charts need not read them all. A chunk may lack it.
CREATE TABLE tracking_stretches (
  run BIGINT NOT NULL,
  name BIGINT NOT NULL,
  number BIGINT NOT NULL,
  count BIGINT NOT NULL,
  nans BIGINT NOT NULL,
  time_first BIGINT NOT NULL,
  time_last BIGINT NOT NULL,
  step_least BIGINT NOT NULL,
  step_most BIGINT NOT NULL,
  value_first DOUBLE PRECISION NOT NULL,
  value_last DOUBLE PRECISION NOT NULL,
  value_least DOUBLE PRECISION NOT NULL,
  value_most DOUBLE PRECISION NOT NULL,
  -- 1: no step is less than the one before.
  ascending BIGINT NOT NULL,
  PRIMARY KEY (run, name, number)
) WITHOUT ROWID;
-- Searches over several experiments by time.
CREATE INDEX tracking_runs_by_time ON tracking_runs (started_at, id);
CREATE INDEX tracking_runs_by_status ON tracking_runs (status, number);
)sql"},
          {"tracking", 7, store::LoggedModelTables()},
          {"tracking", 8, R"sql(
INSERT INTO tracking_counters VALUES ('datasets', 0);
CREATE TABLE tracking_datasets (
  id BIGINT PRIMARY KEY,
  experiment_id BIGINT NOT NULL REFERENCES tracking_experiments (id),
  name TEXT COLLATE "C" NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  source_type TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  schema TEXT COLLATE "C" NOT NULL,
  profile TEXT COLLATE "C" NOT NULL,
  UNIQUE (experiment_id, name, digest)
);
CREATE INDEX tracking_datasets_by_name ON tracking_datasets (name);
CREATE INDEX tracking_datasets_by_digest ON tracking_datasets (digest);
CREATE TABLE tracking_inputs (
  run BIGINT NOT NULL,
  dataset BIGINT NOT NULL,
  PRIMARY KEY (run, dataset)
) WITHOUT ROWID;
CREATE INDEX tracking_inputs_by_dataset ON tracking_inputs (dataset, run);
CREATE TABLE tracking_input_tags (
  run BIGINT NOT NULL,
  dataset BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  head TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run, dataset, key)
) WITHOUT ROWID;
CREATE INDEX tracking_input_tags_by_value ON tracking_input_tags (key, head);
-- Models that a run read (`made` is 0) or made.
CREATE TABLE tracking_run_models (
  run BIGINT NOT NULL,
  made BIGINT NOT NULL,
  step BIGINT NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run, made, step, model)
) WITHOUT ROWID;
)sql"},
          store::DatasetMigration(),
          store::HeartbeatMigration(),
          store::LoggedModelMigration()};
}

}  // namespace mw::tracking
