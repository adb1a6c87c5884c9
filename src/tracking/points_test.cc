// Packed points: what goes in comes out, whatever the numbers, and bytes that are cut off are refused.
#include "tracking/points.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "tracking/testing.h"

namespace mw::tracking {
namespace {

std::vector<Point> SomePoints(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Point> points;
  for (std::size_t i = 0; i < count; ++i) {
    points.push_back({1'700'000'000'000 + static_cast<std::int64_t>(i * 17 + random.Below(5)),
                      static_cast<std::int64_t>(i / 2), random.Normal()});
  }
  return points;
}

bool AllSame(const std::vector<Point>& a, const std::vector<Point>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), Same);
}

TEST(Points, AChunkGivesBackWhatWasPacked) {
  std::vector<Point> points = {{kLeast, kMost, 0.1}, {0, kLeast, kNan}, {kMost, 0, -kInfinity}, {5, -3, -0.0}};
  for (const Point& point : SomePoints(500, 1)) points.push_back(point);
  std::vector<Point> read;
  ASSERT_TRUE(UnpackChunk(PackChunk(points), read).ok());
  EXPECT_TRUE(AllSame(read, points));
  EXPECT_LT(PackChunk(SomePoints(1000, 2)).size(), 11'000U) << "two bytes for step and time";
}

TEST(Points, ATailGivesBackWhatWasAppendedAndTailsJoin) {
  const std::vector<TailPoint> first = {{1, {kMost, kLeast, 0.5}}, {1'000'000, {0, 0, kNan}}};
  const std::vector<TailPoint> second = {{7, {-1, 1, kInfinity}}};
  std::string tail;
  AppendTail(tail, first);
  AppendTail(tail, second);
  std::vector<TailPoint> read;
  ASSERT_TRUE(ReadTail(tail, read).ok());
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[1].name, 1'000'000);
  EXPECT_TRUE(Same(read[0].point, first[0].point) && Same(read[1].point, first[1].point));
  EXPECT_TRUE(Same(read[2].point, second[0].point));
}

TEST(Points, BytesThatAreCutOffAreRefused) {
  const std::string chunk = PackChunk(SomePoints(3, 3));
  std::string tail;
  AppendTail(tail, std::vector<TailPoint>{{300, {1'700'000'000'000, 5, 0.25}}});
  int whole = 0;
  for (std::size_t size = 0; size <= chunk.size(); ++size) {
    std::vector<Point> read;
    whole += UnpackChunk(std::string_view(chunk).substr(0, size), read).ok();
  }
  EXPECT_EQ(whole, 4) << "after none, one, two and three points";
  for (std::size_t size = 1; size < tail.size(); ++size) {
    std::vector<TailPoint> read;
    EXPECT_EQ(ReadTail(std::string_view(tail).substr(0, size), read).error().code, Code::kDataLoss) << size;
  }
  std::vector<Point> read;
  EXPECT_FALSE(UnpackChunk("\x09", read).ok()) << "a format of the future";
  EXPECT_FALSE(UnpackChunk(std::string("\x01") + std::string(11, '\xFF'), read).ok()) << "a number without an end";
}

TEST(Points, SortingKeepsOneOfWhatIsThereTwice) {
  std::vector<Point> points = {{2, 0, kNan}, {1, 1, 5}, {2, 0, kNan}, {1, 1, 5}, {1, 0, 9}, {2, 0, 1e300}, {1, 1, 4}};
  SortPoints(points);
  const std::vector<Point> sorted = {{1, 0, 9}, {1, 1, 4}, {1, 1, 5}, {2, 0, 1e300}, {2, 0, kNan}};
  EXPECT_TRUE(AllSame(points, sorted));
}

TEST(Points, TheLatestIsOfTheGreatestStepThenTimeThenValue) {
  EXPECT_TRUE(IsLater({1, 5, 0}, {9, 4, 9}));
  EXPECT_TRUE(IsLater({9, 5, 0}, {8, 5, 9}));
  EXPECT_TRUE(IsLater({9, 5, 2}, {9, 5, 1}));
  EXPECT_TRUE(IsLater({9, 5, kNan}, {9, 5, kInfinity}));
  EXPECT_FALSE(IsLater({9, 5, kNan}, {9, 5, kNan}));
}

TEST(Points, ThinningKeepsEndsAndPeaks) {
  std::vector<Point> points = SomePoints(100'000, 4);
  points[33'333].value = 1e9;
  points[66'666].value = -1e9;
  points[50'000].value = kNan;
  const std::vector<Point> thin = Thin(points, 1000);
  EXPECT_LE(thin.size(), 1000U);
  EXPECT_GT(thin.size(), 900U);
  EXPECT_TRUE(Same(thin.front(), points.front()) && Same(thin.back(), points.back()));
  EXPECT_TRUE(std::is_sorted(thin.begin(), thin.end(), Before));
  const auto has = [&thin](const Point& p) {
    return std::any_of(thin.begin(), thin.end(), [&](const Point& q) { return Same(p, q); });
  };
  EXPECT_TRUE(has(points[33'333]) && has(points[66'666]));
  EXPECT_EQ(Thin(points, 1).size(), 1U);
  EXPECT_EQ(Thin(points, 2).size(), 2U);
  EXPECT_EQ(Thin(points, 3).size(), 3U);
  EXPECT_TRUE(AllSame(Thin(std::vector<Point>(points.begin(), points.begin() + 10), 10),
                      {points.begin(), points.begin() + 10}));
}

}  // namespace
}  // namespace mw::tracking
