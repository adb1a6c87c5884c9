// Which version answers a request: shares of an endpoint's requests in ten-thousandths, sticky by a key.
// Pure; any thread; no allocation.
//
// The newest version is asked first and takes a key when the key's ticket for it is below the version's share of what
// is left; what nobody took is the oldest one's. A ticket is HashWord(HashText(key) ^ salt), the salt is
// HashWord(HashText(endpoint) ^ version), both of sketch/hash.h and the same for ever: so a key gets the same version
// on every server, in every process and after every release.
// Invariant: raising a version's weight from another's moves keys only between those two, when there are two; and a
// version's keys say nothing about who was first in the roll-out before it, or at another endpoint.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "sketch/hash.h"
#include "wire/traffic.h"

namespace mw::serving {

struct ServedEndpoint;
struct ServedVersion;
struct RoutedVersion;

/// The tickets' thresholds of one endpoint's split.
class TrafficSplit {
 public:
  struct Part {
    std::int64_t version = 0;
    std::int64_t weight = 0;  ///< of wire::kWeightWhole
  };
  TrafficSplit() = default;  ///< part 0 takes everything
  /// `parts` in any order; one at least and at most wire::kSplitVersionsMax have a weight above 0. Weights are relative
  /// to their sum.
  TrafficSplit(std::string_view endpoint, std::span<const Part> parts);

  /// The index of the part that takes it. `hash`: sketch::HashText of the key, or any 64 random bits.
  [[nodiscard]] std::size_t Choose(std::uint64_t hash) const {
    for (std::size_t i = 0; i + 1 < size_; ++i) {
      if (sketch::HashWord(hash ^ turns_[i].salt) < turns_[i].below) return turns_[i].part;
    }
    return turns_[size_ - 1].part;
  }
  /// Whether more than one part is ever chosen.
  [[nodiscard]] bool divides() const { return size_ > 1; }

 private:
  struct Turn {
    std::uint64_t salt = 0;
    std::uint64_t below = 0;  ///< of the tickets, the share of 2^64
    std::size_t part = 0;
  };
  std::size_t size_ = 1;
  std::array<Turn, wire::kSplitVersionsMax> turns_{};  ///< newest first
};

/// Some of the requests, by their keys: those that the shadow is shown.
class TrafficShare {
 public:
  TrafficShare() = default;  ///< none
  TrafficShare(std::string_view endpoint, std::int64_t version, std::int64_t share);
  [[nodiscard]] bool Holds(std::uint64_t hash) const {
    return all_ || (below_ != 0 && sketch::HashWord(hash ^ salt_) < below_);
  }
  [[nodiscard]] bool divides() const { return !all_ && below_ != 0; }

 private:
  bool all_ = false;
  std::uint64_t salt_ = 0;
  std::uint64_t below_ = 0;
};

struct Choice {
  const ServedVersion* version = nullptr;  ///< answers; null: `entry` says why not
  const RoutedVersion* entry = nullptr;    ///< of that version; null: the endpoint has none of the number asked for
  const ServedVersion* shadow = nullptr;   ///< is to be shown the request too; null: none
};

/// The version for one request. `requested_version`: as the client named it, which no split overrules and no shadow
/// sees; empty: the split's choice. `key`: the value of the endpoint's sticky key, empty when it has none; then
/// `random`, any 64 bits that differ from request to request, draws. What it points to lives as long as the snapshot.
Choice Pick(const ServedEndpoint& endpoint, std::string_view requested_version, std::string_view key,
            std::uint64_t random);
/// Whether a key or random bits change what Pick gives: else they need not be looked for.
bool NeedsKey(const ServedEndpoint& endpoint);

}  // namespace mw::serving
