// Local days across clock changes, held against instants known from the zones' published rules.
#include "base/time_zone.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"

namespace mw {
namespace {

TimeZone Zone(std::string_view name) {
  auto zone = TimeZone::Load(name);
  EXPECT_TRUE(zone.ok()) << (zone.ok() ? "" : zone.error().message);
  return zone.ok() ? *std::move(zone) : TimeZone();
}

std::string StartOf(const TimeZone& zone, std::string_view day) {
  const auto at = *ParseTime(day);
  return FormatTime(zone.StartOfDay(std::chrono::floor<std::chrono::days>(at).time_since_epoch().count()));
}

TEST(TimeZone, UtcNeedsNoDatabase) {
  const TimeZone utc;
  EXPECT_EQ(utc.name(), "UTC");
  EXPECT_EQ(StartOf(utc, "2013-07-01"), "2013-07-01T00:00:00Z");
  EXPECT_EQ(utc.DayOf(FromMicros(-1)), -1);
  EXPECT_EQ(utc.MinuteOfDay(FromMicros(-1)), 1439);
}

TEST(TimeZone, DaysBeginAtLocalMidnightOnBothSidesOfAClockChange) {
  const TimeZone york = Zone("America/New_York");
  EXPECT_EQ(StartOf(york, "2013-03-10"), "2013-03-10T05:00:00Z");
  EXPECT_EQ(StartOf(york, "2013-03-11"), "2013-03-11T04:00:00Z") << "23 hours later";
  EXPECT_EQ(StartOf(york, "2013-11-03"), "2013-11-03T04:00:00Z");
  EXPECT_EQ(StartOf(york, "2013-11-04"), "2013-11-04T05:00:00Z") << "25 hours later";
  EXPECT_EQ(york.DayOf(*ParseTime("2013-11-04T04:59:59Z")), york.DayOf(*ParseTime("2013-11-03T04:00:00Z")));
  EXPECT_EQ(york.MinuteOfDay(*ParseTime("2013-07-01T13:37:59Z")), 9 * 60 + 37);
  EXPECT_EQ(york.FormatDay(*ParseTime("2013-07-01T03:59:59Z")), "2013-06-30");
}

TEST(TimeZone, ADayWithoutMidnightBeginsWithTheJump) {
  // Sao Paulo went from 23:59:59 to 01:00:00 on 20 October 2013.
  EXPECT_EQ(StartOf(Zone("America/Sao_Paulo"), "2013-10-20"), "2013-10-20T03:00:00Z");
  // Samoa left 30 December 2011 out altogether: it begins, empty, where the 31st does.
  EXPECT_EQ(StartOf(Zone("Pacific/Apia"), "2011-12-31"), "2011-12-30T10:00:00Z");
  EXPECT_EQ(StartOf(Zone("Pacific/Apia"), "2011-12-30"), "2011-12-30T10:00:00Z");
}

TEST(TimeZone, RulesGoOnAfterTheTable) {
  const TimeZone york = Zone("America/New_York");
  EXPECT_EQ(york.OffsetAt(*ParseTime("2150-07-01T00:00:00Z")), std::chrono::hours(-4));
  EXPECT_EQ(york.OffsetAt(*ParseTime("2150-12-01T00:00:00Z")), std::chrono::hours(-5));
  const TimeZone sydney = Zone("Australia/Sydney");  // daylight saving spans the new year
  EXPECT_EQ(sydney.OffsetAt(*ParseTime("2150-01-01T00:00:00Z")), std::chrono::hours(11));
  EXPECT_EQ(sydney.OffsetAt(*ParseTime("2150-07-01T00:00:00Z")), std::chrono::hours(10));
  EXPECT_EQ(Zone("Asia/Kathmandu").OffsetAt(*ParseTime("2150-01-01T00:00:00Z")), std::chrono::minutes(345));
}

TEST(TimeZone, RefusesWhatIsNoZone) {
  for (const std::string_view bad :
       {"", "/etc/passwd", "../../etc/passwd", "America/Nowhere", "New York", "EST5EDT;DROP", "zone.tab"}) {
    EXPECT_FALSE(TimeZone::Load(bad).ok()) << bad;
  }
  EXPECT_NE(TimeZone::Load("Mars/Olympus").error().message.find("America/New_York"), std::string::npos);
}

TEST(TimeZone, RefusesBrokenFilesAtEveryLength) {
  const auto whole = ReadFile("/usr/share/zoneinfo/America/New_York");
  ASSERT_TRUE(whole.ok());
  ASSERT_TRUE(TimeZone::Parse("x", *whole).ok());
  for (std::size_t size = 0; size + 40 < whole->size(); size += 7) {
    EXPECT_FALSE(TimeZone::Parse("x", std::string_view(*whole).substr(0, size)).ok()) << size;
  }
  const std::size_t footer = whole->rfind("EST5EDT");
  for (const std::string_view rule : {"EST", "EST5EDT", "EST5EDT,M13.1.0,M11.1.0", "EST5EDT,J60,J300", "<EST5"}) {
    EXPECT_FALSE(TimeZone::Parse("x", Cat(whole->substr(0, footer), rule, "\n")).ok()) << rule;
  }
}

}  // namespace
}  // namespace mw
