// A goal in production as a strip for people: targets by window, what misses cost, why, what mends them. At most 110
// columns wide; of more windows than fit the latest are shown, and how many are not. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "base/json.h"

namespace mw::app::cli {

inline constexpr std::size_t kStripWidth = 110;

/// Of the answer of GET /api/v1/goals/{goal}/production. `columns`: so many windows, however wide; 0: as many as fit.
std::string GoalStrip(const Json& board, std::size_t columns = 0);

}  // namespace mw::app::cli
