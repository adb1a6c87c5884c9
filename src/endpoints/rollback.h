// Decide: where a rollback goes. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "endpoints/deployment.h"

namespace mw::endpoints {

/// The deployment to repeat. `history` is the endpoint's, newest first, the current one at its front.
/// Without `to`: the newest deployment of another version that was ready once. With `to`: the newest of
/// that version. Errors: kFailedPrecondition naming the versions that could be taken, or that there are none.
Result<Deployment> ChooseRollback(const std::vector<Deployment>& history, std::optional<std::int64_t> to);

}  // namespace mw::endpoints
