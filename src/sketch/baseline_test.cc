// Bins at quantiles, days of counts that add up to the whole, and their bytes.
#include "sketch/baseline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/file.h"
#include "base/random.h"
#include "base/test_paths.h"
#include "base/text.h"
#include "sketch/baseline_maker.h"

namespace mw::sketch {
namespace {

constexpr float kFloatNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kFloatInfinity = std::numeric_limits<float>::infinity();

// `rows` rows over `days` days from 2013-01-01 on; numbers, whole numbers with a heavy zero, categories.
Baseline Made(std::size_t rows, std::int64_t days) {
  Random random(1);
  const std::vector<std::string> carriers = {"AA", "B6", "DL", "UA"};
  std::vector<float> numbers, zeros, codes;
  std::vector<std::int64_t> times;
  for (std::size_t i = 0; i < rows; ++i) {
    numbers.push_back(i % 50 == 7 ? kFloatNan
                                  : static_cast<float>(random.Uniform() + random.Uniform() + random.Uniform() - 1.5));
    zeros.push_back(random.Below(3) > 0 ? 0 : static_cast<float>(random.Below(40)));
    codes.push_back(random.Below(20) == 0 ? kFloatNan : static_cast<float>(random.Below(4)));
    times.push_back(15'706 * kDayMicros +
                    static_cast<std::int64_t>(i) * days * kDayMicros / static_cast<std::int64_t>(rows));
  }
  numbers[3] = kFloatInfinity;
  BaselineMaker maker({rows, 3, "at", times});
  maker.Add({"x", ValueKind::kNumber}, numbers);
  maker.Add({"zeros", ValueKind::kNumber}, zeros);
  maker.Add({"carrier", ValueKind::kCategory}, codes, carriers);
  return maker.Finish();
}

TEST(ColumnBins, LieAtQuantilesWithHeavyValuesApart) {
  const Baseline baseline = Made(30'000, 10);
  EXPECT_EQ(baseline.bins[0].edges.size(), kBaselineEdges);
  const ColumnBins& zeros = baseline.bins[1];
  ASSERT_TRUE(std::is_sorted(zeros.edges.begin(), zeros.edges.end()));
  EXPECT_NE(zeros.Find(0.0), zeros.Find(-4.9e-324 * 4));
  EXPECT_NE(zeros.Find(0.0), zeros.Find(1));
  EXPECT_EQ(zeros.Find(0.0), zeros.Find(-0.0));
  EXPECT_EQ(zeros.Find(HUGE_VAL), zeros.size() - 1);
  EXPECT_EQ(zeros.Find(-HUGE_VAL), zeros.size() - 2);
  EXPECT_EQ(zeros.Find(1e30), zeros.edges.size());
  EXPECT_EQ(baseline.bins[2].categories.size(), 4U);
}

TEST(ColumnBins, OfAConstantHaveThatValueBetweenTwoOpenEnds) {
  ColumnProfile column({"x", ValueKind::kNumber});
  for (int i = 0; i < 100; ++i) column.AddNumber(5);
  const ColumnBins bins = ColumnBins::Of(column, 20);
  EXPECT_EQ(bins.size(), 5U);
  const std::vector<double> counts = bins.Counts(column);
  EXPECT_EQ(counts[bins.Find(5)], 100);
  EXPECT_NE(bins.Find(5), bins.Find(4.999));
  EXPECT_NE(bins.Find(5), bins.Find(5.001));
}

TEST(ColumnBins, OfNothingHaveOneOpenBin) {
  const ColumnBins bins = ColumnBins::Of(ColumnProfile({"x", ValueKind::kNumber}), 20);
  EXPECT_EQ(bins.size(), 3U);
  EXPECT_EQ(bins.Find(17), 0U);
}

TEST(ColumnBins, CountWhatAProfileHolds) {
  const Baseline baseline = Made(900, 3);  // few enough that quantiles are exact
  for (std::size_t column = 0; column < 3; ++column) {
    const std::vector<double> counts = baseline.bins[column].Counts(baseline.whole.column(column));
    const BlockColumn sum = baseline.Sum(column, 15'706, 15'709);
    EXPECT_EQ(counts, std::vector<double>(sum.counts.begin(), sum.counts.end())) << column;
  }
  const ColumnProfile text({"x", ValueKind::kText});
  EXPECT_EQ(baseline.bins[0].Counts(text), std::vector<double>(baseline.bins[0].size(), 0));
}

TEST(Baseline, DaysAddUpToTheWhole) {
  const Baseline baseline = Made(30'000, 10);
  ASSERT_EQ(baseline.blocks.size(), 10U);
  EXPECT_EQ(baseline.blocks[0].day, 15'706);
  EXPECT_EQ(baseline.rows(), 30'000U);
  for (std::size_t column = 0; column < 3; ++column) {
    const BlockColumn sum = baseline.Sum(column, 15'706, 15'716);
    const ColumnProfile& whole = baseline.whole.column(column);
    EXPECT_EQ(sum.missing, whole.missing());
    EXPECT_EQ(std::accumulate(sum.counts.begin(), sum.counts.end(), std::uint64_t{0}),
              whole.values() + whole.infinite());
    const std::vector<double> estimated = baseline.bins[column].Counts(whole);
    for (std::size_t i = 0; i < estimated.size(); ++i) {
      EXPECT_NEAR(estimated[i], static_cast<double>(sum.counts[i]), 0.003 * 30'000) << column << " " << i;
    }
  }
  EXPECT_EQ(baseline.Sum(0, 15'720, 15'730).missing, 0U);
  EXPECT_EQ(DayOf(FromMicros(-1)), -1);
  EXPECT_EQ(DayOf(FromMicros(-kDayMicros)), -1);
  EXPECT_EQ(DayOf(FromMicros(kDayMicros)), 1);
}

TEST(Baseline, WithoutTimesHasNoDays) {
  BaselineMaker maker({3, 1, "", {}});
  maker.Add({"x", ValueKind::kNumber}, std::vector<float>{1, 2, kFloatNan});
  const Baseline baseline = maker.Finish();
  EXPECT_TRUE(baseline.blocks.empty());
  EXPECT_TRUE(baseline.event_time.empty());
  EXPECT_EQ(Baseline::FromBytes(baseline.Bytes())->Bytes(), baseline.Bytes());
}

TEST(Baseline, OfManyColumnsAndDaysHasFewerEdgesThenFewerDays) {
  std::vector<std::int64_t> times;
  std::vector<float> values;
  for (int i = 0; i < 4'000; ++i) {
    times.push_back(i * kDayMicros);
    values.push_back(static_cast<float>(i));
  }
  BaselineMaker narrow({4'000, 100, "at", times});
  narrow.Add({"x", ValueKind::kNumber}, values);
  const Baseline few_edges = narrow.Finish();
  EXPECT_EQ(few_edges.blocks.size(), 4'000U);
  EXPECT_LT(few_edges.bins[0].edges.size(), 32U);
  BaselineMaker wide({4'000, 10'000, "at", times});
  wide.Add({"x", ValueKind::kNumber}, values);
  const Baseline few_days = wide.Finish();
  EXPECT_LT(few_days.blocks.size(), 100U);
  EXPECT_EQ(few_days.blocks.back().day, 3'999);
  EXPECT_EQ(few_days.bins[0].edges.size(), kBaselineFewestEdges);
}

TEST(Baseline, WritesAndReadsTheBytesOfItsVersion) {
  const std::string bytes = Made(2'000, 4).Bytes();
  const std::string golden = ReadFile(Cat(kSourceDirectory, "/src/sketch/testdata/baseline_v1.bin")).value_or("");
  EXPECT_TRUE(bytes == golden) << "the format changed: raise kBaselineFormatVersion, add a file";
  const auto read = Baseline::FromBytes(golden);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_EQ(read->bins, Made(2'000, 4).bins);
  EXPECT_EQ(read->blocks, Made(2'000, 4).blocks);
  EXPECT_EQ(read->event_time, "at");
  EXPECT_EQ(read->Bytes(), golden);
}

TEST(Baseline, RefusesBytesThatAreCutChangedOrNewer) {
  const std::string bytes = Made(2'000, 4).Bytes();
  for (std::size_t size = 0; size < bytes.size(); size += 29) {
    EXPECT_EQ(Baseline::FromBytes(bytes.substr(0, size)).error().code, Code::kDataLoss) << size;
  }
  for (std::size_t at = 5; at < bytes.size(); at += 3) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
    const auto read = Baseline::FromBytes(changed);
    if (read.ok()) {
      EXPECT_TRUE(Baseline::FromBytes(read->Bytes()).ok()) << at;
    }
  }
  std::string newer = bytes;
  newer[4] = 2;
  EXPECT_EQ(Baseline::FromBytes(newer).error().code, Code::kFailedPrecondition);
}

}  // namespace
}  // namespace mw::sketch
