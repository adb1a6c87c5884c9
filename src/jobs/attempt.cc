// Names, the legal arrows, limits and environments of attempts.
#include "jobs/attempt.h"

#include "base/text.h"

namespace mw::jobs {

std::string_view StateName(State state) {
  switch (state) {
    case State::kLaunching: return "LAUNCHING";
    case State::kRunning: return "RUNNING";
    case State::kEnded: return "ENDED";
  }
  return "";
}

std::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNone: return "";
    case Outcome::kSucceeded: return "succeeded";
    case Outcome::kFailedRetryable: return "failed";
    case Outcome::kFailedFinal: return "failed for good";
    case Outcome::kTimedOut: return "timed out";
    case Outcome::kCanceled: return "canceled";
    case Outcome::kLost: return "lost";
  }
  return "";
}

bool IsLegal(State from, State to) {
  if (from == State::kLaunching) return to == State::kRunning || to == State::kEnded;
  return from == State::kRunning && to == State::kEnded;
}

exec::Limits LimitsFor(const Resources& resources) {
  exec::Limits limits;
  if (resources.memory_bytes > 0) limits.memory_bytes = 2 * resources.memory_bytes + (std::int64_t{2} << 30);
  return limits;
}

std::map<std::string, std::string> StepEnvironment(const StepContext& context) {
  return {{"MILLWRIGHT_URL", context.url},
          {"MILLWRIGHT_RUN_ID", context.run_id},
          {"MILLWRIGHT_ATTEMPT_ID", context.attempt.text()},
          {"PATH", context.path},
          {"HOME", Cat(context.directory, "/work")},
          {"TMPDIR", Cat(context.directory, "/tmp")},
          {"LANG", "C.UTF-8"},
          {"OMP_WAIT_POLICY", "passive"}};
}

}  // namespace mw::jobs
