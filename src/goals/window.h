// The windows over which targets are judged: calendar months, days and weeks of the goal's time zone, or
// hours. Windows are of event time, lie side by side without gaps, and [from, until) each.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/time_zone.h"

namespace mw::goals {

struct Goal;
struct Target;

/// How long windows are.
struct WindowLength {
  bool months = false;  ///< each a calendar month; `length` is not read then
  Duration length = std::chrono::hours(24 * 28);
  bool operator==(const WindowLength&) const = default;
};
/// "month", or a duration of at least an hour such as 7d. Errors: kInvalidArgument.
Result<WindowLength> ParseWindowLength(std::string_view text);
/// "month", "28d", "6h": as ParseWindowLength reads it.
std::string FormatWindowLength(const WindowLength& length);

struct Window {
  Timestamp from{}, until{};
  std::string label;  ///< "Jul 2013", "1 Jul 2013", "1 Jul - 7 Jul 2013", "1 Jul 2013 13:00"
};

/// At most so many windows are given for one span.
inline constexpr std::size_t kWindowsMax = 100'000;

/// Every window that shares an instant with [from, until), in order; the latest kWindowsMax of them.
///   month        from local midnight of the first day to that of the next month's
///   whole days   by the local calendar (23 to 25 hours each): weeks and their multiples begin on a Monday
///                (counted from 1970-01-05), others are counted from 1970-01-01
///   others       so many hours of elapsed time, counted from 1970-01-01T00:00Z
std::vector<Window> WindowsOf(const WindowLength& length, const TimeZone& zone, Timestamp from, Timestamp until);
/// Those of a target of the goal.
std::vector<Window> WindowsOf(const Goal& goal, const Target& target, Timestamp from, Timestamp until);

}  // namespace mw::goals
