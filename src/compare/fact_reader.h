// The door: what is known of a run or version, read from what other modules recorded. Any thread that runs coroutines.
#pragma once

#include <string>

#include "base/task.h"
#include "blob/blob_store.h"
#include "compare/facts.h"
#include "db/database.h"
#include "pipelines/pipelines.h"
#include "registry/registry.h"
#include "tracking/artifacts.h"
#include "tracking/tracking.h"

namespace mw::compare {

/// All outlive who holds them. `workers` read blobs.
struct FactSources {
  db::Database& database;
  registry::Registry& registry;
  tracking::Tracking& tracking;
  tracking::Artifacts& artifacts;
  pipelines::Pipelines& pipelines;
  blob::BlobStore& blobs;
  Executor& workers;
};

class FactReader {
 public:
  explicit FactReader(FactSources sources) : sources_(sources) {}

  /// `reference`: MODEL@VERSION (a number or alias), run:ID, or a run's id. Errors: kNotFound; kInvalidArgument.
  Task<Result<Facts>> Of(std::string reference);
  /// The run that others of the experiment are held against; empty: none is pinned. Errors: kNotFound no experiment.
  Task<Result<std::string>> Baseline(std::string experiment);

 private:
  Task<Result<Facts>> OfVersion(std::string model, std::string version);
  Task<Result<Facts>> OfRun(std::string run);
  Task<Status> TakeTracked(Facts& facts, bool must);
  Task<Status> TakeFiles(Facts& facts, std::string root);
  Task<Status> TakePipeline(Facts& facts, std::string package);
  Task<Status> TakeLineage(Facts& facts);
  Task<Status> ReadProfiles(Facts& facts);
  Task<Result<std::string>> ReadText(std::string digest, std::size_t bytes_max);

  FactSources sources_;
};

/// The experiment's tag that names the run which others are held against.
inline constexpr std::string_view kBaselineTag = "millwright.baseline";

}  // namespace mw::compare
