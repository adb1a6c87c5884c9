// Reads RFC 8536 files and finds local days.
#include "base/time_zone.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace mw {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::size_t kTransitionsMax = 4096;
constexpr std::string_view kDirectory = "/usr/share/zoneinfo/";

std::int64_t FloorDivide(std::int64_t value, std::int64_t by) {
  const std::int64_t quotient = value / by;
  return value % by < 0 ? quotient - 1 : quotient;
}

std::int64_t SecondsOf(Timestamp at) { return FloorDivide(ToMicros(at), 1'000'000); }

bool IsZoneName(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '/' || name.find("..") != std::string_view::npos)
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
           c == '-' || c == '+';
  });
}

// "M3.2.0/2": the second Sunday of March at 2 o'clock.
struct YearlyRule {
  int month = 1, week = 1, weekday = 0;
  std::int64_t second = 7200;

  // Local seconds since 1970 at which it happens in that year.
  [[nodiscard]] std::int64_t In(int year) const {
    const std::chrono::year_month first{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month))};
    const std::chrono::weekday day(static_cast<unsigned>(weekday));
    const std::chrono::sys_days at = week == 5 ? std::chrono::sys_days(first / day[std::chrono::last])
                                               : std::chrono::sys_days(first / day[static_cast<unsigned>(week)]);
    return at.time_since_epoch().count() * kDaySeconds + second;
  }
};

// What holds after the last transition of the table: "EST5EDT,M3.2.0,M11.1.0".
struct Footer {
  std::int64_t standard = 0, daylight = 0;
  std::optional<YearlyRule> starts, ends;

  [[nodiscard]] std::int64_t OffsetAt(std::int64_t at) const {
    if (!starts) return standard;
    const std::chrono::sys_days day{std::chrono::days(FloorDivide(at + standard, kDaySeconds))};
    const int year = static_cast<int>(std::chrono::year_month_day(day).year());
    const std::int64_t from = starts->In(year) - standard, until = ends->In(year) - daylight;
    const bool between = from < until ? at >= from && at < until : at >= from || at < until;
    return between ? daylight : standard;
  }
};

// A cursor over text; every reader says whether it found what it wants.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool Name() {
    const bool quoted = Take('<');
    std::size_t size = 0;
    while (size < rest_.size() &&
           (quoted ? rest_[size] != '>' : std::isalpha(static_cast<unsigned char>(rest_[size])))) {
      ++size;
    }
    rest_.remove_prefix(size);
    return size > 0 && (!quoted || Take('>'));
  }
  std::optional<int> Number() {
    int value = 0;
    std::size_t size = 0;
    while (size < rest_.size() && size < 4 && rest_[size] >= '0' && rest_[size] <= '9') {
      value = value * 10 + (rest_[size++] - '0');
    }
    rest_.remove_prefix(size);
    return size > 0 ? std::optional(value) : std::nullopt;
  }
  // "-3:30", "5", "+167:00:00" in seconds.
  std::optional<std::int64_t> Time() {
    const bool negative = Take('-');
    if (!negative) Take('+');
    std::int64_t total = 0;
    for (const int unit : {3600, 60, 1}) {
      if (unit != 3600 && !Take(':')) break;
      const std::optional<int> part = Number();
      if (!part || *part > (unit == 3600 ? 167 : 59)) return std::nullopt;
      total += std::int64_t{*part} * unit;
    }
    return negative ? -total : total;
  }

 private:
  std::string_view rest_;
};

std::optional<YearlyRule> ReadRule(Scanner& text) {
  YearlyRule rule;
  if (!text.Take(',') || !text.Take('M')) return std::nullopt;
  const std::optional<int> month = text.Number();
  if (!month || !text.Take('.')) return std::nullopt;
  const std::optional<int> week = text.Number();
  if (!week || !text.Take('.')) return std::nullopt;
  const std::optional<int> weekday = text.Number();
  if (!weekday || *month < 1 || *month > 12 || *week < 1 || *week > 5 || *weekday > 6) return std::nullopt;
  rule.month = *month;
  rule.week = *week;
  rule.weekday = *weekday;
  if (!text.Take('/')) return rule;
  const std::optional<std::int64_t> time = text.Time();
  if (!time) return std::nullopt;
  rule.second = *time;
  return rule;
}

