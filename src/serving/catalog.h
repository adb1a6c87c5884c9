// The models that this server answers with: endpoints, their versions and how requests are shared among them; loaded
// in the background, swapped at once, unloaded when the memory is full and brought back when they are asked for.
//
//   (absent) --Want--> NEW --a loader is free--> LOADING --self-check passed--> READY --nobody wants it--> (absent)
//                       ^                           |                             |
//                       |                           +--failed--> FAILED           +--memory is wanted, Unload-->
//                       UNLOADED
//                       +--wanted again-------------------'      (with the error)                                  |
//                       +--EnsureLoaded, Load------------------------------------------------------------------'
// What is in force while versions load, and what is unloaded for whom: life_cycle.h.
//
// Owner: the serve process. Any thread may call. Each server loop has a CatalogReader of its own: it locks a mutex
// that nobody else wants but while a new snapshot is handed over, so a request always sees one whole snapshot and none
// fails during a swap. A version that was replaced is destroyed by the thread that replaced it or, when somebody still
// holds it (a request that waits for its batch), later by the catalog's own: never inside a request.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "serving/batcher.h"
#include "serving/life_cycle.h"
#include "serving/load_pool.h"
#include "serving/memory_estimate.h"
#include "serving/served.h"
#include "wire/desired_state.h"

