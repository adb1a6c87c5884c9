// A goal in production as a strip for people: targets by window, what misses cost, why, what mends them. At most 110
// columns wide; of more windows than fit the latest are shown. Pure.
#pragma once

#include <string>

#include "base/json.h"

namespace mw::app::cli {

inline constexpr std::size_t kStripWidth = 110;

/// Of the answer of GET /api/v1/goals/{goal}/production.
std::string GoalStrip(const Json& board);

}  // namespace mw::app::cli
