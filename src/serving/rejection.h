// A request that is turned away before it cost anything, and when to come back.
#pragma once

#include "base/clock.h"
#include "base/error.h"

namespace mw::serving {

/// No client is told to come back sooner.
inline constexpr Duration kRetryAfterMin = std::chrono::milliseconds(10);

/// kResourceExhausted: the client asks for more than its share (429). kUnavailable: the server has more to do than it
/// can (503). Both with retry_after, for the Retry-After header. Others (kInvalidArgument, kDeadlineExceeded) will not
/// be cured by coming back, and have 0.
struct Rejection {
  Error error;
  Duration retry_after{0};
};

}  // namespace mw::serving
