// What windows are held against: the baseline of the version's package, or an earlier span of its production, whole
// and slice by slice, made ready for an endpoint's settings. Packages are read once and kept while they are asked for:
// the baselines, the schema's units and ranges, and what the model leans on (Shapley values of the package's warm-up
// rows). Any thread that runs coroutines; files are read and references made on the workers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/task.h"
#include "blob/blob_store.h"
#include "explain/tree_shap.h"
#include "goals/goals.h"
#include "monitoring/detectors.h"
#include "monitoring/settings.h"
#include "monitoring/slice_detectors.h"
#include "predictions/predictions.h"
#include "registry/registry.h"
#include "schema/schema.h"

namespace mw::monitoring {

/// The one whose models and goals are watched.
inline constexpr std::string_view kProject = "default";

/// A slice of the training rows.
struct PackagedSlice {
  Slice slice;
  BaselineView view;
};

/// One version's package as monitoring needs it. Immutable.
struct PackagedBaseline {
  std::string package;  ///< digest
  std::string model;
  std::optional<BaselineView> view;     ///< nothing: the package has no baseline
  std::vector<PackagedSlice> slices;    ///< that the package keeps; none without a view
  std::vector<std::string> features;    ///< in the model's order
  std::vector<schema::Column> columns;  ///< the features' columns, likewise
  schema::Schema schema;
  std::shared_ptr<const explain::TreeShap> shap;  ///< null when the model's answers cannot be attributed
};

/// What windows of one version at one endpoint are held against. Immutable.
struct Reference {
  std::string identity;  ///< another one: the windows are evaluated again
  BaselineSummary baseline;
  std::shared_ptr<const Detectors> detectors;  ///< null: there is no baseline
  std::vector<SliceReference> slices;
};

/// Whose windows, and how they are looked at.
struct Watched {
  std::string endpoint;
  std::int64_t version = 0;
  std::shared_ptr<const PackagedBaseline> package;
  Settings settings;
  Duration length{};  ///< of the windows
};

class Baselines {
 public:
  static constexpr std::size_t kPackagesKept = 8;
  static constexpr std::size_t kReferencesKept = 16;
  /// A span of production with fewer sampled rows is no baseline; of more than so many a part is taken.
  static constexpr std::size_t kSpanRowsMin = 1'000;
  static constexpr std::size_t kSpanRowsMax = 400'000;

  /// All outlive this.
  Baselines(registry::Registry& registry, blob::BlobStore& blobs, goals::Goals& goals,
            predictions::Predictions& predictions, Executor& workers)
      : registry_(registry), blobs_(blobs), goals_(goals), predictions_(predictions), workers_(workers) {}

  /// Errors: kNotFound no such model or version; kDataLoss, kFailedPrecondition a baseline that cannot be read.
  Task<Result<std::shared_ptr<const PackagedBaseline>>> Of(std::string model, std::int64_t version);
  /// For the window that begins at `start`: the span of production that the settings name where it lies before, else
  /// what the version was trained on. Errors: the database's.
  Task<Result<std::shared_ptr<const Reference>>> ReferenceAt(Watched watched, Timestamp start);

 private:
  using ReferencePointer = std::shared_ptr<const Reference>;
  Task<Result<ReferencePointer>> Trained(Watched watched);
  Task<Result<ReferencePointer>> Earlier(Watched watched);
  Task<Result<std::vector<std::string>>> SliceColumns(const Watched& watched);
  [[nodiscard]] ReferencePointer Known(const std::string& identity);
  void Keep(const ReferencePointer& reference);

  registry::Registry& registry_;
  blob::BlobStore& blobs_;
  goals::Goals& goals_;
  predictions::Predictions& predictions_;
  Executor& workers_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<const PackagedBaseline>> packages_ MW_GUARDED_BY(mutex_);  ///< by digest
  std::map<std::string, ReferencePointer> references_ MW_GUARDED_BY(mutex_);                       ///< by identity
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
