// The tables of the registry.
#include "registry/registry.h"

namespace mw::registry {

std::vector<db::Migration> Migrations() {
  return {{"registry", 1, R"sql(
CREATE TABLE registry_models (
  project TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  last_version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project, name)
);
-- run_id and attempt_id are NULL when not given, so that the constraints leave those versions alone.
CREATE TABLE registry_versions (
  project TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  package TEXT COLLATE "C" NOT NULL,
  run_id TEXT COLLATE "C",
  attempt_id TEXT COLLATE "C",
  metrics TEXT COLLATE "C" NOT NULL,
  sources TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (project, model, version),
  UNIQUE (project, model, attempt_id),
  UNIQUE (project, model, run_id, package),
  FOREIGN KEY (project, model) REFERENCES registry_models (project, name)
);
CREATE TABLE registry_aliases (
  project TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  alias TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (project, model, alias),
  FOREIGN KEY (project, model, version) REFERENCES registry_versions (project, model, version)
);
-- Every move of an alias; a version of 0 is "none".
CREATE TABLE registry_alias_changes (
  project TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  alias TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  previous BIGINT NOT NULL,
  cause TEXT COLLATE "C" NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (project, model, number),
  FOREIGN KEY (project, model) REFERENCES registry_models (project, name)
);
)sql"},
          // Versions may be files at a source without a package; models and versions are described, tagged, renamed and
          // deleted; what belongs to a model comes and goes with it.
          {"registry", 2, R"sql(
ALTER TABLE registry_models ADD COLUMN description TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE registry_models ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE registry_models SET updated_at = created_at;
CREATE INDEX registry_models_by_update ON registry_models (project, updated_at, name);
-- attempt_id is NULL when not given, so that its constraint leaves those versions alone.
CREATE TABLE registry_versions_now (
  project TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  package TEXT COLLATE "C" NOT NULL,
  run_id TEXT COLLATE "C" NOT NULL,
  attempt_id TEXT COLLATE "C",
  metrics TEXT COLLATE "C" NOT NULL,
  sources TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL,
  source_uri TEXT COLLATE "C" NOT NULL,
  storage_uri TEXT COLLATE "C" NOT NULL,
  logged_model TEXT COLLATE "C" NOT NULL,
  run_link TEXT COLLATE "C" NOT NULL,
  description TEXT COLLATE "C" NOT NULL,
  stage TEXT COLLATE "C" NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (project, model, version),
  UNIQUE (project, model, attempt_id),
  FOREIGN KEY (project, model) REFERENCES registry_models (project, name) ON UPDATE CASCADE ON DELETE CASCADE
);
INSERT INTO registry_versions_now (project, model, version, package, run_id, attempt_id, metrics, sources, created_at,
  source_uri, storage_uri, logged_model, run_link, description, stage, updated_at)
  SELECT project, model, version, package, COALESCE(run_id, ''), attempt_id, metrics, sources, created_at,
    '', '', '', '', '', 'None', created_at FROM registry_versions;
CREATE TABLE registry_aliases_now (
  project TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  alias TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  PRIMARY KEY (project, model, alias),
  FOREIGN KEY (project, model, version) REFERENCES registry_versions_now (project, model, version)
    ON UPDATE CASCADE ON DELETE CASCADE
);
INSERT INTO registry_aliases_now (project, model, alias, version)
  SELECT project, model, alias, version FROM registry_aliases;
CREATE TABLE registry_alias_changes_now (
  project TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  alias TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  previous BIGINT NOT NULL,
  cause TEXT COLLATE "C" NOT NULL,
  changed_at BIGINT NOT NULL,
  PRIMARY KEY (project, model, number),
  FOREIGN KEY (project, model) REFERENCES registry_models (project, name) ON UPDATE CASCADE ON DELETE CASCADE
);
INSERT INTO registry_alias_changes_now (project, model, number, alias, version, previous, cause, changed_at)
  SELECT project, model, number, alias, version, previous, cause, changed_at FROM registry_alias_changes;
DROP TABLE registry_aliases;
DROP TABLE registry_alias_changes;
DROP TABLE registry_versions;
ALTER TABLE registry_versions_now RENAME TO registry_versions;
ALTER TABLE registry_aliases_now RENAME TO registry_aliases;
ALTER TABLE registry_alias_changes_now RENAME TO registry_alias_changes;
CREATE INDEX registry_versions_by_package ON registry_versions (project, model, package);
CREATE INDEX registry_versions_by_stage ON registry_versions (project, model, stage, version);
CREATE INDEX registry_versions_by_run ON registry_versions (project, run_id);
CREATE INDEX registry_versions_by_update ON registry_versions (project, updated_at DESC, model, version DESC);
CREATE INDEX registry_aliases_by_version ON registry_aliases (project, model, version);
-- head: how the value begins; an index entry must stay small, a value need not.
CREATE TABLE registry_model_tags (
  project TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  head TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (project, model, key),
  FOREIGN KEY (project, model) REFERENCES registry_models (project, name) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX registry_model_tags_by_key ON registry_model_tags (project, key, head, model);
CREATE TABLE registry_version_tags (
  project TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  head TEXT COLLATE "C" NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (project, model, version, key),
  FOREIGN KEY (project, model, version) REFERENCES registry_versions (project, model, version)
    ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX registry_version_tags_by_key ON registry_version_tags (project, key, head, model, version);
)sql"},
          {"registry", 3, R"sql(
CREATE INDEX registry_versions_by_logged_model ON registry_versions (project, logged_model)
  WHERE logged_model <> '';
)sql"}};
}

}  // namespace mw::registry
