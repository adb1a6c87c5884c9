// Turns weights into thresholds, and keys into versions.
#include "serving/router.h"

#include <algorithm>
#include <vector>

#include "base/assert.h"
#include "serving/served.h"

namespace mw::serving {
namespace {

/// `weight` of `whole` as a share of 2^64; `weight` < `whole`.
std::uint64_t Threshold(std::int64_t weight, std::int64_t whole) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(weight) << 64) / static_cast<Wide>(whole));
}

std::uint64_t Salt(std::string_view endpoint, std::int64_t version) {
  return sketch::HashWord(sketch::HashText(endpoint) ^ static_cast<std::uint64_t>(version));
}

}  // namespace

TrafficSplit::TrafficSplit(std::string_view endpoint, std::span<const Part> parts) {
  std::vector<std::size_t> newest_first;
  std::int64_t left = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].weight <= 0) continue;
    newest_first.push_back(i);
    left += parts[i].weight;
  }
  MW_ASSERT(!newest_first.empty() && newest_first.size() <= wire::kSplitVersionsMax);
  std::sort(newest_first.begin(), newest_first.end(),
            [&](std::size_t a, std::size_t b) { return parts[a].version > parts[b].version; });
  size_ = newest_first.size();
  for (std::size_t turn = 0; turn < size_; ++turn) {
    const Part& part = parts[newest_first[turn]];
    const bool last = turn + 1 == size_;
    turns_[turn] = {Salt(endpoint, part.version), last ? 0 : Threshold(part.weight, left), newest_first[turn]};
    left -= part.weight;
  }
}

TrafficShare::TrafficShare(std::string_view endpoint, std::int64_t version, std::int64_t share)
    : all_(share >= wire::kWeightWhole),
      // Unlike the salt of the same version in a split: who is shown the shadow must not be who gets the canary.
      salt_(sketch::HashWord(~Salt(endpoint, version))),
      below_(all_ || share <= 0 ? 0 : Threshold(share, wire::kWeightWhole)) {}

Choice Pick(const ServedEndpoint& endpoint, std::string_view requested_version, std::string_view key,
            std::uint64_t random) {
  Choice choice;
  if (!requested_version.empty()) {
    choice.entry = endpoint.FindEntry(requested_version);
    if (choice.entry != nullptr) choice.version = choice.entry->served.get();
    return choice;
  }
  if (endpoint.versions.empty()) return choice;
  const bool drawn = NeedsKey(endpoint);
  const std::uint64_t hash = !drawn ? 0 : key.empty() ? random : sketch::HashText(key);
  choice.entry = &endpoint.versions[endpoint.split.Choose(hash)];
  choice.version = choice.entry->served.get();
  if (endpoint.shadow_share.Holds(hash)) choice.shadow = endpoint.shadow.get();
  if (choice.shadow == choice.version) choice.shadow = nullptr;
  return choice;
}

bool NeedsKey(const ServedEndpoint& endpoint) { return endpoint.split.divides() || endpoint.shadow_share.divides(); }

}  // namespace mw::serving
