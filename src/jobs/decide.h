// Decide: from what is recorded and what the executor saw to the one thing to do next. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "exec/executor.h"
#include "jobs/attempt.h"

namespace mw::jobs {

enum class ActionKind : std::uint8_t {
  kWait,         ///< nothing until something changes
  kLaunch,       ///< it never started: Jobs::Launch
  kMarkRunning,  ///< record RUNNING since `at`
  kCancel,       ///< Jobs::Cancel
  kEnd,          ///< record ENDED with `ending`
};

struct Action {
  ActionKind kind = ActionKind::kWait;
  Timestamp at{};
  Ending ending;
};

/// `last_line`: of the attempt's output, used for the message. An attempt that ended needs nothing.
Action Decide(const Attempt& attempt, const exec::AttemptStatus& status, Timestamp now, std::string_view last_line);

/// The end of an attempt of which nobody can say how it ended.
Action Lost(Timestamp now, std::string_view why);

/// 0 succeeded; 2 and 3 final; everything else and signals retryable; a program that cannot be started
/// is final unless the machine was short of something. Canceled and timed out say so whatever the code.
Outcome Classify(const exec::ExitRecord& exit);

struct RetryPolicy {
  int retries = 0;                             ///< after failures and time-outs
  int lost_retries = 3;                        ///< after losses: not the program's fault
  Duration backoff = std::chrono::seconds(1);  ///< doubles with each failure
  Duration backoff_max = std::chrono::minutes(5);
};
/// How long to wait before the next attempt of a task whose attempts ended so far as `earlier` says,
/// oldest first; nothing when there must not be one. A loss is retried at once.
std::optional<Duration> RetryDelay(const RetryPolicy& policy, std::span<const Outcome> earlier);

/// The last line of a piece of output that is not blank, at most 500 bytes of it, UTF-8 without control characters.
std::string LastLine(std::string_view output);

}  // namespace mw::jobs