std::optional<Footer> ReadFooter(std::string_view line) {
  Scanner text(line);
  Footer footer;
  if (!text.Name()) return std::nullopt;
  const std::optional<std::int64_t> west = text.Time();
  if (!west) return std::nullopt;
  footer.standard = -*west;
  if (text.empty()) return footer;
  footer.daylight = footer.standard + 3600;
  if (!text.Name()) return std::nullopt;
  // A rule follows at once, or the daylight offset does.
  Scanner peek = text;
  if (!peek.Take(',')) {
    const std::optional<std::int64_t> daylight_west = text.Time();
    if (!daylight_west) return std::nullopt;
    footer.daylight = -*daylight_west;
  }
  footer.starts = ReadRule(text);
  footer.ends = ReadRule(text);
  if (!footer.starts || !footer.ends || !text.empty()) return std::nullopt;
  return footer;
}

std::int64_t BigEndian(std::string_view bytes, std::size_t at, int size) {
  std::uint64_t value = (static_cast<unsigned char>(bytes[at]) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (int i = 0; i < size; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  return static_cast<std::int64_t>(value);
}

struct Header {
  std::size_t is_utc, is_standard, leaps, transitions, types, characters;
  [[nodiscard]] std::size_t BodyBytes(std::size_t time_size) const {
    return transitions * (time_size + 1) + types * 6 + characters + leaps * (time_size + 4) + is_standard + is_utc;
  }
};
constexpr std::size_t kHeaderBytes = 44;

std::optional<Header> ReadHeader(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || !bytes.starts_with("TZif")) return std::nullopt;
  std::size_t counts[6];
  for (std::size_t i = 0; i < 6; ++i) {
    const std::int64_t count = BigEndian(bytes, 20 + 4 * i, 4);
    if (count < 0 || count > static_cast<std::int64_t>(kTransitionsMax)) return std::nullopt;
    counts[i] = static_cast<std::size_t>(count);
  }
  return Header{counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
}

}  // namespace

struct TimeZone::Table {
  std::string name = "UTC";
  std::vector<std::int64_t> at;       // ascending
  std::vector<std::int64_t> offsets;  // from at[i] on
  std::int64_t before = 0;
  Footer footer;

  [[nodiscard]] std::int64_t OffsetAt(std::int64_t second) const {
    if (at.empty() || second >= at.back()) return footer.OffsetAt(second);
    const auto next = std::upper_bound(at.begin(), at.end(), second);
    return next == at.begin() ? before : offsets[static_cast<std::size_t>(next - at.begin()) - 1];
  }
};

TimeZone::TimeZone() {
  static const std::shared_ptr<const Table> kUtc = std::make_shared<Table>();
  table_ = kUtc;
}

Result<TimeZone> TimeZone::Load(std::string_view name) {
  if (name == "UTC") return TimeZone();
  const auto unknown = [name] {
    return InvalidArgument(Quoted(name), " is no time zone; write UTC or a name like America/New_York");
  };
  if (!IsZoneName(name)) return unknown();
  const Result<std::string> bytes = ReadFile(Cat(kDirectory, name), kZoneBytesMax);
  if (bytes.ok()) return Parse(name, *bytes);
  if (!ReadFile(Cat(kDirectory, "Etc/UTC"), kZoneBytesMax).ok()) {
    return FailedPrecondition("time zone ", Quoted(name), " needs the time zone database in ", kDirectory,
                              ", which is not there; install tzdata, or write UTC");
  }
  return unknown();
}

Result<TimeZone> TimeZone::Parse(std::string_view name, std::string_view bytes) {
  const auto broken = [name](std::string_view what) {
    return InvalidArgument("time zone ", Quoted(name), ": ", what, "; reinstall tzdata");
  };
  if (bytes.size() > kZoneBytesMax) return broken("its file is too large");
  const std::optional<Header> old = ReadHeader(bytes);
  // Version 1 has 32-bit times and is followed by the same in 64 bits.
  if (!old || bytes[4] < '2') return broken("its file is not RFC 8536, version 2 or later");
  const std::size_t begin = kHeaderBytes + old->BodyBytes(4);
  if (begin > bytes.size()) return broken("its file is cut off");
  const std::optional<Header> header = ReadHeader(bytes.substr(begin));
  if (!header || header->types == 0) return broken("its second part has no types");
  const std::size_t times = begin + kHeaderBytes, end = times + header->BodyBytes(8);
  if (end > bytes.size()) return broken("its file is cut off");

  auto table = std::make_shared<Table>();
  table->name = name;
  const std::size_t codes = times + header->transitions * 8, types = codes + header->transitions;
  const auto offset_of = [&](std::size_t type) { return BigEndian(bytes, types + type * 6, 4); };
  table->before = offset_of(0);
  for (std::size_t i = 0; i < header->transitions; ++i) {
    const auto type = static_cast<std::size_t>(static_cast<unsigned char>(bytes[codes + i]));
    if (type >= header->types) return broken("a transition has no type");
    table->at.push_back(BigEndian(bytes, times + i * 8, 8));
    table->offsets.push_back(offset_of(type));
    if (table->offsets.back() < -2 * kDaySeconds || table->offsets.back() > 2 * kDaySeconds)
      return broken("an offset is too large");
    if (i > 0 && table->at[i] <= table->at[i - 1]) return broken("its transitions do not ascend");
  }
  table->footer.standard = table->offsets.empty() ? table->before : table->offsets.back();
  const std::string_view footer = Trim(bytes.substr(end));
  if (!footer.empty()) {
    const std::optional<Footer> read = ReadFooter(footer);
    if (!read) return broken(Cat("the rule ", Quoted(footer), " is not understood"));
    table->footer = *read;
  }
  return TimeZone(std::move(table));
}

const std::string& TimeZone::name() const { return table_->name; }

seconds TimeZone::OffsetAt(Timestamp at) const { return seconds(table_->OffsetAt(SecondsOf(at))); }

std::int64_t TimeZone::DayOf(Timestamp at) const {
  const std::int64_t second = SecondsOf(at);
  return FloorDivide(second + table_->OffsetAt(second), kDaySeconds);
}

int TimeZone::MinuteOfDay(Timestamp at) const {
  const std::int64_t second = SecondsOf(at), local = second + table_->OffsetAt(second);
  return static_cast<int>((local - FloorDivide(local, kDaySeconds) * kDaySeconds) / 60);
}

Timestamp TimeZone::StartOfDay(std::int64_t day) const {
  const std::int64_t midnight = day * kDaySeconds;
  const std::int64_t before = table_->OffsetAt(midnight - 26 * 3600), after = table_->OffsetAt(midnight + 26 * 3600);
  const auto at = [](std::int64_t second) { return Timestamp(seconds(second)); };
  std::int64_t first = midnight - std::max(before, after), last = midnight - std::min(before, after);
  for (const std::int64_t candidate : {first, last}) {
    if (candidate + table_->OffsetAt(candidate) == midnight) return at(candidate);
  }
  // The clock jumps over midnight: the day begins with the jump, the first second of a later day.
  while (first < last) {
    const std::int64_t middle = first + (last - first) / 2;
    if (middle + table_->OffsetAt(middle) >= midnight) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return at(first);
}

std::string TimeZone::FormatDay(Timestamp at) const {
  return FormatTime(Timestamp(std::chrono::days(DayOf(at)))).substr(0, 10);
}

}  // namespace mw
