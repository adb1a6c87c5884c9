// Asks once before a load begins, with the very bytes of its first request: what a server refuses is said in its own
// words rather than counted a million times. Blocks; one thread.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "load/requests.h"

namespace mw::load {

/// Errors: what the server answered, as its status and its sentence; kInternal for status 200 with another number of
/// rows than was sent; kUnavailable, kDeadlineExceeded.
Status CheckFirstAnswer(const std::string& host, int port, const RequestKind& kind,
                        std::chrono::milliseconds timeout = std::chrono::seconds(10));

}  // namespace mw::load
