// What people call things, as places in the graph of lineage: MODEL@VERSION, run:ID, endpoint:NAME, sha256:DIGEST,
// TYPE:TITLE (the newest of its digests), TYPE:TITLE@DIGEST, or an id. Any thread that runs coroutines.
#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "db/database.h"
#include "endpoints/endpoints.h"
#include "lineage/graph.h"
#include "registry/registry.h"

namespace mw::api::native {

/// One of the contents that a title has had.
struct TitledDigest {
  lineage::Artifact artifact;
  std::vector<std::string> runs;  ///< that read or made it, the newest first, at most kRunsShown
  bool more_runs = false;
  static constexpr std::int64_t kRunsShown = 20;
};

struct LineagePlace {
  static constexpr std::int64_t kDigestsShown = 50;
  std::string reference;
  std::vector<lineage::ArtifactId> artifacts;    ///< of an execution what it made, or else what it read
  std::vector<lineage::ExecutionId> executions;  ///< of a run, or the one that was named
  std::vector<TitledDigest> digests = {};        ///< of a title that has several: the newest first
};

struct LineageParts {
  db::Database& database;
  registry::Registry& registry;
  endpoints::Endpoints& endpoints;
};

/// Errors: kNotFound nothing is called so, or nothing is recorded of it; kInvalidArgument an empty reference.
Task<Result<LineagePlace>> FindPlace(LineageParts parts, std::string reference);

}  // namespace mw::api::native
