// The decision table of one attempt: see the header.
#include "jobs/decide.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/text.h"

namespace mw::jobs {
namespace {

constexpr std::size_t kLastLineBytesMax = 500;

// What another moment or another machine may cure.
bool IsShortage(int error) {
  for (const int shortage : {EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC, EDQUOT, EIO, EINTR, ETXTBSY}) {
    if (error == shortage) return true;
  }
  return false;
}

std::string SignalText(int number) {
  const char* name = sigabbrev_np(number);
  return name == nullptr ? Cat("signal ", number) : Cat("SIG", name);
}

std::string WhyItEnded(const Attempt& attempt, const exec::ExitRecord& exit) {
  if (!exit.failure.empty()) return exit.failure;
  if (exit.canceled) return "canceled";
  if (exit.timed_out) return Cat("ran longer than its timeout of ", FormatDuration(attempt.spec.timeout));
  if (exit.signal == SIGXCPU) return Cat("used its ", attempt.spec.limits.cpu_seconds, " s of CPU time");
  if (exit.signal == SIGXFSZ) return Cat("wrote a file larger than ", attempt.spec.limits.file_bytes, " bytes");
  if (exit.signal == SIGKILL) return "killed by SIGKILL: the machine may have run out of memory";
  if (exit.signal != 0) return Cat("ended by ", SignalText(exit.signal));
  return Cat("exit code ", exit.exit_code);
}

Ending EndingOf(const Attempt& attempt, const exec::ExitRecord& exit, std::string_view last_line) {
  Ending ending;
  ending.outcome = Classify(exit);
  ending.exit_code = exit.exit_code;
  ending.signal = exit.signal;
  ending.at = exit.ended;
  ending.cpu_seconds = exit.user_cpu_seconds + exit.system_cpu_seconds;
  ending.memory_peak_bytes = exit.memory_peak_bytes;
  if (ending.outcome == Outcome::kSucceeded) return ending;
  ending.message = WhyItEnded(attempt, exit);
  // The program's own last words say more than an exit code.
  const bool own_end = exit.failure.empty() && !exit.canceled && !exit.timed_out && exit.signal == 0;
  if (own_end && !last_line.empty()) ending.message = last_line;
  if (!own_end && exit.failure.empty() && !exit.canceled && !last_line.empty()) {
    CatTo(ending.message, "; its last output: ", last_line);
  }
  return ending;
}

Action End(Ending ending) { return Action{ActionKind::kEnd, {}, std::move(ending)}; }

}  // namespace

Outcome Classify(const exec::ExitRecord& exit) {
  if (exit.canceled) return Outcome::kCanceled;
  if (exit.timed_out) return Outcome::kTimedOut;
  if (!exit.failure.empty()) return IsShortage(exit.failure_errno) ? Outcome::kFailedRetryable : Outcome::kFailedFinal;
  if (exit.signal != 0) return Outcome::kFailedRetryable;
  switch (exit.exit_code) {
    case 0: return Outcome::kSucceeded;
    case 2:
    case 3: return Outcome::kFailedFinal;
    default: return Outcome::kFailedRetryable;
  }
}

Action Lost(Timestamp now, std::string_view why) {
  Ending ending;
  ending.outcome = Outcome::kLost;
  ending.at = now;
  ending.message = why;
  return End(std::move(ending));
}

Action Decide(const Attempt& attempt, const exec::AttemptStatus& status, Timestamp now, std::string_view last_line) {
  if (attempt.state == State::kEnded) return {};
  switch (status.state) {
    case exec::AttemptState::kExited:
      return End(EndingOf(attempt, status.exit.value_or(exec::ExitRecord{}), last_line));
    case exec::AttemptState::kLost:
      return Lost(now, "nobody knows how it ended: the machine went down or its shim was killed");
    case exec::AttemptState::kUnknown:
      if (attempt.state == State::kRunning) return Lost(now, Cat("its directory is gone: ", attempt.spec.directory));
      return Action{attempt.cancel_requested ? ActionKind::kCancel : ActionKind::kLaunch, {}, {}};
    case exec::AttemptState::kStarting:
    case exec::AttemptState::kRunning: break;
  }
  if (attempt.cancel_requested) return Action{ActionKind::kCancel, {}, {}};
  if (status.state == exec::AttemptState::kRunning && attempt.state == State::kLaunching) {
    return Action{ActionKind::kMarkRunning, now, {}};
  }
  return {};
}

std::optional<Duration> RetryDelay(const RetryPolicy& policy, std::span<const Outcome> earlier) {
  if (earlier.empty()) return Duration(0);
  const auto losses = std::count(earlier.begin(), earlier.end(), Outcome::kLost);
  const auto failures = std::count(earlier.begin(), earlier.end(), Outcome::kFailedRetryable) +
                        std::count(earlier.begin(), earlier.end(), Outcome::kTimedOut);
  if (earlier.back() == Outcome::kLost) {
    return losses <= policy.lost_retries ? std::optional(Duration(0)) : std::nullopt;
  }
  if (earlier.back() != Outcome::kFailedRetryable && earlier.back() != Outcome::kTimedOut) return std::nullopt;
  if (failures > policy.retries) return std::nullopt;
  Duration delay = policy.backoff;
  for (auto doubled = failures; doubled > 1 && delay < policy.backoff_max; --doubled) delay *= 2;
  return std::min(delay, policy.backoff_max);
}

std::string LastLine(std::string_view output) {
  const std::string_view text = Trim(output);
  const std::size_t break_at = text.find_last_of("\n\r");
  const std::string_view line = break_at == std::string_view::npos ? text : Trim(text.substr(break_at + 1));
  std::string out(line.substr(0, kLastLineBytesMax));
  // A cut, or the program itself, may have broken a character. Control characters are not for messages.
  const bool utf8 = IsUtf8(out);
  for (char& byte : out) {
    const auto value = static_cast<unsigned char>(byte);
    if (value < 0x20 || value == 0x7f || (value >= 0x80 && !utf8)) byte = '?';
  }
  return out;
}

}  // namespace mw::jobs
