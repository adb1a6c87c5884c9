// Decide: how versions share an endpoint's requests when somebody wants it otherwise. Pure.
#pragma once

#include <vector>

#include "base/result.h"
#include "endpoints/deployment.h"

namespace mw::endpoints {

/// Sets version, package and traffic of `deployment` so that these answer. The primary one is that of the greatest
/// weight; of equals the primary one there was, else the oldest. Errors: those of wire::CheckWeights.
Status Share(Deployment& deployment, std::vector<wire::WeightedVersion> versions);

/// What answers once `version` is given its weight and the others share the rest as they shared before. Errors:
/// kFailedPrecondition when there is no other to share with.
Result<std::vector<wire::WeightedVersion>> WithWeight(const Deployment& current, const wire::WeightedVersion& version);

}  // namespace mw::endpoints
