// Decide: where a rollback goes.
#include "endpoints/rollback.h"

#include <set>

#include "base/assert.h"

namespace mw::endpoints {
namespace {

/// Whether one version answers everything.
bool IsWhole(const Deployment& deployment) { return !deployment.removed && deployment.traffic.versions.empty(); }

std::string OtherVersions(const std::vector<Deployment>& history) {
  std::set<std::int64_t> versions;
  for (const Deployment& deployment : history) {
    for (const wire::WeightedVersion& version : deployment.Desired().Versions()) versions.insert(version.version);
  }
  if (IsWhole(history.front())) versions.erase(history.front().version);
  std::string list;
  for (const std::int64_t version : versions) CatTo(list, list.empty() ? "" : ", ", version);
  return list;
}

/// `from` with `version` alone.
Deployment Alone(Deployment from, const wire::WeightedVersion& version, const Deployment& current) {
  from.version = version.version;
  from.package = version.package;
  from.traffic = {};
  from.settings = current.settings;
  from.removed = false;
  return from;
}

std::optional<Deployment> Newest(const std::vector<Deployment>& history, std::optional<std::int64_t> to) {
  const Deployment& current = history.front();
  for (const Deployment& earlier : history) {
    if (!to && IsWhole(earlier) && earlier.ready && !(IsWhole(current) && earlier.version == current.version)) {
      return Alone(earlier, {earlier.version, earlier.package, wire::kWeightWhole}, current);
    }
    for (const wire::WeightedVersion& version : earlier.Desired().Versions()) {
      if (version.version == to) return Alone(earlier, version, current);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Deployment> ChooseRollback(const std::vector<Deployment>& history, std::optional<std::int64_t> to) {
  MW_ASSERT(!history.empty());
  const Deployment& current = history.front();
  if (to == current.version && IsWhole(current)) {
    return FailedPrecondition("endpoint \"", current.endpoint, "\" answers with version ", *to, " already");
  }
  if (std::optional<Deployment> found = Newest(history, to)) return *std::move(found);
  const std::string others = OtherVersions(history);
  if (others.empty()) {
    return FailedPrecondition("endpoint \"", current.endpoint, "\" has only ever answered with version ",
                              current.version, ": there is nothing to go back to");
  }
  if (to) {
    return FailedPrecondition("endpoint \"", current.endpoint, "\" never answered with version ", *to,
                              "; it did with: ", others);
  }
  return FailedPrecondition("no earlier version of endpoint \"", current.endpoint,
                            "\" was ever ready; name one with --to: ", others);
}

}  // namespace mw::endpoints
