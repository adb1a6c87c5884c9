// Sends a stream of requests as fast as a server takes them: several connections, several requests in
// flight on each (pipelined), one epoll loop on the calling thread. For `millwright replay` and benchmarks.
//
// Invariant: every request that `next` gave is reported to `sink` exactly once. Requests that a server left
// unanswered behind an answer with Connection: close are sent again, for it has not looked at them;
// requests lost with a connection are reported with status 0, for nobody knows what became of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace mw::net {

struct LoadOptions {
  std::string host = "127.0.0.1";
  int port = 0;
  int connections = 8;
  int in_flight_max = 32;                     ///< unanswered requests on each connection
  double rate = 0;                            ///< requests a second at most; 0: as fast as they are answered
  bool catch_up = true;                       ///< sends more than `rate` after a pause; false: what was lost stays so
  std::chrono::milliseconds timeout{10'000};  ///< to connect, and without an answer that is due
};

struct LoadAnswer {
  std::uint64_t index = 0;  ///< the how manieth request this answers, from 0
  int status = 0;           ///< 0: none came
  std::string_view body;    ///< valid during the call
  Duration latency{0};      ///< from handing the request to the socket to having read the answer
};

struct LoadReport {
  std::uint64_t answered = 0;  ///< with any status
  std::uint64_t failed = 0;    ///< without an answer
  Duration elapsed{0};
};

/// Appends the bytes of one whole request (no HEAD) and returns true; false when there are no more.
using NextRequest = std::function<bool(std::string& out)>;
using AnswerSink = std::function<void(const LoadAnswer&)>;

/// Until every request has its answer. Answers of one connection come in order, those of several mixed.
/// Errors: kUnavailable, kDeadlineExceeded when no connection can be made (any more).
Result<LoadReport> RunLoad(const LoadOptions& options, const NextRequest& next, const AnswerSink& sink);

}  // namespace mw::net
