// Asks the cache about one step: computes its key from the files as they are now, finds the entry, makes sure that
// the artifacts still exist, and says why it is a hit or a miss. Used by the reconciler and by `plan` alike.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "blob/blob_store.h"
#include "db/database.h"
#include "pipelines/cache_key.h"
#include "pipelines/file_digests.h"
#include "pipelines/run_store.h"

namespace mw::pipelines {

struct CacheParts {
  db::Database& database;
  blob::BlobStore& blobs;
  Executor& workers;
  FileDigests& digests;
};

/// Where a step's key comes from besides the step itself.
struct KeySource {
  std::string base_directory;
  std::string goal_file;
  std::string program;  ///< version and build of the built-in steps
  std::vector<NamedArtifact> inputs;
};

struct LookupResult {
  CacheKey key;  ///< digest is empty when the step is never cached
  std::optional<CacheEntry> hit;
  std::string report;
};

/// `path` beneath the base directory; absolute paths stay as they are.
std::string PathIn(const std::string& base_directory, const std::string& path);

/// The key as the files are now. Blocks on files: on a worker. Errors: a file that cannot be read.
Result<CacheKey> CurrentKey(FileDigests& digests, const Step& step, const KeySource& source);

/// `step` outlives the task. Errors: the database's, and as CurrentKey.
Task<Result<LookupResult>> LookUp(CacheParts parts, std::string pipeline, const Step& step, KeySource source);

}  // namespace mw::pipelines
