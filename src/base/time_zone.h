// Local time of a place, from the system's time zone database (RFC 8536 files under /usr/share/zoneinfo).
// For calendar days and months in a zone: which instants they begin at, across clock changes and leap years.
//
// A TimeZone is a small value that shares its table; it never changes. Load reads one file of at most
// kZoneBytesMax; everything else is pure. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace mw {

inline constexpr std::size_t kZoneBytesMax = 64 << 10;

class TimeZone {
 public:
  /// UTC, which needs no database.
  TimeZone();

  /// "America/New_York". Errors: kInvalidArgument for a name that is none or that the database lacks;
  /// kFailedPrecondition when there is no database, with the remedy.
  static Result<TimeZone> Load(std::string_view name);
  /// The bytes of a database file. Errors: kInvalidArgument.
  static Result<TimeZone> Parse(std::string_view name, std::string_view bytes);

  [[nodiscard]] const std::string& name() const;
  /// Local time minus UTC.
  [[nodiscard]] std::chrono::seconds OffsetAt(Timestamp at) const;
  /// The local calendar day, counted from 1970-01-01.
  [[nodiscard]] std::int64_t DayOf(Timestamp at) const;
  /// Minutes since local midnight, by the wall clock: 0 to 1439.
  [[nodiscard]] int MinuteOfDay(Timestamp at) const;
  /// The first instant of that local day, also where a clock change removes its midnight.
  [[nodiscard]] Timestamp StartOfDay(std::int64_t day) const;
  /// "2013-07-01": the local day.
  [[nodiscard]] std::string FormatDay(Timestamp at) const;

 private:
  struct Table;
  explicit TimeZone(std::shared_ptr<const Table> table) : table_(std::move(table)) {}
  std::shared_ptr<const Table> table_;
};

}  // namespace mw
