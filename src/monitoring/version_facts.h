// How the versions of a model came about: from their packages, and from the runs that made them. Facts of a version
// never change, so they are read once. Any thread that runs coroutines; files are read on the workers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/task.h"
#include "blob/blob_store.h"
#include "evaluation/answers.h"
#include "evaluation/report.h"
#include "registry/registry.h"
#include "schema/schema.h"

namespace mw::monitoring {

/// What is known of a version, from its package and the run that made it.
struct VersionFacts {
  std::int64_t version = 0;
  std::optional<Timestamp> trained_until;                   ///< event time of the last training row
  evaluation::TrainingLabels training;                      ///< what the training rows' labels were like
  std::vector<std::string> classes;                         ///< of several, in the order of the model's outputs
  schema::Schema schema;                                    ///< of its inputs; without columns when unknown
  std::optional<evaluation::Report> report;                 ///< of the step that evaluated it
  std::string pipeline;                                     ///< that made it; empty when none did
  std::vector<std::pair<std::string, std::string>> params;  ///< of that run
};

/// What the run that made a version knows.
struct RunFacts {
  std::string pipeline;
  std::vector<std::pair<std::string, std::string>> params;
  std::string report;  ///< digest of the evaluation's report; empty when nothing evaluated it
};
/// The question that monitoring asks of those who carry runs out; the program plugs the answer in.
class RunSource {
 public:
  virtual ~RunSource() = default;
  /// Errors: kNotFound no such run.
  virtual Task<Result<RunFacts>> Of(std::string run_id, std::string package) = 0;
};

class VersionBook {
 public:
  /// Older versions are not read.
  static constexpr std::size_t kVersionsMax = 50;

  /// All outlive this.
  VersionBook(registry::Registry& registry, blob::BlobStore& blobs, RunSource& runs, Executor& workers)
      : registry_(registry), blobs_(blobs), runs_(runs), workers_(workers) {}

  /// The newest first. What cannot be found out of one is left out of it; an unknown model has none.
  Task<Result<std::vector<VersionFacts>>> Versions(std::string model);

 private:
  Task<VersionFacts> Read(registry::ModelVersion version);

  registry::Registry& registry_;
  blob::BlobStore& blobs_;
  RunSource& runs_;
  Executor& workers_;
  Mutex mutex_;
  std::map<std::pair<std::string, std::int64_t>, VersionFacts> known_ MW_GUARDED_BY(mutex_);
};

/// Of the package's files alone. Errors: kInvalidArgument, kFailedPrecondition.
Result<VersionFacts> FactsOfPackage(std::string_view package_json, std::string_view schema_json);

}  // namespace mw::monitoring
