// Loads, swaps, unloads and forgets versions.
#include "serving/catalog.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/public_reason.h"
#include "serving/shadow_lane.h"
#include "serving/warm_up.h"

namespace mw::serving {
namespace {

using wire::VersionState;

constexpr std::size_t kWaitingMax = 4096;
/// A version that failed is not loaded again for the sake of a request sooner than that.
constexpr Duration kRetryAfter = std::chrono::seconds(5);
constexpr std::chrono::milliseconds kUseSampled{1'000};
constexpr std::chrono::milliseconds kReaped{10};
constexpr std::chrono::milliseconds kWaitersSeen{50};

std::int64_t WeightOf(const std::optional<wire::DesiredEndpoint>& in_force, const VersionKey& key) {
  if (!in_force) return 0;
  for (const wire::WeightedVersion& version : in_force->Versions()) {
    if (version.version == key.version && version.package == key.source) return version.weight;
  }
  return 0;
}

std::int64_t ShadowShareOf(const std::optional<wire::DesiredEndpoint>& in_force, const VersionKey& key) {
  if (!in_force || !in_force->traffic.shadow) return 0;
  const wire::ShadowVersion& shadow = *in_force->traffic.shadow;
  return shadow.version == key.version && shadow.package == key.source ? shadow.share : 0;
}

bool IsInForce(const EndpointCycle& cycle, const VersionKey& key) {
  return WeightOf(cycle.in_force, key) > 0 || ShadowShareOf(cycle.in_force, key) > 0;
}

/// "3=90% 4=10%"
std::string TrafficText(const wire::DesiredEndpoint& endpoint) {
  std::string text;
  for (const wire::WeightedVersion& version : endpoint.Versions()) {
    CatTo(text, text.empty() ? "" : " ", version.version, "=", wire::WeightText(version.weight));
  }
  if (endpoint.traffic.shadow) {
    CatTo(text, " shadow ", endpoint.traffic.shadow->version, "=", wire::WeightText(endpoint.traffic.shadow->share));
  }
  return text;
}

wire::EndpointStatus StatusOf(const std::string& name, const EndpointCycle& cycle, const CycleEntry& entry,
                              MetricsRegistry& metrics) {
  wire::EndpointStatus status{name, entry.key.version, entry.state, entry.error ? entry.error->ToString() : ""};
  status.weight = WeightOf(cycle.in_force, entry.key);
  status.shadow_share = ShadowShareOf(cycle.in_force, entry.key);
  status.memory_bytes = entry.memory_bytes;
  if (status.shadow_share > 0) status.shadow = ShadowMetrics(metrics, name, Cat(entry.key.version)).Outcome();
  status.progress = entry.progress;
  return status;
}

/// Newest first; of two contents with one number the one in force.
std::vector<const CycleEntry*> Routed(const EndpointCycle& cycle) {
  std::vector<const CycleEntry*> routed;
  for (const CycleEntry& entry : cycle.entries) routed.push_back(&entry);
  std::stable_sort(routed.begin(), routed.end(), [&](const CycleEntry* a, const CycleEntry* b) {
    if (a->key.version != b->key.version) return a->key.version > b->key.version;
    return IsInForce(cycle, a->key) && !IsInForce(cycle, b->key);
  });
  const auto same = [](const CycleEntry* a, const CycleEntry* b) { return a->key.version == b->key.version; };
  routed.erase(std::unique(routed.begin(), routed.end(), same), routed.end());
  return routed;
}

ServedEndpoint EndpointOf(const std::string& name, const EndpointCycle& cycle, const wire::ServingLimits& limits) {
  ServedEndpoint out;
  out.name = name;
  std::vector<TrafficSplit::Part> parts;
  std::int64_t heaviest = 0;
  for (const CycleEntry* entry : Routed(cycle)) {
    const std::int64_t weight = WeightOf(cycle.in_force, entry->key);
    parts.push_back({entry->key.version, weight});
    out.versions.push_back({entry->key.version, Cat(entry->key.version), entry->state, weight, entry->served,
                            !cycle.held, entry->error ? PublicReason(entry->error->ToString()) : ""});
    const std::int64_t rank = weight + (cycle.in_force && cycle.in_force->version == entry->key.version ? 1 : 0);
    if (entry->served != nullptr && weight > 0 && rank > heaviest) {
      heaviest = rank;
      out.live = entry->served;
    }
    if (cycle.previous == entry->key) out.previous = entry->served;
    if (ShadowShareOf(cycle.in_force, entry->key) > 0) out.shadow = entry->served;
  }
  const wire::EndpointSettings& settings = cycle.in_force ? cycle.in_force->settings : cycle.wanted.settings;
  out.sticky = settings.sticky;
  out.cache = settings.cache;
  out.limits = settings.limits.value_or(limits);
  if (!cycle.in_force) return out;
  out.split = TrafficSplit(name, parts);
  if (const auto& shadow = cycle.in_force->traffic.shadow) {
    out.shadow_share = TrafficShare(name, shadow->version, shadow->share);
  }
  return out;
}

}  // namespace

void CatalogReader::Replace(std::shared_ptr<const Snapshot> snapshot) {
  const Lock lock(mutex_);
  snapshot_.swap(snapshot);
}

/// Paths of what was named when it was deployed.
class Catalog::FileSource final : public ModelSource {
 public:
  void Add(const std::string& source, const std::string& path) {
    const Lock lock(mutex_);
    paths_[source] = path;
  }
  Result<std::string> Locate(const std::string& source) override {
    const Lock lock(mutex_);
    const auto path = paths_.find(source);
    return path == paths_.end() ? source : path->second;
  }

