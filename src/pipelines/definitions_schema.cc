// The schema of applied pipelines.
#include "pipelines/definitions.h"

namespace mw::pipelines {

std::vector<db::Migration> DefinitionMigrations() {
  return {{"pipeline_definitions", 1, R"sql(
CREATE TABLE pipeline_definition (
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  source TEXT NOT NULL,
  file_name TEXT NOT NULL,
  base_directory TEXT NOT NULL,
  applied_at BIGINT NOT NULL,
  PRIMARY KEY (name, version)
);
)sql"}};
}

}  // namespace mw::pipelines
