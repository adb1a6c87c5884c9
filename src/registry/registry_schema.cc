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
)sql"}};
}

}  // namespace mw::registry
