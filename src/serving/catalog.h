// The models that this server answers with: endpoint name -> the live version, and the one before it,
// kept warm so that a rollback needs no loading.
//
//   (absent) --Deploy--> LOADING --self-check passed--> READY (live) --next Deploy--> READY (previous)
//                          \--load failed--> FAILED        --the one after that, Remove--> UNLOADING --> (absent)
//
// Owner: the serve process. Deploy, Remove and Statuses: one thread at a time (the follower's, or the start).
// Each server loop has a CatalogReader of its own: it locks a mutex that nobody else wants but while a new
// snapshot is handed over, so a request always sees one whole snapshot, none fails during a swap, and a
// replaced version is destroyed by the thread that replaced it, never inside a request.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "schema/name_table.h"
#include "serving/model.h"
#include "serving/recorded_version.h"
#include "serving/version_metrics.h"
#include "wire/desired_state.h"

namespace mw::serving {

/// A version as an endpoint serves it. Immutable but for its metrics.
struct ServedVersion {
  std::string endpoint;
  std::int64_t version = 0;
  std::string version_text;  ///< as clients see it: "3"
  std::string source;        ///< the package's digest, or the path it was loaded from
  std::shared_ptr<const Model> model;
  std::shared_ptr<const RecordedVersion> recorded;
  VersionMetrics metrics;
};

struct ServedEndpoint {
  std::shared_ptr<const ServedVersion> live;      ///< never null
  std::shared_ptr<const ServedVersion> previous;  ///< may be null
  /// The one with that version, or nullptr.
  [[nodiscard]] const ServedVersion* Find(std::string_view version_text) const;
};

struct Snapshot {
  schema::NameTable names;
  std::vector<ServedEndpoint> endpoints;  ///< as in `names`
  wire::ServingLimits limits;
  wire::RecordingRules recording;
  bool ready = false;  ///< whether the server has taken over what it was told to serve
  [[nodiscard]] const ServedEndpoint* Find(std::string_view name) const {
    const int at = names.Find(name);
    return at < 0 ? nullptr : &endpoints[static_cast<std::size_t>(at)];
  }
};

/// One loop's view. Lives as long as its catalog.
class CatalogReader {
 public:
  /// Calls `use` with the current snapshot, which stays whole until `use` returns. One thread.
  template <typename Use>
  decltype(auto) Read(Use&& use) {
    const Lock lock(mutex_);
    return std::forward<Use>(use)(*snapshot_);
  }

 private:
  friend class Catalog;
  void Replace(std::shared_ptr<const Snapshot> snapshot);
  Mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ MW_GUARDED_BY(mutex_);
};

class Catalog {
 public:
  /// `metrics` outlives the catalog.
  explicit Catalog(MetricsRegistry& metrics);

  /// Any thread. The reader belongs to the catalog.
  CatalogReader& NewReader();

  /// Makes `version` the live one of `endpoint`. `source` names the content: when the previous version has
  /// the same version and source, it is taken from memory. Otherwise the model is loaded from `path` while
  /// the old version goes on answering. Errors: those of Model::Load; then the old version stays live.
  Status Deploy(const std::string& endpoint, std::int64_t version, const std::string& source, const std::string& path);
  /// Records that a version could not even be fetched.
  void Fail(const std::string& endpoint, std::int64_t version, const Error& error);
  /// Forgets the endpoint and both its versions. Nothing happens when there is none.
  void Remove(const std::string& endpoint);
  void SetLimits(const wire::ServingLimits& limits);
  void SetRecording(const wire::RecordingRules& recording);
  void SetReady(bool ready);

  [[nodiscard]] std::vector<std::string> Endpoints() const;
  /// The live version, or nullptr.
  [[nodiscard]] std::shared_ptr<const ServedVersion> Live(const std::string& endpoint) const;
  /// Digests or paths of every version in memory.
  [[nodiscard]] std::vector<std::string> Sources() const;
  /// Of each endpoint the live version (READY) and, when it is another, the one that is on its way or failed.
  /// Any thread.
  [[nodiscard]] std::vector<wire::EndpointStatus> Statuses() const;

 private:
  struct Slot {
    std::shared_ptr<const ServedVersion> live;
    std::shared_ptr<const ServedVersion> previous;
    std::vector<wire::EndpointStatus> pending;  // at most one: loading or failed
  };
  using Slots = std::map<std::string, Slot, std::less<>>;

  std::shared_ptr<const ServedVersion> TakePrevious(const std::string& endpoint, std::int64_t version,
                                                    const std::string& source) const;
  void SetPending(const std::string& endpoint, std::int64_t version, wire::VersionState state, std::string error);
  void MakeLive(std::shared_ptr<const ServedVersion> version);
  void Publish();

  MetricsRegistry& metrics_;
  Counter& swaps_;
  mutable Mutex mutex_;
  Slots slots_ MW_GUARDED_BY(mutex_);
  wire::ServingLimits limits_ MW_GUARDED_BY(mutex_);
  wire::RecordingRules recording_ MW_GUARDED_BY(mutex_);
  bool ready_ MW_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const Snapshot> snapshot_ MW_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<CatalogReader>> readers_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::serving
