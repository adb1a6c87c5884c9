// Text operations against answers worked out by hand.
#include "base/text.h"

#include <gtest/gtest.h>

namespace mw {
namespace {

TEST(Text, CatWritesNumbersInTheirShortestForm) { EXPECT_EQ(Cat("a", 1, ' ', 0.1, true, 1e300), "a1 0.1true1e+300"); }

TEST(Text, ThousandsAreGroupedFromTheRight) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(336776), "336,776");
  EXPECT_EQ(WithThousands(-1234567), "-1,234,567");
}

TEST(Text, SplitKeepsEmptyPieces) {
  EXPECT_EQ(Split("", ',').size(), 1u);
  EXPECT_EQ(Split("a,,b", ',').size(), 3u);
}

TEST(Text, NumbersAreTheWholeText) {
  EXPECT_EQ(ParseInt("42"), 42);
  EXPECT_FALSE(ParseInt("42x"));
  EXPECT_FALSE(ParseInt("99999999999999999999"));
  EXPECT_EQ(ParseDouble("1e-3"), 0.001);
  EXPECT_FALSE(ParseDouble("1,5"));
  EXPECT_FALSE(ParseDouble(""));
}

TEST(Text, Utf8RefusesOverlongSurrogatesAndTruncation) {
  EXPECT_TRUE(IsUtf8("Zürich \xF0\x9F\x9B\xAB"));
  EXPECT_FALSE(IsUtf8("\xC0\xAF"));
  EXPECT_FALSE(IsUtf8("\xE0\x80\x80"));
  EXPECT_FALSE(IsUtf8("\xED\xA0\x80"));
  EXPECT_FALSE(IsUtf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(IsUtf8("\xE2\x82"));
}

TEST(Text, QuotedIsSafeToPrint) {
  EXPECT_EQ(Quoted("a\"b\n\xff"), "\"a\\\"b\\x0a\\xff\"");
  EXPECT_EQ(Quoted("abcdef", 3), "\"abc...\"");
}

TEST(Text, NearestFindsTyposAndRefusesStrangers) {
  const std::vector<std::string_view> names = {"threshold", "objective", "calendar"};
  EXPECT_EQ(Nearest("treshold", names), "threshold");
  EXPECT_EQ(Nearest("calender", names), "calendar");
  EXPECT_EQ(Nearest("obejctive", names), "objective");
  EXPECT_EQ(Nearest("banana", names), "");
}

}  // namespace
}  // namespace mw
