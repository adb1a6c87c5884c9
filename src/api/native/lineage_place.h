// What people call things, as places in the graph of lineage: MODEL@VERSION, run:ID, endpoint:NAME, sha256:DIGEST,
// TYPE:TITLE, or an id. Any thread that runs coroutines.
#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "db/database.h"
#include "endpoints/endpoints.h"
#include "lineage/graph.h"
#include "registry/registry.h"

namespace mw::api::native {

struct LineagePlace {
  std::string reference;
  std::vector<lineage::ArtifactId> artifacts;    ///< of an execution what it made, or else what it read
  std::vector<lineage::ExecutionId> executions;  ///< of a run, or the one that was named
};

struct LineageParts {
  db::Database& database;
  registry::Registry& registry;
  endpoints::Endpoints& endpoints;
};

/// Errors: kNotFound nothing is called so, or nothing is recorded of it; kInvalidArgument an empty reference.
Task<Result<LineagePlace>> FindPlace(LineageParts parts, std::string reference);

}  // namespace mw::api::native