 private:
  Mutex mutex_;
  std::map<std::string, std::string> paths_ MW_GUARDED_BY(mutex_);
};

struct Catalog::Aftermath {
  bool publish = false;
  bool swapped = false;
  std::vector<std::pair<Loaded, Status>> calls{};
};

Catalog::Catalog(MetricsRegistry& metrics, CatalogOptions options)
    : metrics_(metrics),
      options_(std::move(options)),
      files_(std::make_shared<FileSource>()),
      swaps_(metrics.AddCounter("millwright_inference_swaps_total",
                                "Times that other versions, or other shares of them, became live on this server.")),
      waits_(metrics.AddCounter("millwright_inference_load_waits_total",
                                "Requests that waited for a model to be loaded, or to be loaded again.")),
      unloads_(metrics.AddCounter("millwright_inference_unloads_total",
                                  "Versions unloaded because their memory was wanted for others.")),
      load_seconds_(metrics.AddHistogram("millwright_inference_load_seconds",
                                         "From the start of a version's load to its last self-check.",
                                         {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100})),
      memory_metric_(
          metrics.AddGauge("millwright_inference_models_memory_bytes",
                           "Memory of the versions that are loaded: trees in this process, workers of others.")),
      snapshot_(std::make_shared<Snapshot>()),
      memory_bytes_max_(options_.memory_bytes_max),
      pool_(options_.loaders),
      housekeeper_([this] { KeepHouse(); }) {}

Catalog::~Catalog() {
  {
    const Lock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    house_.NotifyAll();
  }
  pool_.Stop();
  housekeeper_.join();
}

CatalogReader& Catalog::NewReader() {
  const Lock lock(publish_mutex_);
  readers_.push_back(std::make_unique<CatalogReader>());
  readers_.back()->Replace(snapshot_);
  return *readers_.back();
}

void Catalog::Want(wire::DesiredEndpoint endpoint, std::shared_ptr<ModelSource> source) {
  Aftermath after;
  {
    const Lock lock(mutex_);
    Slot& slot = slots_[endpoint.name];
    slot.source = std::move(source);
    serving::Want(slot.cycle, std::move(endpoint));
    after.publish = true;
    Settle(slot, after);
    StartLoads(slot);
  }
  Complete(std::move(after));
}

void Catalog::StartLoads(Slot& slot) {
  for (CycleEntry& entry : slot.cycle.entries) {
    if (entry.state != VersionState::kNew || entry.queued) continue;
    entry.queued = true;
    entry.load = ++loads_;
    pool_.Submit([this, ticket = LoadTicket{slot.cycle.wanted.name, entry.key, entry.load}] { RunLoad(ticket); });
  }
}

CycleEntry* Catalog::Find(const LoadTicket& ticket) {
  const auto slot = slots_.find(ticket.endpoint);
  CycleEntry* entry = slot == slots_.end() ? nullptr : slot->second.cycle.Find(ticket.key);
  return entry != nullptr && entry->load == ticket.load ? entry : nullptr;
}

void Catalog::RunLoad(const LoadTicket& ticket) {
  std::shared_ptr<ModelSource> source;
  {
    const Lock lock(mutex_);
    CycleEntry* entry = Find(ticket);
    if (entry == nullptr || entry->state != VersionState::kNew) return;  // nobody wants it any more
    entry->state = VersionState::kLoading;
    entry->queued = false;
    source = slots_.find(ticket.endpoint)->second.source;
  }
  const Duration start = clock_.Elapsed();
  Result<std::shared_ptr<const ServedVersion>> loaded = LoadVersion(ticket, *source);
  if (loaded.ok()) load_seconds_.Observe(static_cast<double>((clock_.Elapsed() - start).count()) * 1e-6);
  Finish(ticket, std::move(loaded));
}

Result<std::shared_ptr<const ServedVersion>> Catalog::LoadVersion(const LoadTicket& ticket, ModelSource& source) {
  const std::string path = TRY(source.Locate(ticket.key.source));
  TRY(Reserve(ticket, options_.estimate(path)));
  std::shared_ptr<const ModelConfig> config = source.Config(ticket.key.source);
  const auto progress = [this, &ticket](std::string_view doing) { NoteProgress(ticket, doing); };
  Result<std::shared_ptr<const Model>> model =
      options_.load(LoadRequest{ticket.endpoint, ticket.key.version, path, config, progress});
  if (!model.ok()) {
    if (model.error().code == Code::kDataLoss) source.Damaged(ticket.key.source);
    return model.error();
  }
  if (config != nullptr) {
    TRY(CheckTensors(*config, **model));
    if (const auto names = TensorsNotHonoured(*config, **model); !names.empty()) {
      LogWarning("model's configuration",
                 {{"model", Json(ticket.endpoint)},
                  {"note", Json(Cat("not honoured of its configuration: ", Join(names, ", ")))}});
    }
    if (Backend* const backend = (*model)->backend(); backend != nullptr) {
      TRY(WarmUp(*backend, TRY(WarmUpOf(*config)), options_.batching.run_timeout).In("model_warmup"));
    }
  }
  std::shared_ptr<BatchQueue> queue = TRY(OpenQueue(ticket, **model, config.get()));
  const std::string version_text = Cat(ticket.key.version);
  auto recorded = std::make_shared<const RecordedVersion>(ticket.endpoint, ticket.key.version, **model);
  return std::make_shared<const ServedVersion>(ServedVersion{
      ticket.endpoint, ticket.key.version, version_text, ticket.key.source, *std::move(model), std::move(recorded),
      std::move(config), MetricsOf(metrics_, ticket.endpoint, version_text), std::move(queue)});
}

void Catalog::NoteProgress(const LoadTicket& ticket, std::string_view doing) {
  pool_.LetOthersBegin();
  const Lock lock(mutex_);
  if (CycleEntry* const entry = Find(ticket)) entry->progress = doing;
}

/// Measures what a batch costs on the way, which warms the worker up. A model that says no to rows of zeros is served
/// all the same: its costs are learned from what it answers.
Result<std::shared_ptr<BatchQueue>> Catalog::OpenQueue(const LoadTicket& ticket, const Model& model,
                                                       const ModelConfig* config) {
  if (model.backend() == nullptr) return std::shared_ptr<BatchQueue>();
  MW_ASSERT(options_.batcher != nullptr);
  Backend& backend = *model.backend();
  BatchSettings batching = options_.batching;
  if (config != nullptr && config->max_batch_size > 0) {
    batching.batch_rows_max = static_cast<std::size_t>(config->max_batch_size);
  }
  if (config != nullptr && config->max_queue_delay_us) batching.delay = Duration(*config->max_queue_delay_us);
  const Result<CostModel> cost =
      MeasureCost(*backend.runners().front(), ZeroRow(backend.info().inputs),
                  backend.info().batchable ? batching.batch_rows_max : 1, batching.run_timeout, clock_);
  return std::shared_ptr<BatchQueue>(TRY(options_.batcher->Add(backend, ticket.endpoint, Cat(ticket.key.version),
                                                               batching, cost.ok() ? *cost : CostModel())));
}

Status Catalog::Reserve(const LoadTicket& ticket, std::int64_t bytes) {
  Aftermath after;
  std::optional<Status> reserved;
  {
    const Lock lock(mutex_);
    while (!(reserved = TryReserve(ticket, bytes, after))) changed_.WaitFor(mutex_, kUseSampled);
  }
  Complete(std::move(after));
  return *std::move(reserved);
}

/// Nothing when it is worth waiting for other loads to end.
std::optional<Status> Catalog::TryReserve(const LoadTicket& ticket, std::int64_t bytes, Aftermath& after) {
  CycleEntry* const own = Find(ticket);
  if (own == nullptr || stopping_) return Status(Cancelled("version ", ticket.key.version, " is not wanted any more"));
  own->memory_bytes = 0;
  NoteUse();
  std::vector<Resident> residents;
  std::vector<CycleEntry*> entries;
  std::int64_t used = 0;
  bool others_load = false;
  for (auto& [name, slot] : slots_) {
    Duration endpoint_used{};
    for (const CycleEntry& entry : slot.cycle.entries) endpoint_used = std::max(endpoint_used, entry.used);
    for (CycleEntry& entry : slot.cycle.entries) {
      if (entry.state == VersionState::kReady || entry.state == VersionState::kLoading) used += entry.memory_bytes;
      others_load = others_load || (entry.state == VersionState::kLoading && entry.memory_bytes > 0);
      const bool in_force = IsInForce(slot.cycle, entry.key);
      // What answers beside the new one, or until it is there, must not make room for it.
      if (entry.state != VersionState::kReady || (in_force && name == ticket.endpoint)) continue;
      residents.push_back({in_force, endpoint_used, entry.used, entry.memory_bytes});
      entries.push_back(&entry);
    }
  }
  const std::int64_t excess = memory_bytes_max_ == 0 ? 0 : used + bytes - memory_bytes_max_;
  const auto chosen = ChooseUnloads(residents, excess);
  if (!chosen && others_load) return std::nullopt;
  if (!chosen) {
    return Status(ResourceExhausted("version ", ticket.key.version, " of ", ticket.endpoint, " needs about ",
                                    WithThousands(bytes), " bytes; of the ", WithThousands(memory_bytes_max_),
                                    " that models may have ", WithThousands(used), " are taken"));
  }
  for (const std::size_t i : *chosen) {
    Unload(*entries[i]);
    unloads_.Add();
    after.publish = true;
  }
  own->memory_bytes = own->memory_needed = bytes;
  return Status();
}

void Catalog::Unload(CycleEntry& entry) {
  if (entry.served != nullptr) retired_.push_back(std::move(entry.served));
  entry.served = nullptr;
  entry.state = VersionState::kUnloaded;
  entry.queued = false;
  entry.load = 0;
  entry.memory_bytes = 0;
}

void Catalog::NoteUse() {
  const Duration now = clock_.Elapsed();
  for (auto& [name, slot] : slots_) {
    for (CycleEntry& entry : slot.cycle.entries) {
      if (entry.served == nullptr) continue;
      const std::uint64_t requests = entry.served->metrics.requests.Value();
      if (requests != std::exchange(entry.requests_seen, requests)) entry.used = now;
    }
  }
}

void Catalog::Finish(const LoadTicket& ticket, Result<std::shared_ptr<const ServedVersion>> loaded) {
  const Duration now = clock_.Elapsed();
  Aftermath after;
  {
    const Lock lock(mutex_);
    CycleEntry* const entry = Find(ticket);
    if (entry == nullptr) {
      if (loaded.ok()) retired_.push_back(*std::move(loaded));
    } else {
      const Status status = loaded.ok() ? Status() : Status(loaded.error());
      entry->progress.clear();
      entry->state = loaded.ok() ? VersionState::kReady : VersionState::kFailed;
      if (loaded.ok()) {
        entry->requests_seen = (*loaded)->metrics.requests.Value();
        if (const std::int64_t measured = options_.measure(*(*loaded)->model); measured > 0) {
          entry->memory_bytes = measured;
          entry->memory_needed = std::max(entry->memory_needed, measured);
        }
        entry->served = *std::move(loaded);
        entry->used = now;
      } else {
        LogError("version not served", {{"endpoint", Json(ticket.endpoint)},
                                        {"version", Json(ticket.key.version)},
                                        {"error", Json(status.error().ToString())}});
        entry->error = status.error();
        entry->failed = now;
        entry->memory_bytes = 0;
      }
      waiting_ -= entry->waiting.size();
      for (LoadWaiter& waiting : std::exchange(entry->waiting, {})) {
        after.calls.emplace_back(std::move(waiting.done), status);
      }
      after.publish = true;
      Settle(slots_.find(ticket.endpoint)->second, after);
    }
  }
  Complete(std::move(after));
}

void Catalog::Settle(Slot& slot, Aftermath& after) {
  Settled settled = serving::Settle(slot.cycle);
  for (auto& dropped : settled.dropped) retired_.push_back(std::move(dropped));
  waiting_ -= settled.abandoned.size();
  for (Loaded& waiting : settled.abandoned) {
    after.calls.emplace_back(std::move(waiting), Cancelled("the version is not wanted any more"));
  }
  if (!settled.changed) return;
  after.publish = true;
  swaps_.Add();
  LogInfo("version live",
          {{"endpoint", Json(slot.cycle.wanted.name)}, {"traffic", Json(TrafficText(*slot.cycle.in_force))}});
}

void Catalog::Complete(Aftermath after) {
  if (after.publish) Publish();
  Reap();
  {
    const Lock lock(mutex_);
    changed_.NotifyAll();
  }
  for (const auto& [loaded, status] : after.calls) loaded(status);
}

void Catalog::Remove(const std::string& endpoint) {
  Aftermath after;
  {
    const Lock lock(mutex_);
    const auto slot = slots_.find(endpoint);
    if (slot == slots_.end()) return;
    for (CycleEntry& entry : slot->second.cycle.entries) {
      waiting_ -= entry.waiting.size();
      for (LoadWaiter& waiting : entry.waiting) {
        after.calls.emplace_back(std::move(waiting.done), Cancelled("endpoint ", endpoint, " was removed"));
      }
      if (entry.served != nullptr) retired_.push_back(std::move(entry.served));
    }
    slots_.erase(slot);
    after.publish = true;
  }
  Complete(std::move(after));
  LogInfo("endpoint removed", {{"endpoint", Json(endpoint)}});
}

Status Catalog::Deploy(const std::string& endpoint, std::int64_t version, const std::string& source,
                       const std::string& path) {
  files_->Add(source, path);
  const wire::DesiredEndpoint wanted{endpoint, endpoint, version, source};
  Want(wanted, files_);
  {
    const Lock lock(mutex_);
    while (true) {
      const auto slot = slots_.find(endpoint);
      if (stopping_ || slot == slots_.end() || slot->second.cycle.wanted != wanted) {
        return Cancelled("version ", version, " of ", endpoint, " is not wanted any more");
      }
      const CycleEntry* entry = slot->second.cycle.Find(VersionKey{version, source});
      if (entry->error) return *entry->error;
      if (slot->second.cycle.in_force == wanted) break;
      changed_.Wait(mutex_);
    }
  }
  Publish();  // whoever put it in force may not have come to that yet
  return Ok();
}

void Catalog::EnsureLoaded(const std::string& endpoint, std::int64_t version, Loaded done, Duration until) {
  std::optional<Status> at_once;
  {
    const Lock lock(mutex_);
    const auto slot = slots_.find(endpoint);
    CycleEntry* const entry = slot == slots_.end() ? nullptr : slot->second.cycle.FindVersion(version);
    at_once = entry == nullptr ? Status(NotFound("endpoint ", endpoint, " has no version ", version, " here"))
                               : Bring(slot->second, *entry, done, until);
  }
  if (at_once && done != nullptr) done(*at_once);
}

/// How it ended already; nothing when `done`, which may be null, hears of it later.
std::optional<Status> Catalog::Bring(Slot& slot, CycleEntry& entry, Loaded& done, Duration until) {
  if (slot.cycle.held) {
    return Status(FailedPrecondition("model ", slot.cycle.wanted.name, " was unloaded; load it again"));
  }
  if (entry.state == VersionState::kFailed && clock_.Elapsed() - entry.failed < kRetryAfter) return *entry.error;
  if (entry.state == VersionState::kReady) return Status();
  if (entry.state == VersionState::kFailed || entry.state == VersionState::kUnloaded) {
    entry.state = VersionState::kNew;
    entry.error.reset();
    StartLoads(slot);
  }
  if (done == nullptr) return std::nullopt;
  if (waiting_ == kWaitingMax) {
    return Status(ResourceExhausted(kWaitingMax, " requests wait for models to be loaded already"));
  }
  ++waiting_;
  waits_.Add();
  entry.waiting.push_back({std::exchange(done, nullptr), until});
  house_.NotifyAll();
  return std::nullopt;
}

Status Catalog::Unload(const std::string& endpoint) {
  Aftermath after;
  {
    const Lock lock(mutex_);
    const auto slot = slots_.find(endpoint);
    if (slot == slots_.end()) return NotFound("no model ", Quoted(endpoint), " is known here");
    slot->second.cycle.held = true;
    for (CycleEntry& entry : slot->second.cycle.entries) {
      Unload(entry);
      entry.error.reset();
      waiting_ -= entry.waiting.size();
      for (LoadWaiter& waiting : std::exchange(entry.waiting, {})) {
        after.calls.emplace_back(std::move(waiting.done), Cancelled("model ", endpoint, " was unloaded"));
      }
    }
    after.publish = true;
  }
  Complete(std::move(after));
  LogInfo("model unloaded", {{"endpoint", Json(endpoint)}});
  return Ok();
}

void Catalog::Load(const std::string& endpoint, Loaded done) {
  std::optional<Status> at_once;
  {
    const Lock lock(mutex_);
    const auto slot = slots_.find(endpoint);
    if (slot == slots_.end()) {
      at_once = NotFound("no model ", Quoted(endpoint), " is known here");
    } else {
      EndpointCycle& cycle = slot->second.cycle;
      serving::Want(cycle, wire::DesiredEndpoint(cycle.wanted));
      StartLoads(slot->second);
      at_once = Bring(slot->second, *cycle.Find(VersionKey{cycle.wanted.version, cycle.wanted.package}), done,
                      Duration::max());
    }
  }
  if (at_once && done != nullptr) done(*at_once);
}

void Catalog::SetLimits(const wire::ServingLimits& limits) {
  {
    const Lock lock(mutex_);
    if (limits_ == limits) return;
    limits_ = limits;
  }
  Publish();
}

void Catalog::SetRecording(const wire::RecordingRules& recording) {
  {
    const Lock lock(mutex_);
    if (recording_ == recording) return;
    recording_ = recording;
  }
  Publish();
}

void Catalog::SetAdmission(const wire::AdmissionRules& admission) {
  {
    const Lock lock(mutex_);
    if (admission_ == admission) return;
    admission_ = admission;
  }
  Publish();
}

void Catalog::SetMemoryMax(std::int64_t bytes) {
  const Lock lock(mutex_);
  memory_bytes_max_ = bytes;
  house_.NotifyAll();
}

void Catalog::SetReady(bool ready) {
  {
    const Lock lock(mutex_);
    if (ready == (readiness_ != Readiness::kNot)) return;
    readiness_ = ready ? Readiness::kWhenAllAnswer : Readiness::kNot;
  }
  Publish();
}

std::shared_ptr<const Snapshot> Catalog::MakeSnapshot() {
  auto next = std::make_shared<Snapshot>();
  std::vector<std::string> names;
  bool all_answer = true;
  std::int64_t memory_bytes = 0;
  for (const auto& [name, slot] : slots_) {
    names.push_back(name);
    next->endpoints.push_back(EndpointOf(name, slot.cycle, limits_));
    all_answer = all_answer && slot.cycle.in_force.has_value();
    for (const CycleEntry& entry : slot.cycle.entries) {
      if (entry.state == VersionState::kReady) memory_bytes += entry.memory_bytes;
    }
  }
  if (readiness_ == Readiness::kWhenAllAnswer && all_answer) readiness_ = Readiness::kReady;
  memory_metric_.Set(static_cast<double>(memory_bytes));
  next->names = schema::NameTable(std::move(names));
  next->limits = limits_;
  next->recording = recording_;
  next->admission = admission_;
  next->ready = readiness_ == Readiness::kReady;
  return next;
}

void Catalog::Publish() {
  std::shared_ptr<const Snapshot> old;  // the last owner of what was replaced: outlives the lock
  const Lock publish(publish_mutex_);
  std::shared_ptr<const Snapshot> next;
  {
    const Lock lock(mutex_);
    next = MakeSnapshot();
  }
  // A reader may hold its own mutex and ask for the catalog's, which therefore is free here.
  for (const auto& reader : readers_) reader->Replace(next);
  old = std::exchange(snapshot_, std::move(next));
}

void Catalog::Reap() {
  std::vector<std::shared_ptr<const ServedVersion>> unused;
  {
    const Lock lock(mutex_);
    const auto used =
        std::partition(retired_.begin(), retired_.end(), [](const auto& version) { return version.use_count() == 1; });
    std::move(retired_.begin(), used, std::back_inserter(unused));
    retired_.erase(retired_.begin(), used);
    if (!retired_.empty()) house_.NotifyAll();
  }
  if (options_.gone == nullptr) return;
  for (const auto& version : unused) options_.gone(*version->model);
}

void Catalog::KeepHouse() {
  while (true) {
    {
      const Lock lock(mutex_);
      if (stopping_) return;
      if (retired_.empty() && waiting_ == 0 && memory_bytes_max_ == 0) {
        house_.Wait(mutex_);
      } else {
        house_.WaitFor(mutex_, !retired_.empty() ? kReaped : waiting_ > 0 ? kWaitersSeen : kUseSampled);
      }
      if (stopping_) return;
      if (memory_bytes_max_ > 0) NoteUse();
      BringShadowsBack();
    }
    Reap();
    ExpireWaiting();
  }
}

/// Requests ask for versions that answer, and bring those back; nobody asks for a shadow, so it comes when there is
/// room, beside a primary that is there.
void Catalog::BringShadowsBack() {
  std::int64_t used = 0;
  for (const auto& [name, slot] : slots_) {
    for (const CycleEntry& entry : slot.cycle.entries) used += entry.memory_bytes;
  }
  for (auto& [name, slot] : slots_) {
    EndpointCycle& cycle = slot.cycle;
    if (cycle.held || !cycle.in_force || !cycle.in_force->traffic.shadow) continue;
    const wire::ShadowVersion& wanted = *cycle.in_force->traffic.shadow;
    const CycleEntry* const primary = cycle.Find(VersionKey{cycle.in_force->version, cycle.in_force->package});
    CycleEntry* const shadow = cycle.Find(VersionKey{wanted.version, wanted.package});
    const bool away = shadow != nullptr && shadow->state == VersionState::kUnloaded;
    if (!away || primary == nullptr || primary->state != VersionState::kReady) continue;
    if (memory_bytes_max_ > 0 && used + shadow->memory_needed > memory_bytes_max_) continue;
    used += shadow->memory_needed;
    shadow->state = VersionState::kNew;
    StartLoads(slot);
  }
}

void Catalog::ExpireWaiting() {
  Aftermath after;
  {
    const Lock lock(mutex_);
    if (waiting_ == 0) return;
    const Duration now = clock_.Elapsed();
    for (auto& [name, slot] : slots_) {
      for (CycleEntry& entry : slot.cycle.entries) {
        const auto late = std::partition(entry.waiting.begin(), entry.waiting.end(),
                                         [now](const LoadWaiter& waiting) { return waiting.until > now; });
        for (auto waiting = late; waiting != entry.waiting.end(); ++waiting) {
          after.calls.emplace_back(std::move(waiting->done),
                                   DeadlineExceeded("version ", entry.key.version, " of ", name, " is still loaded"));
        }
        entry.waiting.erase(late, entry.waiting.end());
      }
    }
    waiting_ -= after.calls.size();
  }
  for (const auto& [loaded, status] : after.calls) loaded(status);
}

bool Catalog::IsSettled() const {
  return std::none_of(slots_.begin(), slots_.end(), [](const auto& slot) { return IsUnderWay(slot.second.cycle); });
}

bool Catalog::WaitSettled(std::chrono::milliseconds at_most) {
  const Duration deadline = clock_.Elapsed() + at_most;
  {
    const Lock lock(mutex_);
    while (!IsSettled() && !stopping_) {
      const Duration left = deadline - clock_.Elapsed();
      if (left <= Duration(0)) return false;
      changed_.WaitFor(mutex_, left);
    }
  }
  Publish();  // whoever settled it may not have come to that yet
  return true;
}

std::vector<std::string> Catalog::Endpoints() const {
  const Lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, slot] : slots_) names.push_back(name);
  return names;
}

