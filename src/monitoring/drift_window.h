// How long a drift window is: long enough to say something, short enough to say it soon. Pure, any thread.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace mw::monitoring {

inline constexpr Duration kDay = std::chrono::hours(24);
inline constexpr Duration kWeek = 7 * kDay;
inline constexpr double kDriftWindowRows = 1000;

/// The shortest of 1 hour, 1 day and 7 days that holds kDriftWindowRows at `rows_per_day`, else 7 days. Never shorter
/// than a block of the baseline: hours cannot be held against days without calling each night a drift.
/// `current`, when there is one, is kept until the traffic is twice or half of what it takes, so that a choice stands.
Duration ChooseDriftWindow(double rows_per_day, Duration block_length, std::optional<Duration> current);

/// The start of the window that holds `at`: whole lengths since the epoch; of 7 days, since a Monday 00:00 UTC.
Timestamp DriftWindowStart(Timestamp at, Duration length);

/// "1h", "1d", "7d".
std::string NameOfLength(Duration length);

}  // namespace mw::monitoring
