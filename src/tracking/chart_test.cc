// Charts against a brute force over the same points: in memory, and as the store reads them with and without what is
// known of its chunks.
#include "tracking/chart.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/random.h"
#include "base/text.h"
#include "db/temporary_database.h"
#include "tracking/testing.h"
#include "tracking/tracking.h"

namespace mw::tracking {
namespace {

bool Equal(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// What a bucket should say, from its points in the order of a history.
Bucket Expected(const std::vector<Point>& points, Axis axis) {
  Bucket bucket;
  bucket.least = bucket.most = kNan;
  for (const Point& point : points) {
    const std::int64_t x = PlaceOn(axis, point);
    if (bucket.count == 0 || x < bucket.x_first) {
      bucket.x_first = x;
      bucket.first = point.value;
    }
    if (bucket.count == 0 || x >= bucket.x_last) {
      bucket.x_last = x;
      bucket.last = point.value;
    }
    ++bucket.count;
    bucket.nans += std::isnan(point.value) ? 1 : 0;
    bucket.least = std::fmin(bucket.least, point.value);
    bucket.most = std::fmax(bucket.most, point.value);
  }
  return bucket;
}

std::vector<Bucket> BruteForce(const std::vector<Point>& points, Axis axis, std::int64_t begin, std::int64_t end,
                               std::int64_t width) {
  std::map<std::int64_t, std::vector<Point>> parts;
  for (const Point& point : points) {
    const std::int64_t x = PlaceOn(axis, point);
    if (x >= begin && x <= end) parts[(x - begin) / width].push_back(point);
  }
  std::vector<Bucket> buckets;
  for (const auto& [index, part] : parts) buckets.push_back(Expected(part, axis));
  return buckets;
}

void ExpectSame(const std::vector<Bucket>& found, const std::vector<Bucket>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Bucket &a = found[i], &b = expected[i];
    EXPECT_TRUE(a.count == b.count && a.nans == b.nans && a.x_first == b.x_first && a.x_last == b.x_last &&
                Equal(a.first, b.first) && Equal(a.last, b.last) && Equal(a.least, b.least) && Equal(a.most, b.most))
        << "bucket " << i << ": " << a.count << " points from " << a.x_first << " to " << a.x_last << ", " << b.count
        << " from " << b.x_first << " to " << b.x_last;
  }
}

TEST(Buckets, HoldAnyPlaces) {
  for (const std::size_t count : {2, 3, 1000}) {
    Buckets buckets(kLeast, kMost, count);
    for (const std::int64_t x : {kLeast, std::int64_t{-1}, std::int64_t{0}, kMost}) buckets.Add(x, 1);
    EXPECT_EQ(buckets.Filled().front().x_first, kLeast);
    EXPECT_EQ(buckets.Filled().back().x_last, kMost);
  }
}

TEST(Buckets, OfFewPlacesAreThePlacesThemselves) {
  Buckets buckets(10, 19, 1000);
  EXPECT_EQ(buckets.width(), 1);
  for (std::int64_t x = 5; x < 25; x += 2) buckets.Add(x, static_cast<double>(x));
  const std::vector<Bucket> filled = buckets.Filled();
  ASSERT_EQ(filled.size(), 5U) << "11 to 19";
  EXPECT_EQ(filled[0].x_first, 11);
  EXPECT_EQ(filled[0].first, 11);
}

// A stretch that lies in one bucket and its points come to the same; one that does not is refused.
TEST(Buckets, TakeStretchesForTheirPoints) {
  const std::vector<std::vector<Point>> stretches = {
      {{1, 0, kNan}, {2, 1, 3}, {3, 2, -1}}, {{4, 3, kNan}}, {{5, 10, 2}, {6, 9, 1}}, {{9, 12, 5}, {9, 30, 6}}};
  for (const Axis axis : {Axis::kTime, Axis::kStep}) {
    Buckets whole(0, 39, 2), single(0, 39, 2);
    for (const auto& points : stretches) {
      const bool taken = whole.Add(StretchOf(points), axis);
      const bool fits = axis == Axis::kTime || (points[0].step != 10 && points[0].step != 12);
      EXPECT_EQ(taken, fits) << points[0].step;
      for (const Point& point : points) {
        if (!taken) whole.Add(PlaceOn(axis, point), point.value);
        single.Add(PlaceOn(axis, point), point.value);
      }
    }
    ExpectSame(whole.Filled(), single.Filled());
  }
}

// A point may be one bucket too early; none is lost, and no peak.
TEST(Buckets, ThatAreRoughTakeStretchesShorterThanTheyAre) {
  Buckets rough(0, 99, 10, true), exact(0, 99, 10);
  const std::vector<Point> short_one = {{0, 7, 1}, {0, 10, 9}, {0, 16, 2}}, long_one = {{0, 20, 1}, {0, 30, 1}};
  EXPECT_FALSE(exact.Add(StretchOf(short_one), Axis::kStep));
  EXPECT_TRUE(rough.Add(StretchOf(short_one), Axis::kStep));
  EXPECT_FALSE(rough.Add(StretchOf(long_one), Axis::kStep));
  EXPECT_FALSE(rough.Add(StretchOf(std::vector<Point>{{0, 95, 1}, {0, 101, 1}}), Axis::kStep)) << "partly outside";
  for (const Point& point : long_one) rough.Add(point.step, point.value);
  const std::vector<Bucket> filled = rough.Filled();
  ASSERT_EQ(filled.size(), 3U);
  EXPECT_EQ(filled[0].count, 3);
  EXPECT_EQ(filled[0].x_first, 7);
  EXPECT_EQ(filled[0].most, 9);
  EXPECT_EQ(filled[1].x_first, 20);
}

template <typename Driver>
class ChartTest : public db::StoreTest<Driver> {
 protected:
  ChartTest() : db::StoreTest<Driver>(Migrations()) {}
  void Begin() override {
    tracking_.emplace(*this->database_, clock_);
    NewRun run;
    run.id = RunId("a");
    run.experiment = ExperimentId("0");
    EXPECT_TRUE(SyncWait(tracking_->CreateRun(run)).ok());
  }
  void Log(const std::vector<MetricPoint>& points) {
    for (std::size_t i = 0; i < points.size(); i += 500) {
      LogBatch batch{RunId("a"), {}, {}, {}};
      batch.metrics.assign(points.begin() + static_cast<std::ptrdiff_t>(i),
                           points.begin() + static_cast<std::ptrdiff_t>(std::min(i + 500, points.size())));
      EXPECT_TRUE(SyncWait(tracking_->Log(batch)).ok());
    }
  }
  std::vector<Series> Ask(ChartQuery query) {
    auto chart = SyncWait(tracking_->ReadChart(std::move(query)));
    EXPECT_TRUE(chart.ok()) << chart.error().ToString();
    return chart.ok() ? *chart : std::vector<Series>();
  }

