// The tables of lineage.
#include "lineage/lineage.h"

namespace mw::lineage {
namespace {

// Events are read by execution and, covered by an index, by artifact. A property is a member of metadata that can be
// searched by; its owner is "a:", "e:" or "c:" and an id.
constexpr std::string_view kMetadata = R"sql(
ALTER TABLE lineage_artifacts ADD COLUMN title TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lineage_artifacts ADD COLUMN uri TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lineage_artifacts ADD COLUMN state TEXT COLLATE "C" NOT NULL DEFAULT 'live';
ALTER TABLE lineage_artifacts ADD COLUMN schema_version TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lineage_artifacts ADD COLUMN description TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lineage_artifacts ADD COLUMN labels TEXT COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE lineage_artifacts ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lineage_artifacts ADD COLUMN searchable BIGINT NOT NULL DEFAULT 0;
UPDATE lineage_artifacts SET updated_at = created_at;
CREATE INDEX lineage_artifacts_by_title ON lineage_artifacts (project, type, title, created_at);
CREATE INDEX lineage_artifacts_by_time ON lineage_artifacts (project, created_at, id);
CREATE INDEX lineage_artifacts_old ON lineage_artifacts (id) WHERE searchable = 0;
ALTER TABLE lineage_executions ADD COLUMN metadata TEXT COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE lineage_executions ADD COLUMN schema_version TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lineage_executions ADD COLUMN description TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lineage_executions ADD COLUMN labels TEXT COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE lineage_executions ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lineage_executions ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE lineage_executions SET created_at = started_at, updated_at = ended_at;
CREATE INDEX lineage_executions_by_time ON lineage_executions (project, created_at, id);
ALTER TABLE lineage_contexts ADD COLUMN metadata TEXT COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE lineage_contexts ADD COLUMN schema_version TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lineage_contexts ADD COLUMN description TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE lineage_contexts ADD COLUMN labels TEXT COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE lineage_contexts ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lineage_contexts ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX lineage_contexts_by_time ON lineage_contexts (project, created_at, id);
ALTER TABLE lineage_events ADD COLUMN at BIGINT NOT NULL DEFAULT 0;
DROP INDEX lineage_events_by_artifact;
CREATE INDEX lineage_events_by_artifact ON lineage_events (artifact_id, direction, execution_id, port, at);
CREATE INDEX lineage_memberships_by_execution ON lineage_memberships (execution_id, context_id);
CREATE TABLE lineage_attributions (
  context_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_contexts (id),
  artifact_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_artifacts (id),
  PRIMARY KEY (context_id, artifact_id)
);
CREATE INDEX lineage_attributions_by_artifact ON lineage_attributions (artifact_id, context_id);
CREATE TABLE lineage_parents (
  context_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_contexts (id),
  parent_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_contexts (id),
  PRIMARY KEY (context_id, parent_id)
);
CREATE INDEX lineage_parents_by_parent ON lineage_parents (parent_id, context_id);
CREATE TABLE lineage_properties (
  owner TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  number DOUBLE PRECISION,
  text TEXT COLLATE "C",
  truth BIGINT,
  PRIMARY KEY (owner, name)
);
CREATE INDEX lineage_properties_by_number ON lineage_properties (name, number);
CREATE INDEX lineage_properties_by_text ON lineage_properties (name, text)
)sql";

// A walk reads events both ways from an index alone, without a look at the table: SQLite's table is the index.
constexpr std::string_view kCoveredEvents = R"sql(
CREATE TABLE lineage_events_covered (
  execution_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_executions (id),
  direction TEXT COLLATE "C" NOT NULL CHECK (direction IN ('input', 'output')),
  port TEXT COLLATE "C" NOT NULL,
  artifact_id TEXT COLLATE "C" NOT NULL REFERENCES lineage_artifacts (id),
  at BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (execution_id, direction, port) INCLUDE (artifact_id, at)
) WITHOUT ROWID;
INSERT INTO lineage_events_covered (execution_id, direction, port, artifact_id, at)
  SELECT execution_id, direction, port, artifact_id, at FROM lineage_events ORDER BY execution_id, direction, port;
DROP TABLE lineage_events;
ALTER TABLE lineage_events_covered RENAME TO lineage_events;
CREATE INDEX lineage_events_by_artifact ON lineage_events (artifact_id, direction, execution_id, port, at)
)sql";

// A walk down asks what each execution made more often than anything else: by an index of that alone, a fifth as large.
constexpr std::string_view kMade = R"sql(
CREATE INDEX lineage_events_made ON lineage_events (execution_id, artifact_id) WHERE direction = 'output'
)sql";

}  // namespace

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
)sql"},
          {"lineage", 2, std::string(kMetadata)},
          {"lineage", 3, std::string(kCoveredEvents)},
          {"lineage", 4, std::string(kMade)}};
}

}  // namespace mw::lineage
