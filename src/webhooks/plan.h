// What to send now, and what an attempt came to: a pure function of what is remembered and the time.
//
// In each webhook deliveries go one after the other, in the order of their numbers: one that is tried again holds up
// those behind it, until it is delivered or given up. Webhooks do not wait for one another.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "webhooks/webhook.h"

namespace mw::webhooks {

inline constexpr std::int64_t kAttemptsMax = 15;
inline constexpr Duration kFirstDelay = std::chrono::seconds(1);  ///< doubled with each attempt
inline constexpr Duration kDelayMax = std::chrono::hours(1);
inline constexpr Duration kAgeMax = std::chrono::hours(24);  ///< in the queue; then it is given up
inline constexpr int kSendingMax = 4;                        ///< at once

/// The first delivery that waits in a webhook.
struct Head {
  std::string webhook;
  std::int64_t number = 0;
  Timestamp due{};
};

struct Plan {
  std::vector<Head> send;
  Timestamp next = kNever;  ///< when something is due that is not now
};
/// `heads` in any order; `sending`: webhooks that one is being sent to.
Plan NextToSend(std::vector<Head> heads, const std::set<std::string>& sending, Timestamp now);

/// What came of a request.
struct Attempt {
  int answer_code = 0;                       ///< 0: no answer
  std::string error = {};                    ///< empty when it was answered
  bool hopeless = false;                     ///< no other attempt can do better
  std::optional<Duration> retry_after = {};  ///< as the receiver asked
};

/// The delivery after it. `jitter` in [0, 1): the wait is between half and all of what it would be.
Delivery AfterAttempt(Delivery delivery, const Attempt& attempt, Timestamp now, double jitter);

/// "120", "Fri, 31 Dec 1999 23:59:59 GMT"; nothing for other texts.
std::optional<Duration> ParseRetryAfter(std::string_view text, Timestamp now);

}  // namespace mw::webhooks
