// A name for a run that was given none: two words and a number, the same for the same id. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace mw::tracking {

/// "quiet-harbour-417".
std::string MadeUpName(std::string_view run_id);

}  // namespace mw::tracking
