// What versions were trained on, read from their packages: the baseline, the schema's units and ranges, and what the
// model leans on (Shapley values of the package's warm-up rows). Read once and kept while it is asked for.
// Any thread that runs coroutines; files are read on the workers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/task.h"
#include "blob/blob_store.h"
#include "explain/tree_shap.h"
#include "monitoring/detectors.h"
#include "registry/registry.h"

namespace mw::monitoring {

/// One version's package as monitoring needs it. Immutable.
struct PackagedBaseline {
  std::string package;  ///< digest
  std::string model;
  std::optional<BaselineView> view;               ///< nothing: the package has no baseline
  std::vector<std::string> features;              ///< in the model's order
  std::shared_ptr<const explain::TreeShap> shap;  ///< null when the model's answers cannot be attributed
};

class Baselines {
 public:
  static constexpr std::size_t kKept = 8;

  /// All outlive this.
  Baselines(registry::Registry& registry, blob::BlobStore& blobs, Executor& workers, DetectOptions options)
      : registry_(registry), blobs_(blobs), workers_(workers), options_(std::move(options)) {}

  /// Errors: kNotFound no such model or version; kDataLoss, kFailedPrecondition a baseline that cannot be read.
  Task<Result<std::shared_ptr<const PackagedBaseline>>> Of(std::string model, std::int64_t version);
  /// The detectors for windows of one length; null when there is no baseline.
  Task<std::shared_ptr<const Detectors>> DetectorsOf(std::shared_ptr<const PackagedBaseline> baseline, Duration length);

 private:
  registry::Registry& registry_;
  blob::BlobStore& blobs_;
  Executor& workers_;
  DetectOptions options_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const PackagedBaseline>> packages_ MW_GUARDED_BY(mutex_);  ///< by digest
  std::map<std::pair<std::string, Duration>, std::shared_ptr<const Detectors>> detectors_ MW_GUARDED_BY(mutex_);
};

/// Reads one package; blocks. Errors: kDataLoss, kFailedPrecondition.
Result<std::shared_ptr<const PackagedBaseline>> ReadPackagedBaseline(blob::BlobStore& blobs, const std::string& digest);

/// Runs `work` on the pool and waits for what it returns.
template <typename Work>
Task<std::invoke_result_t<Work>> OnWorkers(Executor& workers, Work work) {
  const Completion<std::invoke_result_t<Work>> done;
  const auto carried = std::make_shared<Work>(std::move(work));
  workers.Post([done, carried] { done.Set((*carried)()); });
  co_return co_await done;
}

}  // namespace mw::monitoring
