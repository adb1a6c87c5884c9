// Act: the executor asked and told. See the door.
#include "jobs/jobs.h"

namespace mw::jobs {
namespace {
constexpr std::size_t kTailBytes = 4096;
}

Result<Action> Jobs::Next(const Attempt& attempt) {
  if (attempt.state == State::kEnded) return Action{};
  const Result<exec::AttemptStatus> polled = executor_.Poll(attempt.id.text(), attempt.spec.directory);
  if (!polled.ok() && polled.error().code == Code::kDataLoss) {
    // Asking again would not mend it, and nobody can say any more how it ended.
    return Lost(clock_.Now(), polled.error().message);
  }
  const exec::AttemptStatus status = TRY(Result<exec::AttemptStatus>(polled));
  std::string last_line;
  if (status.state == exec::AttemptState::kExited && status.exit && !status.exit->succeeded()) {
    last_line = LastLine(TRY(exec::ReadLogTail(attempt.spec.directory, kTailBytes)));
  }
  return Decide(attempt, status, clock_.Now(), last_line);
}

Status Jobs::Launch(const Attempt& attempt, const std::map<std::string, std::string>& secrets) {
  exec::AttemptSpec spec = attempt.spec;
  spec.attempt_id = attempt.id.text();
  for (const auto& [name, value] : secrets) spec.environment[name] = value;
  return executor_.Launch(spec);
}

Status Jobs::Cancel(const Attempt& attempt) { return executor_.Cancel(attempt.id.text(), attempt.spec.directory); }

Result<std::string> Jobs::ReadLog(const Attempt& attempt, std::uint64_t offset, std::size_t limit) {
  return exec::ReadLog(attempt.spec.directory, offset, limit);
}

}  // namespace mw::jobs
