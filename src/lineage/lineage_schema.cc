// The tables of lineage.
#include "lineage/lineage.h"

namespace mw::lineage {

std::vector<db::Migration> Migrations() {
  return {{"lineage", 1, R"sql(
CREATE TABLE lineage_contexts (
  id TEXT COLLATE "C" PRIMARY KEY,
  project TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  UNIQUE (project, type, name)
);
CREATE TABLE lineage_executions (
  id TEXT COLLATE "C" PRIMARY KEY,
  project TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  code_version TEXT COLLATE "C" NOT NULL,
  configuration TEXT COLLATE "C" NOT NULL,
  environment TEXT COLLATE "C" NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL
);
CREATE TABLE lineage_artifacts (
  id TEXT COLLATE "C" PRIMARY KEY,
  project TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  metadata TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX lineage_artifacts_by_digest ON lineage_artifacts (project, digest, created_at);
CREATE TABLE lineage_events (
  execution_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_executions (id),
  direction TEXT COLLATE "C" NOT NULL CHECK (direction IN ('input', 'output')),
  port TEXT COLLATE "C" NOT NULL,
  artifact_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_artifacts (id),
  PRIMARY KEY (execution_id, direction, port)
);
CREATE INDEX lineage_events_by_artifact ON lineage_events (artifact_id, direction);
CREATE TABLE lineage_memberships (
  context_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_contexts (id),
  execution_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_executions (id),
  PRIMARY KEY (context_id, execution_id)
);
)sql"}};
}

}  // namespace mw::lineage
