// Percentiles with known answers, their error, and failures behind every latency.
#include "load/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace mw::load {
namespace {

TEST(LatencyHistogram, IsExactBelow256Microseconds) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 200; ++i) histogram.Add(Duration(i));
  EXPECT_EQ(histogram.Percentile(0.5), Duration(100));
  EXPECT_EQ(histogram.Percentile(0.9), Duration(180));
  EXPECT_EQ(histogram.Percentile(0.99), Duration(198));
  EXPECT_EQ(histogram.Percentile(1), Duration(200));
  EXPECT_EQ(histogram.Percentile(0), Duration(1));
  EXPECT_DOUBLE_EQ(histogram.MeanMicros(), 100.5);
}

TEST(LatencyHistogram, IsOffByLessThanItSaysOverTheWholeRange) {
  Random random(1);
  LatencyHistogram histogram;
  std::vector<std::int64_t> exact;
  for (int i = 0; i < 100'000; ++i) {
    exact.push_back(static_cast<std::int64_t>(std::exp(random.Uniform() * 24)));  // to seven hours
    histogram.Add(Duration(exact.back()));
  }
  std::sort(exact.begin(), exact.end());
  for (const double share : {0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * 100'000));
    const auto expected = static_cast<double>(exact[rank - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.Percentile(share).count()), expected,
                expected * LatencyHistogram::kRelativeErrorMax + 0.5)
        << share;
  }
  EXPECT_EQ(histogram.max(), Duration(exact.back()));
}

TEST(LatencyHistogram, PutsRequestsWithoutALatencyBehindAllOthers) {
  LatencyHistogram histogram;
  for (int i = 0; i < 95; ++i) histogram.Add(Duration(10));
  histogram.AddUnbounded(5);
  EXPECT_EQ(histogram.count(), 100U);
  EXPECT_EQ(histogram.Percentile(0.95), Duration(10));
  EXPECT_EQ(histogram.Percentile(0.96), LatencyHistogram::kNoBound);
  EXPECT_DOUBLE_EQ(histogram.ShareWithin(Duration(10)), 0.95);
  EXPECT_DOUBLE_EQ(histogram.ShareWithin(Duration(9)), 0);
}

TEST(LatencyHistogram, MergesToWhatOneWouldHaveSeen) {
  Random random(2);
  LatencyHistogram whole, left, right;
  for (int i = 0; i < 10'000; ++i) {
    const Duration latency(static_cast<std::int64_t>(random.Below(5'000'000)));
    whole.Add(latency);
    (i % 3 == 0 ? left : right).Add(latency);
  }
  left.AddUnbounded();
  whole.AddUnbounded();
  left.Merge(right);
  for (double share = 0; share <= 1; share += 0.01) EXPECT_EQ(left.Percentile(share), whole.Percentile(share));
  EXPECT_EQ(left.max(), whole.max());
  EXPECT_DOUBLE_EQ(left.MeanMicros(), whole.MeanMicros());
}

TEST(LatencyHistogram, TakesNothingNegativeAndNothingEndless) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Percentile(0.5), Duration(0));
  EXPECT_DOUBLE_EQ(histogram.ShareWithin(Duration(1)), 1);
  histogram.Add(Duration(-5));
  EXPECT_EQ(histogram.Percentile(1), Duration(0));
  histogram.Add(Duration::max());
  EXPECT_EQ(histogram.max(), Duration(LatencyHistogram::kLargestMicros));
}

}  // namespace
}  // namespace mw::load