namespace mw::serving {

/// Where the content of versions is found, and what else is known of it.
class ModelSource {
 public:
  virtual ~ModelSource() = default;
  /// The path of what `source` names, fetched first if need be. On a loader's thread; several at once.
  virtual Result<std::string> Locate(const std::string& source) = 0;
  /// What Locate gave turned out not to be what it should (kDataLoss); the next Locate finds it anew. The same threads.
  virtual void Damaged(const std::string& source) { static_cast<void>(source); }
  /// How it is to be run; null: as the server does. The same threads.
  virtual std::shared_ptr<const ModelConfig> Config(const std::string& source) {
    static_cast<void>(source);
    return nullptr;
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

struct LoadRequest {
  std::string endpoint;
  std::int64_t version = 0;
  std::string path;
  std::shared_ptr<const ModelConfig> config;  ///< may be null
  /// To be told what is being done, by a load that takes long; from then on it keeps no other one from beginning.
  std::function<void(std::string_view)> progress = {};
  [[nodiscard]] StatedTensors Stated() const {
    return config == nullptr ? StatedTensors{} : StatedTensors{config->inputs, config->outputs};
  }
};

struct CatalogOptions {
  int loaders = 0;                    ///< threads that load; 0: one for each core
  std::int64_t memory_bytes_max = 0;  ///< of all models together; 0: no bound
  /// How a path becomes a model, how much memory it will take, and takes: 0 when that is not known.
  std::function<Result<std::shared_ptr<const Model>>(const LoadRequest& request)> load =
      [](const LoadRequest& request) { return Model::Load(request.path, {}, {}, request.Stated()); };
  std::function<std::int64_t(const std::string& path)> estimate = &EstimateMemoryBytes;
  /// Told of each version that left the memory, when nobody uses it any more; outside any lock. May be null.
  std::function<void(const Model& model)> gone{};
  std::function<std::int64_t(const Model& model)> measure = [](const Model& model) { return model.memory_bytes(); };
  /// Drives the workers of models that foreign code runs; outlives every version. Null: there are none such.
  Batcher* batcher = nullptr;
  BatchSettings batching = {};
};

class Catalog {
 public:
  /// `metrics` outlives the catalog.
  explicit Catalog(MetricsRegistry& metrics, CatalogOptions options = {});
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  /// The reader belongs to the catalog.
  CatalogReader& NewReader();

  /// Wants this from now on; versions that are not there are loaded in the background, and what is in memory with the
  /// same number and content is taken from there. A load that has not begun and is not wanted any more never does.
  /// Wanting the same again tries again what FAILED. Returns at once.
  void Want(wire::DesiredEndpoint endpoint, std::shared_ptr<ModelSource> source);
  /// Forgets the endpoint and all its versions. Nothing happens when there is none.
  void Remove(const std::string& endpoint);
  /// Wants one version for all requests, found at `path`, and waits until it is in force. `source` names the content.
  /// Errors: those of Model::Load; then what was in force stays so. kCancelled: something else was wanted meanwhile.
  Status Deploy(const std::string& endpoint, std::int64_t version, const std::string& source, const std::string& path);

  /// Brings a version into memory that was unloaded for others' sake, or waits for one that is on its way, and then
  /// calls `done` (may be null): at once, in this thread, when there is nothing to wait for, else on a loader's thread.
  /// Also inside CatalogReader::Read. Errors, through `done`: kNotFound; those of the load; kFailedPrecondition when
  /// the endpoint was unloaded by name; kResourceExhausted when too many wait already; kDeadlineExceeded when it is
  /// `until` (Clock::Elapsed) first.
  void EnsureLoaded(const std::string& endpoint, std::int64_t version, Loaded done, Duration until = Duration::max());
  /// Takes all versions of the endpoint out of the memory until it is wanted or loaded again. Errors: kNotFound.
  Status Unload(const std::string& endpoint);
  /// Brings them back, and tries again what FAILED; `done` hears of the primary one that is wanted, not of an older
  /// content that answers until then. Errors, through `done`: as EnsureLoaded.
  void Load(const std::string& endpoint, Loaded done);

  void SetLimits(const wire::ServingLimits& limits);
  void SetRecording(const wire::RecordingRules& recording);
  void SetAdmission(const wire::AdmissionRules& admission);
  /// 0: no bound. A smaller one is held at the next load.
  void SetMemoryMax(std::int64_t bytes);
  /// True: the server is ready once something answers at every endpoint that is wanted, and from then on stays so,
  /// whatever is wanted later. False: not ready.
  void SetReady(bool ready);

  /// Runs it on a loader's thread, when one is free.
  void RunAside(std::function<void()> job) { pool_.Submit(std::move(job)); }
  /// Waits until nothing is NEW or LOADING; false when `at_most` passed first.
  bool WaitSettled(std::chrono::milliseconds at_most);
  [[nodiscard]] std::vector<std::string> Endpoints() const;
  /// The version that answers, the primary one of several; nullptr when none is in memory.
  [[nodiscard]] std::shared_ptr<const ServedVersion> Live(const std::string& endpoint) const;
  /// What answers at each endpoint now, which may be less, or older, than what is wanted.
  [[nodiscard]] std::vector<wire::DesiredEndpoint> InForce() const;
  /// Why versions are FAILED.
  [[nodiscard]] std::vector<Error> Failures() const;
  /// Sources of every version that is known.
  [[nodiscard]] std::vector<std::string> Sources() const;
  /// Of every version of every endpoint: those in force first, the primary one before the others.
  [[nodiscard]] std::vector<wire::EndpointStatus> Statuses() const;
  [[nodiscard]] std::int64_t memory_bytes_max() const;

 private:
  struct Slot {
    EndpointCycle cycle;
    std::shared_ptr<ModelSource> source;
  };
  using Slots = std::map<std::string, Slot, std::less<>>;
  class FileSource;
  struct LoadTicket {
    std::string endpoint;
    VersionKey key;
    std::uint64_t load = 0;
  };
  /// What is to be done once no lock is held any more.
  struct Aftermath;

  void StartLoads(Slot& slot) MW_REQUIRES(mutex_);
  void RunLoad(const LoadTicket& ticket);
  Result<std::shared_ptr<const ServedVersion>> LoadVersion(const LoadTicket& ticket, ModelSource& source);
  void NoteProgress(const LoadTicket& ticket, std::string_view doing);
  Result<std::shared_ptr<BatchQueue>> OpenQueue(const LoadTicket& ticket, const Model& model,
                                                const ModelConfig* config);
  Status Reserve(const LoadTicket& ticket, std::int64_t bytes);
  std::optional<Status> TryReserve(const LoadTicket& ticket, std::int64_t bytes, Aftermath& after) MW_REQUIRES(mutex_);
  void Finish(const LoadTicket& ticket, Result<std::shared_ptr<const ServedVersion>> loaded);
  CycleEntry* Find(const LoadTicket& ticket) MW_REQUIRES(mutex_);
  void Unload(CycleEntry& entry) MW_REQUIRES(mutex_);
  std::optional<Status> Bring(Slot& slot, CycleEntry& entry, Loaded& done, Duration until) MW_REQUIRES(mutex_);
  [[nodiscard]] bool IsSettled() const MW_REQUIRES(mutex_);
  void Settle(Slot& slot, Aftermath& after) MW_REQUIRES(mutex_);
  void Complete(Aftermath after);
  void NoteUse() MW_REQUIRES(mutex_);
  void BringShadowsBack() MW_REQUIRES(mutex_);
  void Publish();
  std::shared_ptr<const Snapshot> MakeSnapshot() MW_REQUIRES(mutex_);
  void Reap();
  void ExpireWaiting();
  void KeepHouse();

  MetricsRegistry& metrics_;
  const CatalogOptions options_;
  const RealClock clock_;
  const std::shared_ptr<FileSource> files_;
  Counter& swaps_;
  Counter& waits_;
  Counter& unloads_;
  Histogram& load_seconds_;
  Gauge& memory_metric_;

  Mutex publish_mutex_;  // taken before mutex_; a reader's is taken after it, with mutex_ free
  std::vector<std::unique_ptr<CatalogReader>> readers_ MW_GUARDED_BY(publish_mutex_);
  std::shared_ptr<const Snapshot> snapshot_ MW_GUARDED_BY(publish_mutex_);

  mutable Mutex mutex_;
  CondVar changed_;  // a load ended, or the catalog stops
  CondVar house_;
  Slots slots_ MW_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<const ServedVersion>> retired_ MW_GUARDED_BY(mutex_);
  std::uint64_t loads_ MW_GUARDED_BY(mutex_) = 0;
  std::size_t waiting_ MW_GUARDED_BY(mutex_) = 0;
  std::int64_t memory_bytes_max_ MW_GUARDED_BY(mutex_) = 0;
  wire::ServingLimits limits_ MW_GUARDED_BY(mutex_);
  wire::RecordingRules recording_ MW_GUARDED_BY(mutex_);
  wire::AdmissionRules admission_ MW_GUARDED_BY(mutex_);
  enum class Readiness : std::uint8_t { kNot, kWhenAllAnswer, kReady };
  Readiness readiness_ MW_GUARDED_BY(mutex_) = Readiness::kNot;
  bool stopping_ MW_GUARDED_BY(mutex_) = false;

  LoadPool pool_;
  std::thread housekeeper_;
};

}  // namespace mw::serving
