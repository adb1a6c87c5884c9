// Loads, swaps and forgets versions.
#include "serving/catalog.h"

#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace mw::serving {

const ServedVersion* ServedEndpoint::Find(std::string_view version_text) const {
  if (live->version_text == version_text) return live.get();
  return previous != nullptr && previous->version_text == version_text ? previous.get() : nullptr;
}

void CatalogReader::Replace(std::shared_ptr<const Snapshot> snapshot) {
  const Lock lock(mutex_);
  snapshot_.swap(snapshot);
}

Catalog::Catalog(MetricsRegistry& metrics)
    : metrics_(metrics),
      swaps_(metrics.AddCounter("millwright_inference_swaps_total", "Versions that became live on this server.")),
      snapshot_(std::make_shared<Snapshot>()) {}

CatalogReader& Catalog::NewReader() {
  const Lock lock(mutex_);
  readers_.push_back(std::make_unique<CatalogReader>());
  readers_.back()->Replace(snapshot_);
  return *readers_.back();
}

std::shared_ptr<const ServedVersion> Catalog::TakePrevious(const std::string& endpoint, std::int64_t version,
                                                           const std::string& source) const {
  const Lock lock(mutex_);
  const auto slot = slots_.find(endpoint);
  if (slot == slots_.end()) return nullptr;
  for (const auto& known : {slot->second.live, slot->second.previous}) {
    if (known != nullptr && known->version == version && known->source == source) return known;
  }
  return nullptr;
}

void Catalog::SetPending(const std::string& endpoint, std::int64_t version, wire::VersionState state,
                         std::string error) {
  const Lock lock(mutex_);
  slots_[endpoint].pending = {wire::EndpointStatus{endpoint, version, state, std::move(error)}};
}

Status Catalog::Deploy(const std::string& endpoint, std::int64_t version, const std::string& source,
                       const std::string& path) {
  std::shared_ptr<const ServedVersion> next = TakePrevious(endpoint, version, source);
  if (next == nullptr) {
    SetPending(endpoint, version, wire::VersionState::kLoading, "");
    Result<std::shared_ptr<const Model>> model = Model::Load(path);
    if (!model.ok()) {
      Fail(endpoint, version, model.error());
      return model.error();
    }
    const std::string version_text = Cat(version);
    auto recorded = std::make_shared<const RecordedVersion>(endpoint, version, **model);
    next = std::make_shared<ServedVersion>(ServedVersion{endpoint, version, version_text, source, *std::move(model),
                                                         std::move(recorded), MetricsOf(metrics_, endpoint, version_text)});
  }
  MakeLive(std::move(next));
  return Ok();
}

void Catalog::Fail(const std::string& endpoint, std::int64_t version, const Error& error) {
  LogError("version not served",
           {{"endpoint", Json(endpoint)}, {"version", Json(version)}, {"error", Json(error.ToString())}});
  SetPending(endpoint, version, wire::VersionState::kFailed, error.ToString());
}

void Catalog::MakeLive(std::shared_ptr<const ServedVersion> version) {
  std::shared_ptr<const ServedVersion> dropped;  // destroyed at the end of this function, after the swap
  {
    const Lock lock(mutex_);
    Slot& slot = slots_[version->endpoint];
    slot.pending.clear();
    if (slot.live == version) return;
    dropped = std::move(slot.previous);
    slot.previous = std::move(slot.live);
    slot.live = version;
  }
  Publish();
  swaps_.Add();
  LogInfo("version live", {{"endpoint", Json(version->endpoint)},
                           {"version", Json(version->version)},
                           {"model", Json(version->model->Describe())}});
}

void Catalog::Remove(const std::string& endpoint) {
  Slot dropped;
  {
    const Lock lock(mutex_);
    const auto slot = slots_.find(endpoint);
    if (slot == slots_.end()) return;
    dropped = std::move(slot->second);
    slots_.erase(slot);
  }
  Publish();
  LogInfo("endpoint removed", {{"endpoint", Json(endpoint)}});
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

void Catalog::SetReady(bool ready) {
  {
    const Lock lock(mutex_);
    if (ready_ == ready) return;
    ready_ = ready;
  }
  Publish();
}

void Catalog::Publish() {
  auto next = std::make_shared<Snapshot>();
  std::shared_ptr<const Snapshot> old;  // the last owner of what was replaced: outlives the lock
  const Lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, slot] : slots_) {
    if (slot.live == nullptr) continue;
    names.push_back(name);
    next->endpoints.push_back(ServedEndpoint{slot.live, slot.previous});
  }
  next->names = schema::NameTable(std::move(names));
  next->limits = limits_;
  next->recording = recording_;
  next->ready = ready_;
  old = std::exchange(snapshot_, next);
  for (const auto& reader : readers_) reader->Replace(next);
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
  return slot == slots_.end() ? nullptr : slot->second.live;
}

std::vector<std::string> Catalog::Sources() const {
  const Lock lock(mutex_);
  std::vector<std::string> sources;
  for (const auto& [name, slot] : slots_) {
    if (slot.live != nullptr) sources.push_back(slot.live->source);
    if (slot.previous != nullptr) sources.push_back(slot.previous->source);
  }
  return sources;
}

std::vector<wire::EndpointStatus> Catalog::Statuses() const {
  const Lock lock(mutex_);
  std::vector<wire::EndpointStatus> statuses;
  for (const auto& [name, slot] : slots_) {
    if (slot.live != nullptr) {
      statuses.push_back(wire::EndpointStatus{name, slot.live->version, wire::VersionState::kReady, ""});
    }
    statuses.insert(statuses.end(), slot.pending.begin(), slot.pending.end());
  }
  return statuses;
}

}  // namespace mw::serving
