// Where windows begin and what they are called.
#include "goals/window.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/yaml.h"
#include "goals/goal.h"

namespace mw::goals {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month;
using std::chrono::year_month_day;

constexpr Duration kHour = std::chrono::hours(1);
constexpr Duration kDay = std::chrono::hours(24);
constexpr std::int64_t kFirstMonday = 4;  // 1970-01-05

std::int64_t FloorTo(std::int64_t value, std::int64_t step, std::int64_t origin) {
  const std::int64_t past = ((value - origin) % step + step) % step;
  return value - past;
}

year_month_day Civil(std::int64_t day) { return year_month_day(sys_days(days(day))); }
std::int64_t DayNumber(year_month month) { return sys_days(month / 1).time_since_epoch().count(); }

std::string_view MonthName(year_month_day day) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return kMonths[static_cast<unsigned>(day.month()) - 1];
}
std::string DayText(std::int64_t number) {
  const year_month_day day = Civil(number);
  return Cat(static_cast<unsigned>(day.day()), " ", MonthName(day));
}
std::string YearText(std::int64_t number) { return Cat(" ", static_cast<int>(Civil(number).year())); }

// The windows of one length: their number for an instant, and what lies at a number.
class Windows {
 public:
  Windows(const WindowLength& length, const TimeZone& zone) : length_(length), zone_(zone) {
    if (length.months || length.length % kDay != Duration(0)) return;
    days_ = length.length / kDay;
    origin_ = days_ % 7 == 0 ? kFirstMonday : 0;
  }

  // Where the window that holds `at` starts: a day of the local calendar, or microseconds.
  [[nodiscard]] std::int64_t Containing(Timestamp at) const {
    if (length_.months) {
      const year_month_day day = Civil(zone_.DayOf(at));
      return DayNumber(day.year() / day.month());
    }
    if (days_ > 0) return FloorTo(zone_.DayOf(at), days_, origin_);
    return FloorTo(ToMicros(at), length_.length.count(), 0);
  }
  [[nodiscard]] std::int64_t Step(std::int64_t start, int by) const {
    if (days_ > 0) return start + by * days_;
    if (!length_.months) return start + by * length_.length.count();
    const year_month_day day = Civil(start);
    return DayNumber(day.year() / day.month() + std::chrono::months(by));
  }
  [[nodiscard]] Timestamp At(std::int64_t start) const {
    return length_.months || days_ > 0 ? zone_.StartOfDay(start) : FromMicros(start);
  }
  [[nodiscard]] std::string Label(std::int64_t start) const {
    if (length_.months) return Cat(MonthName(Civil(start)), YearText(start));
    if (days_ == 1) return DayText(start) + YearText(start);
    if (days_ > 1) {
      const std::int64_t last = start + days_ - 1;
      const bool one_year = Civil(start).year() == Civil(last).year();
      return Cat(DayText(start), one_year ? "" : YearText(start), " - ", DayText(last), YearText(last));
    }
    const std::int64_t day = zone_.DayOf(FromMicros(start));
    const int minute = zone_.MinuteOfDay(FromMicros(start));
    const auto two = [](int value) { return Cat(value < 10 ? "0" : "", value); };
    return Cat(DayText(day), YearText(day), " ", two(minute / 60), ":", two(minute % 60));
  }

 private:
  const WindowLength& length_;
  const TimeZone& zone_;
  std::int64_t days_ = 0, origin_ = 0;
};

}  // namespace

Result<WindowLength> ParseWindowLength(std::string_view text) {
  if (text == "month") return WindowLength{.months = true};
  const Result<Duration> length = ParseDuration(text);
  if (!length.ok()) return InvalidArgument(Quoted(text), " is no window; write month, 7d or 28d");
  if (*length >= kHour) return WindowLength{.length = *length};
  return InvalidArgument("a window of ", text, " is shorter than an hour; write 1h or longer, 7d, 28d or month");
}

std::string FormatWindowLength(const WindowLength& length) {
  if (length.months) return "month";
  if (length.length % kDay == Duration(0)) return Cat(length.length / kDay, "d");
  if (length.length % kHour == Duration(0)) return Cat(length.length / kHour, "h");
  return Cat(static_cast<double>(length.length.count()) / 1e6, "s");
}

std::vector<Window> WindowsOf(const WindowLength& length, const TimeZone& zone, Timestamp from, Timestamp until) {
  std::vector<Window> out;
  if (from >= until) return out;
  const Windows windows(length, zone);
  const Timestamp last = until - Duration(1);
  for (std::int64_t start = windows.Containing(last); out.size() < kWindowsMax; start = windows.Step(start, -1)) {
    out.push_back({windows.At(start), windows.At(windows.Step(start, 1)), windows.Label(start)});
    if (out.back().from <= from) break;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<Window> WindowsOf(const Goal& goal, const Target& target, Timestamp from, Timestamp until) {
  return WindowsOf(target.window, goal.zone, from, until);
}

}  // namespace mw::goals
