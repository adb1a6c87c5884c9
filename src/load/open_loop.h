// The load generator: sends at planned times whatever becomes of the answers, and measures each latency from the time
// at which its request was due. So a server that stalls is charged for everything that wanted to be sent meanwhile
// (a client that waits for answers would not have asked, and would not have noticed: coordinated omission).
//
// Lanes on threads of their own share the plan; nothing is shared between them while they run. A generator that looks
// at arrivals too late itself says so (Tally::lag), for what it reports then is the machine's doing, not the server's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "load/lane.h"

namespace mw::load {

enum class Transport : std::uint8_t { kHttp, kGrpc };

struct OpenLoopOptions {
  Transport transport = Transport::kHttp;
  std::string host = "127.0.0.1";
  int port = 0;
  int threads = 1;
  int connections = 64;   ///< of all threads together, at least one each
  int in_flight_max = 1;  ///< unanswered requests on each connection: pipelined, or concurrent calls
  Pacing pacing;
  Duration timeout{std::chrono::seconds(10)};
  Duration drain{std::chrono::seconds(2)};
};

struct LoadReport {
  Tally tally;
  Duration measured{0};    ///< the plan's duration without settling
  Duration client_cpu{0};  ///< of this process, the whole run
  Duration elapsed{0};     ///< the whole run, until the last answer
  int threads = 1;
};

/// `kinds`: not empty. `around`: called once when every connection stands and once when the last answer came, on this
/// thread: for meters of the server. Errors: kUnavailable, kDeadlineExceeded when no connection can be made.
Result<LoadReport> RunOpenLoop(const OpenLoopOptions& options, const std::vector<RequestKind>& kinds,
                               const std::function<void()>& around = {});

}  // namespace mw::load
