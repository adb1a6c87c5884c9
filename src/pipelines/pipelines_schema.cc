// The tables of pipelines. Times are microseconds UTC, 0: not yet. States are the names of run.h.
#include "pipelines/run_store.h"

namespace mw::pipelines {

std::vector<db::Migration> Migrations() {
  return {{"pipelines", 1, R"sql(
CREATE TABLE pipeline_run (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  project TEXT COLLATE "C" NOT NULL,
  pipeline TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  graph TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  base_directory TEXT COLLATE "C" NOT NULL,
  goal_file TEXT COLLATE "C" NOT NULL,
  cause TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL,
  started BIGINT NOT NULL,
  ended BIGINT NOT NULL
);
CREATE INDEX pipeline_run_by_state ON pipeline_run (state, id);
CREATE INDEX pipeline_run_by_pipeline ON pipeline_run (pipeline, id);
CREATE TABLE pipeline_task (
  run_id TEXT COLLATE "C" NOT NULL,
  position BIGINT NOT NULL,
  step TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  outcomes TEXT COLLATE "C" NOT NULL,
  attempt_id TEXT COLLATE "C" NOT NULL,
  not_before BIGINT NOT NULL,
  cache_key TEXT COLLATE "C" NOT NULL,
  cache_parts TEXT COLLATE "C" NOT NULL,
  cache_report TEXT COLLATE "C" NOT NULL,
  reused_from TEXT COLLATE "C" NOT NULL,
  summary TEXT COLLATE "C" NOT NULL,
  failure TEXT COLLATE "C" NOT NULL,
  findings TEXT COLLATE "C" NOT NULL,
  metrics TEXT COLLATE "C" NOT NULL,
  outputs TEXT COLLATE "C" NOT NULL,
  started BIGINT NOT NULL,
  ended BIGINT NOT NULL,
  PRIMARY KEY (run_id, position)
);
CREATE TABLE pipeline_event (
  id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  run_id TEXT COLLATE "C" NOT NULL,
  step TEXT COLLATE "C" NOT NULL,
  from_state TEXT COLLATE "C" NOT NULL,
  to_state TEXT COLLATE "C" NOT NULL,
  attempt_id TEXT COLLATE "C" NOT NULL,
  cause TEXT COLLATE "C" NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX pipeline_event_by_run ON pipeline_event (run_id, id);
CREATE TABLE pipeline_cache (
  cache_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
  pipeline TEXT COLLATE "C" NOT NULL,
  step TEXT COLLATE "C" NOT NULL,
  run_id TEXT COLLATE "C" NOT NULL,
  attempt_id TEXT COLLATE "C" NOT NULL,
  parts TEXT COLLATE "C" NOT NULL,
  outputs TEXT COLLATE "C" NOT NULL,
  summary TEXT COLLATE "C" NOT NULL,
  findings TEXT COLLATE "C" NOT NULL,
  metrics TEXT COLLATE "C" NOT NULL,
  created BIGINT NOT NULL
);
CREATE INDEX pipeline_cache_by_step ON pipeline_cache (pipeline, step, created);
)sql"}};
}

}  // namespace mw::pipelines
