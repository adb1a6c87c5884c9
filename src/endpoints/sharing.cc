// Decide: how versions share an endpoint's requests.
#include "endpoints/sharing.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace mw::endpoints {

Status Share(Deployment& deployment, std::vector<wire::WeightedVersion> versions) {
  TRY(wire::CheckWeights(versions));
  std::sort(versions.begin(), versions.end(), [](const auto& a, const auto& b) { return a.version < b.version; });
  const auto primary = std::max_element(versions.begin(), versions.end(), [&](const auto& a, const auto& b) {
    return std::tuple(a.weight, a.version == deployment.version) <
           std::tuple(b.weight, b.version == deployment.version);
  });
  deployment.version = primary->version;
  deployment.package = primary->package;
  deployment.traffic.versions = versions.size() > 1 ? std::move(versions) : std::vector<wire::WeightedVersion>();
  return Ok();
}

Result<std::vector<wire::WeightedVersion>> WithWeight(const Deployment& current, const wire::WeightedVersion& version) {
  std::vector<wire::WeightedVersion> versions = current.Desired().Versions();
  std::erase_if(versions, [&](const auto& other) { return other.version == version.version; });
  std::int64_t before = 0;
  for (const auto& other : versions) before += other.weight;
  std::int64_t left = wire::kWeightWhole - version.weight;
  if (left == 0) return std::vector<wire::WeightedVersion>{version};
  if (before == 0) {
    return FailedPrecondition("endpoint \"", current.endpoint, "\" has no version that could answer the other ",
                              wire::WeightText(left), "; name all of them: millwright split");
  }
  for (auto& other : versions) {
    const std::int64_t weight = left * other.weight / before;  // of what nobody has been given yet
    before -= other.weight;
    left -= weight;
    other.weight = weight;
  }
  versions.push_back(version);
  return versions;
}

}  // namespace mw::endpoints
