// The nouns of a job: an attempt is one run of one program, with what it may use and what it came to.
//
//   (Insert) --> LAUNCHING --MarkRunning--> RUNNING --End--> ENDED(outcome)
//                    \------------------End----------------------/
//
// LAUNCHING is committed before the program is started, ENDED before anybody acts on the outcome; a
// task has at most one attempt that is not ENDED, and an attempt never leaves ENDED. A retry is a new
// attempt with a new id. Plain values; no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "exec/executor.h"

namespace mw::jobs {

using AttemptId = Id<struct AttemptTag>;

enum class State : std::uint8_t { kLaunching, kRunning, kEnded };

enum class Outcome : std::uint8_t {
  kNone,  ///< not ended
  kSucceeded,
  kFailedRetryable,  ///< exit 1, any code without a meaning of its own, a signal
  kFailedFinal,      ///< exit 2 bad input, exit 3 gate refused, the program cannot be started
  kTimedOut,         ///< retryable like a failure
  kCanceled,
  kLost,  ///< nobody knows how it ended; retried from a budget of its own
};

/// "LAUNCHING", "RUNNING", "ENDED".
std::string_view StateName(State state);
/// "succeeded", "failed", "failed for good", "timed out", "canceled", "lost"; "" for kNone.
std::string_view OutcomeName(Outcome outcome);
/// Whether the diagram above has that arrow.
bool IsLegal(State from, State to);

/// What an attempt may use. Zero: no limit.
struct Resources {
  double cpu = 0;  ///< cores; what admission counts, not enforced by rlimits
  std::int64_t memory_bytes = 0;
};
/// What the executor enforces of it. Address space is not memory in use: threads and mapped files take
/// far more of it, so the limit is twice the memory asked for and 2 GiB.
exec::Limits LimitsFor(const Resources& resources);

/// How an attempt ended.
struct Ending {
  Outcome outcome = Outcome::kNone;
  int exit_code = -1;  ///< -1: none
  int signal = 0;
  /// One sentence for people: the last line of the output, or why there is none. Empty on success.
  std::string message = {};
  Timestamp at{};
  double cpu_seconds = 0;  ///< user and system, all processes of the attempt
  std::int64_t memory_peak_bytes = 0;
};

struct Attempt {
  AttemptId id;
  std::string run_id;
  std::string task;  ///< the task's key within its run
  int number = 1;    ///< 1, 2, ... within the task
  State state = State::kLaunching;
  bool cancel_requested = false;
  /// What to run. attempt_id equals `id`. Stored, so secrets are not in its environment (Jobs::Launch).
  exec::AttemptSpec spec;
  Resources resources;
  Timestamp created{};
  Timestamp started{};  ///< of the program; 1970 while LAUNCHING
  Ending ending;        ///< when ENDED
};

/// What the environment of every step holds besides secrets.
struct StepContext {
  AttemptId attempt;
  std::string run_id;
  std::string directory;  ///< the attempt's
  std::string url;        ///< of the control plane's API
  std::string path;       ///< for PATH
};
/// MILLWRIGHT_URL, MILLWRIGHT_RUN_ID, MILLWRIGHT_ATTEMPT_ID, PATH, HOME (`directory`/work),
/// TMPDIR (`directory`/tmp), LANG=C.UTF-8, OMP_WAIT_POLICY=passive (attempts share the machine: OpenMP
/// threads that spin while they wait made training twelve times slower beside other work). The token is a
/// secret: given to Jobs::Launch.
std::map<std::string, std::string> StepEnvironment(const StepContext& context);

}  // namespace mw::jobs
