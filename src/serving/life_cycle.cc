// The decisions about versions: what is in force, what is forgotten, what leaves the memory.
#include "serving/life_cycle.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace mw::serving {
namespace {

using wire::VersionState;

VersionKey KeyOf(const wire::WeightedVersion& version) { return {version.version, version.package}; }
VersionKey KeyOf(const wire::ShadowVersion& shadow) { return {shadow.version, shadow.package}; }

bool IsUsable(const CycleEntry* entry) {
  return entry != nullptr && (entry->state == VersionState::kReady || entry->state == VersionState::kUnloaded);
}

bool IsOnItsWay(const CycleEntry* entry) {
  return entry != nullptr && (entry->state == VersionState::kNew || entry->state == VersionState::kLoading);
}

bool Names(const wire::DesiredEndpoint& endpoint, const VersionKey& key) {
  const auto versions = endpoint.Versions();
  return std::any_of(versions.begin(), versions.end(), [&](const auto& version) { return KeyOf(version) == key; }) ||
         (endpoint.traffic.shadow && KeyOf(*endpoint.traffic.shadow) == key);
}

/// What can be had of the split that is wanted; the primary one, or else the one of the most weight, gets what is
/// left over.
std::optional<wire::DesiredEndpoint> Obtainable(const EndpointCycle& cycle) {
  std::vector<wire::WeightedVersion> usable;
  bool primary = false;
  bool waits = false;
  for (const wire::WeightedVersion& version : cycle.wanted.Versions()) {
    const CycleEntry* entry = cycle.Find(KeyOf(version));
    if (version.weight > 0 && IsOnItsWay(entry)) waits = true;
    if (!IsUsable(entry)) continue;
    usable.push_back(version);
    primary = primary || version.version == cycle.wanted.version;
  }
  std::int64_t whole = 0;
  for (const wire::WeightedVersion& version : usable) whole += version.weight;
  if (whole == 0 || (waits && !primary)) return std::nullopt;
  wire::DesiredEndpoint out = cycle.wanted;
  const auto first = std::max_element(usable.begin(), usable.end(), [&](const auto& a, const auto& b) {
    return std::tuple(a.version == out.version, a.weight) < std::tuple(b.version == out.version, b.weight);
  });
  first->weight += wire::kWeightWhole - whole;
  out.version = first->version;
  out.package = first->package;
  out.traffic.versions = usable.size() > 1 ? usable : std::vector<wire::WeightedVersion>();
  return out;
}

bool IsWhole(const EndpointCycle& cycle) {
  const auto versions = cycle.wanted.Versions();
  return std::all_of(versions.begin(), versions.end(), [&](const wire::WeightedVersion& version) {
    return version.weight == 0 || IsUsable(cycle.Find(KeyOf(version)));
  });
}

/// Of the versions that answered before and do not any more, the primary one or the one of the most weight.
void RememberPrevious(EndpointCycle& cycle, const wire::DesiredEndpoint& before) {
  std::int64_t heaviest = 0;
  for (const wire::WeightedVersion& version : before.Versions()) {
    const std::int64_t rank = version.version == before.version ? wire::kWeightWhole + 1 : version.weight;
    if (rank <= heaviest || Names(*cycle.in_force, KeyOf(version))) continue;
    heaviest = rank;
    cycle.previous = KeyOf(version);
  }
  if (cycle.previous && Names(*cycle.in_force, *cycle.previous)) cycle.previous.reset();
}

void PutInForce(EndpointCycle& cycle, wire::DesiredEndpoint next) {
  const std::optional<wire::DesiredEndpoint> before = std::exchange(cycle.in_force, std::move(next));
  if (before) RememberPrevious(cycle, *before);
}

bool IsNeeded(const EndpointCycle& cycle, const VersionKey& key) {
  return Names(cycle.wanted, key) || (cycle.in_force && Names(*cycle.in_force, key)) || cycle.previous == key;
}

void WantVersion(EndpointCycle& cycle, VersionKey key, bool was_held) {
  CycleEntry* entry = cycle.Find(key);
  if (entry == nullptr) {
    cycle.entries.push_back(CycleEntry{.key = std::move(key)});
  } else if (entry->state == VersionState::kFailed || (was_held && entry->state == VersionState::kUnloaded)) {
    entry->state = VersionState::kNew;
    entry->error.reset();
  }
}

}  // namespace

const CycleEntry* EndpointCycle::Find(const VersionKey& key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

CycleEntry* EndpointCycle::Find(const VersionKey& key) {
  return const_cast<CycleEntry*>(std::as_const(*this).Find(key));
}

CycleEntry* EndpointCycle::FindVersion(std::int64_t version) {
  CycleEntry* found = nullptr;
  for (CycleEntry& entry : entries) {
    if (entry.key.version != version) continue;
    if (in_force && Names(*in_force, entry.key)) return &entry;
    found = &entry;
  }
  return found;
}

void Want(EndpointCycle& cycle, wire::DesiredEndpoint wanted) {
  cycle.wanted = std::move(wanted);
  const bool was_held = std::exchange(cycle.held, false);
  for (const wire::WeightedVersion& version : cycle.wanted.Versions()) WantVersion(cycle, KeyOf(version), was_held);
  if (cycle.wanted.traffic.shadow) WantVersion(cycle, KeyOf(*cycle.wanted.traffic.shadow), was_held);
}

Settled Settle(EndpointCycle& cycle) {
  Settled settled;
  const bool whole = IsWhole(cycle);
  std::optional<wire::DesiredEndpoint> next;
  if (whole) {
    next = cycle.wanted;
  } else if (!cycle.in_force || cycle.partial) {
    next = Obtainable(cycle);
  }
  if (next && next != cycle.in_force) {
    PutInForce(cycle, *std::move(next));
    cycle.partial = !whole;
    settled.changed = true;
  } else if (whole) {
    cycle.partial = false;
  }
  std::erase_if(cycle.entries, [&](CycleEntry& entry) {
    if (IsNeeded(cycle, entry.key)) return false;
    if (entry.served != nullptr) settled.dropped.push_back(std::move(entry.served));
    for (LoadWaiter& waiting : entry.waiting) settled.abandoned.push_back(std::move(waiting.done));
    return true;
  });
  return settled;
}

bool IsUnderWay(const EndpointCycle& cycle) {
  return std::any_of(cycle.entries.begin(), cycle.entries.end(),
                     [](const CycleEntry& entry) { return IsOnItsWay(&entry); });
}

std::optional<std::vector<std::size_t>> ChooseUnloads(std::span<const Resident> residents, std::int64_t bytes) {
  std::vector<std::size_t> order(residents.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto rank = [](const Resident& r) {
      return std::tuple(r.in_force, r.in_force ? r.endpoint_used : r.used, r.used);
    };
    return rank(residents[a]) < rank(residents[b]);
  });
  std::vector<std::size_t> chosen;
  for (const std::size_t i : order) {
    if (bytes <= 0) break;
    chosen.push_back(i);
    bytes -= residents[i].memory_bytes;
  }
  if (bytes > 0) return std::nullopt;
  return chosen;
}

}  // namespace mw::serving