std::shared_ptr<const ServedVersion> Catalog::Live(const std::string& endpoint) const {
  const Lock lock(mutex_);
  const auto slot = slots_.find(endpoint);
  return slot == slots_.end() ? nullptr : EndpointOf(endpoint, slot->second.cycle, limits_).live;
}

std::vector<wire::DesiredEndpoint> Catalog::InForce() const {
  const Lock lock(mutex_);
  std::vector<wire::DesiredEndpoint> endpoints;
  for (const auto& [name, slot] : slots_) {
    if (slot.cycle.in_force) endpoints.push_back(*slot.cycle.in_force);
  }
  return endpoints;
}

std::vector<Error> Catalog::Failures() const {
  const Lock lock(mutex_);
  std::vector<Error> errors;
  for (const auto& [name, slot] : slots_) {
    for (const CycleEntry& entry : slot.cycle.entries) {
      if (entry.error) errors.push_back(*entry.error);
    }
  }
  return errors;
}

std::vector<std::string> Catalog::Sources() const {
  const Lock lock(mutex_);
  std::vector<std::string> sources;
  for (const auto& [name, slot] : slots_) {
    for (const CycleEntry& entry : slot.cycle.entries) sources.push_back(entry.key.source);
  }
  return sources;
}

std::vector<wire::EndpointStatus> Catalog::Statuses() const {
  const Lock lock(mutex_);
  std::vector<wire::EndpointStatus> statuses;
  for (const auto& [name, slot] : slots_) {
    std::vector<const CycleEntry*> entries;
    for (const CycleEntry& entry : slot.cycle.entries) entries.push_back(&entry);
    std::stable_sort(entries.begin(), entries.end(), [&cycle = slot.cycle](const CycleEntry* a, const CycleEntry* b) {
      const auto rank = [&cycle](const CycleEntry* entry) {
        return WeightOf(cycle.in_force, entry->key) * 2 +
               (cycle.in_force && cycle.in_force->version == entry->key.version ? 1 : 0);
      };
      return rank(a) > rank(b);
    });
    for (const CycleEntry* entry : entries) statuses.push_back(StatusOf(name, slot.cycle, *entry, metrics_));
  }
  return statuses;
}

std::int64_t Catalog::memory_bytes_max() const {
  const Lock lock(mutex_);
  return memory_bytes_max_;
}

}  // namespace mw::serving
