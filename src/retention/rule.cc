// The decision.
#include "retention/rule.h"

#include "base/text.h"

namespace mw::retention {
namespace {

constexpr std::int64_t kDayMillis = 86'400'000;

Status CheckLimit(const std::optional<std::int64_t>& limit, std::string_view name, std::int64_t most) {
  if (!limit || (*limit >= 0 && *limit <= most)) return Ok();
  return InvalidArgument(name, " is ", *limit, "; it is 0 to ", most);
}

}  // namespace

Status CheckRule(const Rule& rule) {
  TRY(CheckLimit(rule.keep_days, "keep_days", kDaysMax));
  TRY(CheckLimit(rule.keep_last, "keep_last", kRunsMax));
  TRY(CheckLimit(rule.trash_days, "trash_days", kDaysMax));
  if (rule.keep_days || rule.keep_last || rule.trash_days) return Ok();
  return InvalidArgument("a rule needs keep_days, keep_last or trash_days");
}

std::vector<tracking::RunId> RunsToDelete(const Rule& rule, std::span<const tracking::RunAge> runs, Timestamp now) {
  std::vector<tracking::RunId> gone;
  if (!rule.keep_days && !rule.keep_last) return gone;
  const std::int64_t now_millis = ToMicros(now) / 1000;
  std::int64_t place = 0;
  for (const tracking::RunAge& run : runs) {
    const bool among_last = rule.keep_last && place++ < *rule.keep_last;
    const bool ended = run.status != tracking::RunStatus::kRunning && run.status != tracking::RunStatus::kScheduled;
    const std::int64_t age = now_millis - run.ended.value_or(run.started);
    const bool young = rule.keep_days && age < *rule.keep_days * kDayMillis;
    if (ended && !among_last && !young) gone.push_back(run.id);
  }
  return gone;
}

}  // namespace mw::retention
