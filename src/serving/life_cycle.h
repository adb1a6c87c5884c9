// Decide: what becomes of the versions of one endpoint, and who leaves the memory when it is full.
// Pure: no thread, no clock, no file.
//
// What is *wanted* takes force whole: until all versions of a wanted split are there, the split before it answers, and
// a version that fails leaves that one in force. Where nothing was in force yet, those versions answer that are there,
// once the primary one is or none is on its way any more.
// The version that left last stays in memory (`previous`): going back to it needs no load.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "wire/desired_state.h"

namespace mw::serving {

struct ServedVersion;

/// Called once, with how a load ended; never under a lock.
using Loaded = std::function<void(const Status&)>;

struct LoadWaiter {
  Loaded done;
  Duration until = Duration::max();  ///< by Clock::Elapsed; then it waits no longer
};

/// A version by its number and its content.
struct VersionKey {
  std::int64_t version = 0;
  std::string source;
  bool operator==(const VersionKey&) const = default;
};

/// One version of one endpoint. The states are those of wire::VersionState.
struct CycleEntry {
  VersionKey key;
  wire::VersionState state = wire::VersionState::kNew;
  std::optional<Error> error{};                   ///< set when FAILED, else not
  std::shared_ptr<const ServedVersion> served{};  ///< set when READY, else null
  std::int64_t memory_bytes = 0;                  ///< estimated while LOADING, measured once READY
  std::int64_t memory_needed = 0;                 ///< the larger of both at its last load
  std::string progress{};                         ///< what is being done for it while LOADING; empty: nothing long
  Duration used{};                                ///< when it was last seen to be asked
  std::uint64_t requests_seen = 0;
  std::uint64_t load = 0;  ///< number of its last load; the outcome of an older one is not for it
  bool queued = false;     ///< NEW, and that load waits for a loader
  Duration failed{};       ///< when
  std::vector<LoadWaiter> waiting{};
};

struct EndpointCycle {
  wire::DesiredEndpoint wanted;
  std::optional<wire::DesiredEndpoint> in_force{};
  bool partial = false;  ///< in_force is what could be had of the first thing wanted
  std::optional<VersionKey> previous{};
  std::vector<CycleEntry> entries{};
  bool held = false;  ///< unloaded by name: stays so until it is wanted again

  CycleEntry* Find(const VersionKey& key);
  [[nodiscard]] const CycleEntry* Find(const VersionKey& key) const;
  /// The one that a client means by the number: of two contents the one in force.
  CycleEntry* FindVersion(std::int64_t version);
};

/// Takes `wanted` over: versions that are not there become NEW, those that FAILED too. The caller loads what is NEW.
void Want(EndpointCycle& cycle, wire::DesiredEndpoint wanted);

struct Settled {
  bool changed = false;                                         ///< another split is in force
  std::vector<std::shared_ptr<const ServedVersion>> dropped{};  ///< nobody wants them any more
  std::vector<Loaded> abandoned{};                              ///< waited for a version that nobody wants any more
};
/// To be called after each change of an entry's state. Puts in force what can be, forgets what is not needed.
Settled Settle(EndpointCycle& cycle);

/// NEW or LOADING, of what is wanted.
bool IsUnderWay(const EndpointCycle& cycle);

/// A version in memory that could leave it.
struct Resident {
  bool in_force = false;
  Duration endpoint_used{};  ///< when any version of its endpoint was last asked
  Duration used{};
  std::int64_t memory_bytes = 0;
};
/// The indices of those to unload so that `bytes` are freed, in order: first versions that are not in force, then
/// endpoints that were not asked for longest. Nothing when all of them together are too few.
std::optional<std::vector<std::size_t>> ChooseUnloads(std::span<const Resident> residents, std::int64_t bytes);

}  // namespace mw::serving