  SimulatedClock clock_{FromMicros(0)};
  std::optional<Tracking> tracking_;
};

TYPED_TEST_SUITE(ChartTest, db::TestDrivers, db::TestDriverNames);

// Steps that go back and forth, NaNs, and points that came late: chunks, some of them read, and the tail.
TYPED_TEST(ChartTest, IsWhatABruteForceGives) {
  Random random(3);
  std::vector<MetricPoint> points;
  std::vector<Point> loss;
  for (std::int64_t i = 0; i < 9000; ++i) {
    const bool wild = i > 3000 && i < 4000;
    const std::int64_t step = wild ? static_cast<std::int64_t>(random.Below(12'000)) : i;
    const Point point{1000 + i * 3, step, i % 701 == 0 ? kNan : random.Normal()};
    points.push_back({"val/loss", point});
    if (i % 2 == 0) points.push_back({"other", {i, i, 1}});
    loss.push_back(point);
  }
  points.push_back({"val/loss", {1, 12'500, 77}});  // late
  loss.push_back(points.back().point);
  std::sort(loss.begin(), loss.end(), Before);
  this->Log(points);
  for (const Axis axis : {Axis::kStep, Axis::kTime}) {
    for (const std::size_t count : {2, 7, 100, 10'000}) {
      for (const bool window : {false, true}) {
        ChartQuery query;
        query.runs = {RunId("nobody"), RunId("a")};
        query.metrics = {"val/loss", "nothing"};
        query.axis = axis;
        query.buckets = count;
        if (window) query.from = 2500;
        if (window) query.to = 7777;
        const std::vector<Series> chart = this->Ask(query);
        ASSERT_EQ(chart.size(), 1U);
        EXPECT_EQ(chart[0].points, 9001);
        EXPECT_EQ(chart[0].metric, "val/loss");
        EXPECT_LE(chart[0].buckets.size(), count);
        const std::int64_t begin = window ? 2500 : chart[0].begin, end = window ? 7777 : chart[0].end;
        SCOPED_TRACE(Cat(axis == Axis::kStep ? "steps" : "times", " in ", count, window ? " of a window" : ""));
        ExpectSame(chart[0].buckets, BruteForce(loss, axis, begin, end, chart[0].width));
      }
    }
  }
}

TYPED_TEST(ChartTest, AsksForNoMoreThanItMay) {
  ChartQuery query;
  query.runs = std::vector<RunId>(101, RunId("a"));
  query.metrics = {"loss"};
  EXPECT_EQ(SyncWait(this->tracking_->ReadChart(query)).error().code, Code::kInvalidArgument);
  query.runs = {RunId("a")};
  for (const std::size_t buckets : {std::size_t{0}, std::size_t{1}, ChartQuery::kBucketsMax + 1}) {
    query.buckets = buckets;
    EXPECT_EQ(SyncWait(this->tracking_->ReadChart(query)).error().code, Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace mw::tracking
