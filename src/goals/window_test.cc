// Windows side by side through clock changes, leap years and ends of years.
#include "goals/window.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "goals/goal.h"

namespace mw::goals {
namespace {

const TimeZone& York() {
  static const TimeZone zone = TimeZone::Load("America/New_York").value_or(TimeZone());
  return zone;
}
WindowLength Length(std::string_view text) {
  auto length = ParseWindowLength(text);
  EXPECT_TRUE(length.ok()) << text;
  return length.ok() ? *length : WindowLength{};
}
std::vector<Window> Between(std::string_view length, std::string_view from, std::string_view until,
                            const TimeZone& zone = York()) {
  return WindowsOf(Length(length), zone, *ParseTime(from), *ParseTime(until));
}
std::string Shown(const Window& window) {
  return Cat(FormatTime(window.from), " ", FormatTime(window.until), " ", window.label);
}

TEST(Windows, MonthsOfAYearBeginAtLocalMidnight) {
  const auto months = Between("month", "2013-05-01T04:00:00Z", "2014-01-01T05:00:00Z");
  ASSERT_EQ(months.size(), 8u);
  EXPECT_EQ(Shown(months[0]), "2013-05-01T04:00:00Z 2013-06-01T04:00:00Z May 2013");
  EXPECT_EQ(Shown(months[6]), "2013-11-01T04:00:00Z 2013-12-01T05:00:00Z Nov 2013") << "one hour longer";
  EXPECT_EQ(Shown(months[7]), "2013-12-01T05:00:00Z 2014-01-01T05:00:00Z Dec 2013") << "over the year's end";
}

TEST(Windows, LeapYearsHaveTheirDay) {
  EXPECT_EQ(Shown(Between("month", "2016-02-10T00:00:00Z", "2016-02-11T00:00:00Z")[0]),
            "2016-02-01T05:00:00Z 2016-03-01T05:00:00Z Feb 2016");
  EXPECT_EQ(Shown(Between("1d", "2016-02-29T12:00:00Z", "2016-02-29T13:00:00Z")[0]),
            "2016-02-29T05:00:00Z 2016-03-01T05:00:00Z 29 Feb 2016");
}

TEST(Windows, WeeksBeginOnMondayThroughClockChanges) {
  const auto weeks = Between("7d", "2013-03-05T00:00:00Z", "2013-03-12T00:00:00Z");
  ASSERT_EQ(weeks.size(), 2u);
  EXPECT_EQ(Shown(weeks[0]), "2013-03-04T05:00:00Z 2013-03-11T04:00:00Z 4 Mar - 10 Mar 2013") << "an hour short";
  EXPECT_EQ(weeks[1].from, weeks[0].until);
  EXPECT_EQ(Between("28d", "2013-07-05T00:00:00Z", "2013-07-06T00:00:00Z")[0].from.time_since_epoch() %
                std::chrono::hours(24),
            std::chrono::hours(4));
  EXPECT_EQ(Shown(Between("7d", "2013-12-30T12:00:00Z", "2013-12-30T13:00:00Z")[0]),
            "2013-12-30T05:00:00Z 2014-01-06T05:00:00Z 30 Dec 2013 - 5 Jan 2014");
}

TEST(Windows, OtherDaysCountFromTheEpochAndHoursNeedNoZone) {
  EXPECT_EQ(Shown(Between("2d", "1970-01-02T12:00:00Z", "1970-01-02T13:00:00Z", TimeZone())[0]),
            "1970-01-01T00:00:00Z 1970-01-03T00:00:00Z 1 Jan - 2 Jan 1970");
  const auto hours = Between("6h", "2013-11-03T04:00:00Z", "2013-11-03T12:00:00Z");
  ASSERT_EQ(hours.size(), 2u);
  EXPECT_EQ(Shown(hours[0]), "2013-11-03T00:00:00Z 2013-11-03T06:00:00Z 2 Nov 2013 20:00");
}

TEST(Windows, LieSideBySideAndHoldWhatWasAsked) {
  for (const char* length : {"month", "7d", "1d", "3d", "28d", "5h", "90m"}) {
    for (const char* name : {"UTC", "America/New_York", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu"}) {
      const TimeZone zone = *TimeZone::Load(name);
      const Timestamp from = *ParseTime("2011-11-20T07:31:00Z"), until = *ParseTime("2014-03-02T01:00:00Z");
      const auto windows = WindowsOf(Length(length), zone, from, until);
      ASSERT_FALSE(windows.empty());
      EXPECT_LE(windows.front().from, from);
      EXPECT_GT(windows.front().until, from);
      EXPECT_LT(windows.back().from, until);
      EXPECT_GE(windows.back().until, until);
      for (std::size_t i = 1; i < windows.size(); ++i) {
        ASSERT_EQ(windows[i].from, windows[i - 1].until) << length << " " << name << " " << windows[i].label;
        // Apia had no 30 December 2011: that one day is empty.
        ASSERT_LE(windows[i].from, windows[i].until) << length << " " << name;
      }
      // The same windows whatever part is asked for.
      const auto part = WindowsOf(Length(length), zone, windows[1].from, windows[1].from + Duration(1));
      ASSERT_EQ(part.size(), 1u);
      EXPECT_EQ(Shown(part[0]), Shown(windows[1]));
    }
  }
}

TEST(Windows, OfNothingThereAreNone) {
  EXPECT_TRUE(Between("month", "2013-05-01", "2013-05-01").empty());
  EXPECT_TRUE(Between("month", "2013-05-02", "2013-05-01").empty());
}

TEST(WindowLength, ReadsAndWritesTheSame) {
  for (const char* text : {"month", "7d", "28d", "6h", "1d"}) EXPECT_EQ(FormatWindowLength(Length(text)), text);
  for (const char* bad : {"", "months", "59m", "0d", "-7d", "fortnight"}) {
    EXPECT_FALSE(ParseWindowLength(bad).ok()) << bad;
  }
}

TEST(Windows, OfATargetFollowTheGoal) {
  const auto goal = ParseGoal(R"yaml(goal: late
outcome: x
owner: y
timezone: America/New_York
predict: {label: late}
defaults: {window: month}
targets:
  - {name: ranking, require: roc_auc >= 0.68}
  - {name: weekly, require: roc_auc >= 0.68, window: 7d}
)yaml",
                              "goal.yaml");
  ASSERT_TRUE(goal.ok()) << goal.error().message;
  const Timestamp from = *ParseTime("2013-07-05T00:00:00Z");
  EXPECT_EQ(WindowsOf(*goal, goal->targets[0], from, from + Duration(1))[0].label, "Jul 2013");
  EXPECT_EQ(WindowsOf(*goal, goal->targets[1], from, from + Duration(1))[0].label, "1 Jul - 7 Jul 2013");
}

}  // namespace
}  // namespace mw::goals
