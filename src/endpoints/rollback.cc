// Decide: where a rollback goes.
#include "endpoints/rollback.h"

#include <set>

#include "base/assert.h"

namespace mw::endpoints {
namespace {

std::string OtherVersions(const std::vector<Deployment>& history) {
  std::set<std::int64_t> versions;
  for (const Deployment& deployment : history) {
    if (deployment.version != history.front().version) versions.insert(deployment.version);
  }
  std::string list;
  for (const std::int64_t version : versions) CatTo(list, list.empty() ? "" : ", ", version);
  return list;
}

}  // namespace

Result<Deployment> ChooseRollback(const std::vector<Deployment>& history, std::optional<std::int64_t> to) {
  MW_ASSERT(!history.empty());
  const Deployment& current = history.front();
  if (to == current.version) {
    return FailedPrecondition("endpoint \"", current.endpoint, "\" answers with version ", *to, " already");
  }
  for (const Deployment& earlier : history) {
    if (to ? earlier.version == *to : earlier.version != current.version && earlier.ready.has_value()) return earlier;
  }
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
