// Decide: where a rollback goes. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "endpoints/deployment.h"

namespace mw::endpoints {

/// The deployment to repeat: one version for all requests, with the settings of the current one. `history` is the
/// endpoint's, newest first, the current one at its front. Without `to`: the newest deployment of one version that was
/// ready once, of another version when the current one is of one; so a split is given up for what was before it. With
/// `to`: the newest that this version was part of. Errors: kFailedPrecondition naming the versions that could be taken,
/// or that there are none.
Result<Deployment> ChooseRollback(const std::vector<Deployment>& history, std::optional<std::int64_t> to);

}  // namespace mw::endpoints
