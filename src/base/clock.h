// Time as the program sees it. No other file asks the operating system what time it is, so that
// tests and scenarios run on simulated time. Timestamps are microseconds UTC since 1970.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mw {

using Duration = std::chrono::microseconds;
using Timestamp = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// Later than any real time: "never".
inline constexpr Timestamp kNever = Timestamp::max();

inline std::int64_t ToMicros(Timestamp at) { return at.time_since_epoch().count(); }
inline Timestamp FromMicros(std::int64_t micros) { return Timestamp(Duration(micros)); }
inline double Seconds(Duration duration) { return static_cast<double>(duration.count()) * 1e-6; }

/// Safe from every thread.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time. May jump when the machine's clock is set.
  [[nodiscard]] virtual Timestamp Now() const = 0;
  /// Time since some fixed point that never goes backwards: for durations and timeouts.
  [[nodiscard]] virtual Duration Elapsed() const = 0;
};

class RealClock final : public Clock {
 public:
  [[nodiscard]] Timestamp Now() const override;
  [[nodiscard]] Duration Elapsed() const override;
};

/// Stands still until told to move.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(Timestamp start) : now_(ToMicros(start)), start_(ToMicros(start)) {}
  [[nodiscard]] Timestamp Now() const override { return FromMicros(now_.load()); }
  [[nodiscard]] Duration Elapsed() const override { return Duration(now_.load() - start_); }
  void Advance(Duration by) { now_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_;
  std::int64_t start_;
};

/// "2013-07-01T04:00:00Z", with a fraction only when there is one (3 or 6 digits).
std::string FormatTime(Timestamp at);
/// RFC 3339 times ("2013-07-01T04:00:00.5-04:00"), the same with a space for the T, and plain dates
/// (midnight UTC). A time without a zone is an error: times are written with their zone.
Result<Timestamp> ParseTime(std::string_view text);
/// "150ms", "2.5s", "3m 20s", "2h 5m", "4d 3h": for people.
std::string FormatDuration(Duration duration);

}  // namespace mw
