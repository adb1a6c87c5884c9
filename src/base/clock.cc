// The one place that asks the operating system what time it is; and how times are written.
#include "base/clock.h"

#include <array>
#include <cstdio>
#include <optional>

#include "base/text.h"

namespace mw {
namespace {

using std::chrono::duration_cast;

struct Cursor {
  std::string_view rest;
  std::optional<int> Digits(std::size_t count) {
    if (rest.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : rest.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    rest.remove_prefix(count);
    return value;
  }
  bool Take(char c) {
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
};

std::optional<std::chrono::sys_days> TakeDate(Cursor& in) {
  const auto year = in.Digits(4);
  if (!year || !in.Take('-')) return std::nullopt;
  const auto month = in.Digits(2);
  if (!month || !in.Take('-')) return std::nullopt;
  const auto day = in.Digits(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

std::optional<Duration> TakeFraction(Cursor& in) {
  std::int64_t micros = 0;
  int digits = 0;
  for (; !in.rest.empty() && in.rest[0] >= '0' && in.rest[0] <= '9'; in.rest.remove_prefix(1), ++digits) {
    if (digits < 6) micros = micros * 10 + (in.rest[0] - '0');
  }
  if (digits == 0) return std::nullopt;
  for (int i = digits; i < 6; ++i) micros *= 10;
  return Duration(micros);
}

std::optional<Duration> TakeTimeOfDay(Cursor& in) {
  const auto hour = in.Digits(2);
  if (!hour || !in.Take(':')) return std::nullopt;
  const auto minute = in.Digits(2);
  if (!minute) return std::nullopt;
  int second = 0;
  Duration fraction{0};
  if (in.Take(':')) {
    const auto seconds = in.Digits(2);
    if (!seconds) return std::nullopt;
    second = *seconds;
    if (in.Take('.')) {
      const auto part = TakeFraction(in);
      if (!part) return std::nullopt;
      fraction = *part;
    }
  }
  if (*hour > 23 || *minute > 59 || second > 60) return std::nullopt;
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(second) + fraction;
}

std::optional<Duration> TakeOffset(Cursor& in) {
  if (in.Take('Z') || in.Take('z')) return Duration(0);
  const bool negative = in.rest.starts_with('-');
  if (!in.Take('+') && !in.Take('-')) return std::nullopt;
  const auto hour = in.Digits(2);
  in.Take(':');
  const auto minute = in.Digits(2);
  if (!hour || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  const Duration offset = std::chrono::hours(*hour) + std::chrono::minutes(*minute);
  return negative ? -offset : offset;
}

}  // namespace

Timestamp RealClock::Now() const { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

Duration RealClock::Elapsed() const {
  return duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

std::string FormatTime(Timestamp at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  std::string out = buffer;
  const auto micros = static_cast<int>(time.subseconds().count());
  if (micros % 1000 != 0) {
    std::snprintf(buffer, sizeof buffer, ".%06d", micros);
    out += buffer;
  } else if (micros != 0) {
    std::snprintf(buffer, sizeof buffer, ".%03d", micros / 1000);
    out += buffer;
  }
  return out + "Z";
}

Result<Timestamp> ParseTime(std::string_view text) {
  const auto wrong = [&] {
    return InvalidArgument(Quoted(text), " is not a time; write it like 2013-07-01T04:00:00Z, with its zone, ",
                           "or a date like 2013-07-01 for midnight UTC");
  };
  Cursor in{text};
  const auto date = TakeDate(in);
  if (!date) return wrong();
  if (in.rest.empty()) return Timestamp(*date);
  if (!in.Take('T') && !in.Take(' ')) return wrong();
  const auto time = TakeTimeOfDay(in);
  if (!time) return wrong();
  const auto offset = TakeOffset(in);
  if (!offset || !in.rest.empty()) return wrong();
  return Timestamp(*date) + *time - *offset;
}

std::string FormatDuration(Duration duration) {
  const std::int64_t micros = duration.count();
  if (micros < 0) return Cat("-", FormatDuration(-duration));
  if (micros < 1000) return Cat(micros, "us");
  const double seconds = static_cast<double>(micros) / 1e6;
  if (micros < 1'000'000) return Cat(Fixed(seconds * 1e3, micros < 10'000 ? 1 : 0), "ms");
  if (seconds < 60) return Cat(Fixed(seconds, 1), "s");
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 3600) return Cat(whole / 60, "m ", whole % 60, "s");
  if (whole < 86400) return Cat(whole / 3600, "h ", whole % 3600 / 60, "m");
  return Cat(whole / 86400, "d ", whole % 86400 / 3600, "h");
}

}  // namespace mw
