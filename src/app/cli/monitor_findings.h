// What an endpoint's windows showed, as text: the newest window first, the worst finding first in each. Silent windows
// that follow each other are one block with its span; by default the latest few blocks, and what is left out is said.
// Pure, any thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/json.h"

namespace mw::app::cli {

/// Blocks that are shown when nobody asked for more.
inline constexpr std::size_t kFindingBlocks = 12;

struct FindingsShown {
  bool alerts_only = false;
  bool all = false;
  std::optional<Timestamp> since = {};  ///< only what ended after it; takes the place of the limit
};

/// "7d" before the end of the newest window, or a time. Errors: kInvalidArgument.
Result<Timestamp> FindingsSince(const Json& report, const std::string& text);

/// `report`: GET /api/v1/endpoints/{endpoint}/monitoring. With its last line end; "nothing found" where nothing was.
std::string FindingsText(const Json& report, const FindingsShown& shown);

/// "1 window", "3 windows".
std::string Counted(std::size_t count, std::string_view noun);

}  // namespace mw::app::cli
