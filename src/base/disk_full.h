// The one exhausted resource that callers tell from all others: no room on the disk. Writes are refused with it until
// somebody frees some space; reads go on, and nothing needs to be restarted. Over HTTP it is 507. Any thread.
#pragma once

#include <string_view>

#include "base/error.h"

namespace mw {

/// What such an error carries as its innermost context.
inline constexpr std::string_view kDiskFullContext = "no space left";
/// kResourceExhausted. `place`: what lies on the disk.
Error DiskFull(std::string_view place);
/// Whether the error, or the one that it came of, was made by DiskFull.
bool IsDiskFull(const Error& error);

}  // namespace mw
