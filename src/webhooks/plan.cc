// Patience for a receiver that is away, none for one that says no.
#include "webhooks/plan.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace mw::webhooks {
namespace {

bool IsDelivered(int code) { return code >= 200 && code < 300; }

/// Answers that another time may be different.
bool AsksForPatience(int code) { return code == 408 || code == 425 || code == 429 || code >= 500; }

Duration Wait(std::int64_t attempts, double jitter) {
  Duration delay = kFirstDelay;
  for (std::int64_t i = 1; i < attempts && delay < kDelayMax; ++i) delay *= 2;
  delay = std::min(delay, kDelayMax);
  return delay / 2 + Duration(static_cast<std::int64_t>(static_cast<double>(delay.count()) / 2 * jitter));
}

}  // namespace

Plan NextToSend(std::vector<Head> heads, const std::set<std::string>& sending, Timestamp now) {
  Plan plan;
  std::sort(heads.begin(), heads.end(), [](const Head& a, const Head& b) { return a.due < b.due; });
  const auto room = static_cast<std::size_t>(kSendingMax) - std::min<std::size_t>(kSendingMax, sending.size());
  for (Head& head : heads) {
    if (sending.contains(head.webhook)) continue;
    // A wait that no attempt asked for: the machine's clock was set back.
    const bool due = head.due <= now || head.due > now + kDelayMax;
    if (!due) {
      plan.next = std::min(plan.next, head.due);
    } else if (plan.send.size() < room) {
      plan.send.push_back(std::move(head));
    }
  }
  return plan;
}

Delivery AfterAttempt(Delivery delivery, const Attempt& attempt, Timestamp now, double jitter) {
  ++delivery.attempts;
  delivery.tried = now;
  delivery.answer_code = attempt.answer_code;
  delivery.error = attempt.error;
  if (IsDelivered(attempt.answer_code)) {
    delivery.status = DeliveryStatus::kDelivered;
    return delivery;
  }
  const bool patience = attempt.answer_code == 0 ? !attempt.hopeless : AsksForPatience(attempt.answer_code);
  Duration wait = Wait(delivery.attempts, jitter);
  if (attempt.retry_after) wait = std::min(std::max(wait, *attempt.retry_after), kDelayMax);
  delivery.due = now + wait;
  const bool too_late = delivery.attempts >= kAttemptsMax || delivery.due - delivery.queued > kAgeMax;
  if (!patience || too_late) delivery.status = DeliveryStatus::kFailed;
  return delivery;
}

std::optional<Duration> ParseRetryAfter(std::string_view text, Timestamp now) {
  text = Trim(text);
  if (const auto seconds = ParseInt(text)) {
    if (*seconds < 0) return std::nullopt;
    return std::min<Duration>(std::chrono::seconds(std::min<long long>(*seconds, 1'000'000)), kDelayMax);
  }
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::vector<std::string_view> words = Split(text, ' ');
  if (words.size() != 6 || words[5] != "GMT") return std::nullopt;
  const auto month = std::find(kMonths.begin(), kMonths.end(), words[2]);
  if (month == kMonths.end()) return std::nullopt;
  const auto number = month - kMonths.begin() + 1;
  const auto at = ParseTime(Cat(words[3], "-", number < 10 ? "0" : "", number, "-", words[1], "T", words[4], "Z"));
  if (!at.ok()) return std::nullopt;
  return std::clamp<Duration>(*at - now, Duration(0), kDelayMax);
}

}  // namespace mw::webhooks
