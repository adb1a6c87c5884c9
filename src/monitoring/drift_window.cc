// Choosing and aligning drift windows.
#include "monitoring/drift_window.h"

#include <array>

#include "base/text.h"

namespace mw::monitoring {
namespace {

constexpr Duration kHour = std::chrono::hours(1);
constexpr Duration kEpochToMonday = 4 * kDay;  // 1970-01-01 was a Thursday

double RowsIn(double rows_per_day, Duration length) {
  return rows_per_day * static_cast<double>(length.count()) / static_cast<double>(kDay.count());
}

}  // namespace

Duration ChooseDriftWindow(double rows_per_day, Duration block_length, std::optional<Duration> current) {
  for (const Duration length : std::array{kHour, kDay}) {
    if (length < block_length) continue;
    double needed = kDriftWindowRows;
    if (current && length < *current) needed *= 2;
    if (current && length == *current) needed /= 2;
    if (RowsIn(rows_per_day, length) >= needed) return length;
  }
  return kWeek;
}

Timestamp DriftWindowStart(Timestamp at, Duration length) {
  const Duration offset = length % kWeek == Duration(0) ? kEpochToMonday : Duration(0);
  const Duration since = at.time_since_epoch() - offset;
  Duration start = since - since % length;
  if (start > since) start -= length;
  return Timestamp(start + offset);
}

std::string NameOfLength(Duration length) {
  return length % kDay == Duration(0) ? Cat(length / kDay, "d") : Cat(length / kHour, "h");
}

}  // namespace mw::monitoring
