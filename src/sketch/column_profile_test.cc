// One column: every row counted once, exact where promised, whatever the values are.
#include "sketch/column_profile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/random.h"
#include "base/text.h"
#include "sketch/number_key.h"

namespace mw::sketch {
namespace {

using Values = std::vector<double>;

ColumnProfile Number(const Values& values) {
  ColumnProfile column({"x", ValueKind::kNumber});
  column.AddNumbers(std::span<const double>(values));
  return column;
}

ColumnProfile Category(const std::vector<std::string>& values) {
  ColumnProfile column({"c", ValueKind::kCategory});
  for (const std::string& value : values) column.AddValue(value);
  return column;
}

std::string BytesOf(const ColumnProfile& column) {
  ByteWriter out;
  column.Write(out);
  return out.Take();
}

void ExpectReadsItsBytes(const ColumnProfile& column) {
  const std::string bytes = BytesOf(column);
  ByteReader in(bytes);
  const auto read = ColumnProfile::Read(in);
  ASSERT_TRUE(read.ok() && in.CheckEnd().ok()) << read.error().message;
  EXPECT_EQ(BytesOf(*read), bytes);
  EXPECT_EQ(read->ToJson(), column.ToJson());
}

TEST(ColumnProfile, CountsEveryRowOnce) {
  ColumnProfile column = Number({1, kNan, kInfinity, -kInfinity, -kInfinity, 2, kNan});
  column.AddMissing(3);
  column.AddWrongType(2);
  column.AddValue("seven", 4);
  EXPECT_EQ(column.rows(), 16U);
  EXPECT_EQ(column.missing(), 5U);
  EXPECT_EQ(column.positive_infinite(), 1U);
  EXPECT_EQ(column.negative_infinite(), 2U);
  EXPECT_EQ(column.wrong_type(), 6U);
  EXPECT_EQ(column.values(), 2U);
  EXPECT_EQ(column.moments().mean(), 1.5);
  EXPECT_EQ(column.distinct(), 2U);
  ExpectReadsItsBytes(column);
}

TEST(ColumnProfile, NumbersInACategoryAreOfTheWrongType) {
  ColumnProfile column({"c", ValueKind::kCategory});
  column.AddNumbers(std::span<const double>(Values{1, kNan, kInfinity}));
  column.AddValue("AA");
  EXPECT_EQ(column.rows(), 4U);
  EXPECT_EQ(column.missing(), 1U);
  EXPECT_EQ(column.wrong_type(), 2U);
  EXPECT_EQ(column.distinct(), 1U);
  ExpectReadsItsBytes(column);
}

TEST(ColumnProfile, SurvivesEveryOddColumn) {
  const double tiny = 4.9e-324;
  const std::vector<Values> columns = {{},
                                       {7},
                                       Values(5'000, kNan),
                                       Values(5'000, kInfinity),
                                       Values(5'000, -kInfinity),
                                       {kNan, kInfinity, -kInfinity},
                                       {0.0, -0.0},
                                       {tiny, -tiny, 2 * tiny},
                                       {1e308, -1e308},
                                       Values(5'000, 3.25),
                                       {1, 2},
                                       {9007199254740993.0, 9.2e18, -9.3e18, 1.8e19}};
  for (const Values& values : columns) {
    const ColumnProfile column = Number(values);
    EXPECT_EQ(column.rows(), values.size());
    ExpectReadsItsBytes(column);
    ColumnProfile merged = column;
    merged.Merge(column);
    EXPECT_EQ(merged.rows(), 2 * values.size());
    EXPECT_EQ(merged.distinct(), column.distinct());
    const std::string text = column.ToJson().Dump();
    EXPECT_EQ(text.find("nan"), std::string::npos);
    if (column.values() > 0) {
      EXPECT_TRUE(std::isfinite(column.moments().mean()));
      EXPECT_FALSE(std::isnan(column.quantiles().Quantile(0.5)));
    }
  }
  EXPECT_EQ(Number({0.0, -0.0}).distinct(), 1U);
  EXPECT_EQ(Number({tiny, -tiny, 2 * tiny}).distinct(), 3U);
}

TEST(ColumnProfile, SurvivesEveryOddText) {
  const std::string long_text(1 << 20, 'x');
  ColumnProfile column =
      Category({"", " 7", "1e5", "True", "true", "\u00e9", "e\u0301", "\U0001f600", std::string("a\0b", 3), "\xff\xfe",
                "\xc3", long_text, long_text + "y", "=1+1", "{le=\"1\"}", "</script>"});
  EXPECT_EQ(column.rows(), 16U);
  EXPECT_EQ(column.distinct(), 16U);
  EXPECT_EQ(column.invalid_text(), 2U);
  EXPECT_LE(BytesOf(column).size(), 1'000U);
  ExpectReadsItsBytes(column);
}

TEST(ColumnProfile, OrderAndSplitsOfFewRowsChangeNoByteButOfTheMoments) {
  Random random(3);
  Values values;
  for (int i = 0; i < 1'000; ++i) values.push_back(static_cast<double>(random.Below(400)));  // sums of these are exact
  const std::string expected = BytesOf(Number(values));
  ColumnProfile backward = Number(Values(values.rbegin(), values.rend()));
  EXPECT_EQ(backward.distinct(), Number(values).distinct());
  EXPECT_EQ(backward.quantiles().Items(), Number(values).quantiles().Items());
  EXPECT_NEAR(backward.moments().m2(), Number(values).moments().m2(), 1e-6);
  ByteWriter forward_quantiles, backward_quantiles;
  Number(values).quantiles().Write(forward_quantiles);
  backward.quantiles().Write(backward_quantiles);
  EXPECT_EQ(forward_quantiles.Take(), backward_quantiles.Take());
  EXPECT_EQ(BytesOf(Number(values)), expected);
}

TEST(ColumnProfile, CountsCategoriesExactlyUntil4096) {
  ColumnProfile forward({"c", ValueKind::kCategory}), merged({"c", ValueKind::kCategory});
  std::vector<ColumnProfile> parts(7, merged);
  for (int i = 0; i < 20'000; ++i) {
    const std::string value = Cat("v", i * 7 % 4096);
    forward.AddValue(value);
    parts[static_cast<std::size_t>(i) % 7].AddValue(value);
  }
  for (std::size_t i = parts.size(); i-- > 0;) merged.Merge(parts[i]);
  EXPECT_FALSE(forward.approximate());
  EXPECT_EQ(forward.distinct(), 4096U);
  EXPECT_EQ(BytesOf(merged), BytesOf(forward));
}

TEST(ColumnProfile, EstimatesDistinctTextsBeyond4096FromTheFirstOn) {
  for (const int count : {4'097, 5'000, 60'000}) {
    ColumnProfile column({"c", ValueKind::kText}), merged({"c", ValueKind::kText});
    std::vector<ColumnProfile> parts(3, merged);
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < count; ++i) {
        column.AddValue(Cat("text ", i));
        parts[static_cast<std::size_t>(i % 3)].AddValue(Cat("text ", i));
      }
    }
    for (const ColumnProfile& part : parts) merged.Merge(part);
    EXPECT_TRUE(column.approximate());
    EXPECT_NEAR(static_cast<double>(column.distinct()), count, 0.045 * count);
    EXPECT_TRUE(merged.approximate());
    EXPECT_NEAR(static_cast<double>(merged.distinct()), count, 0.045 * count);
    EXPECT_EQ(merged.rows(), static_cast<std::uint64_t>(2 * count));
    ExpectReadsItsBytes(column);
    ExpectReadsItsBytes(merged);
  }
}

TEST(ColumnProfile, TenMillionDistinctTextsTakeNoMoreMemoryThan100Thousand) {
  ColumnProfile column({"id", ValueKind::kText});
  std::size_t at_100_thousand = 0;
  for (int i = 0; i < 10'000'000; ++i) {
    column.AddValue(Cat(i));
    if (i == 100'000) at_100_thousand = BytesOf(column).size();
  }
  EXPECT_NEAR(static_cast<double>(column.distinct()), 1e7, 0.05e7);
  EXPECT_LE(column.counts().size(), FrequentItems::kDefaultCapacity);
  EXPECT_LE(BytesOf(column).size(), 500'000U);
  EXPECT_LE(static_cast<double>(BytesOf(column).size()), 3.0 * static_cast<double>(at_100_thousand));
}

TEST(ColumnProfile, RowsOfAnotherKindAreOfTheWrongType) {
  ColumnProfile column = Number({1, 2, 3});
  ColumnProfile other({"x", ValueKind::kCategory});
  other.AddValue("a", 5);
  other.AddMissing(2);
  column.Merge(other);
  EXPECT_EQ(column.rows(), 10U);
  EXPECT_EQ(column.wrong_type(), 5U);
  EXPECT_EQ(column.missing(), 2U);
  EXPECT_EQ(column.values(), 3U);
  ExpectReadsItsBytes(column);
  ColumnProfile time({"x", ValueKind::kTimestamp});
  time.AddNumber(1.3e15);
  column.Merge(time);
  EXPECT_EQ(column.values(), 4U);
}

TEST(ColumnProfile, CutsNamesThatAreTooLong) {
  const ColumnProfile column({std::string(5'000, 'n'), ValueKind::kNumber});
  EXPECT_EQ(column.name().size(), kColumnNameBytesMax);
  ExpectReadsItsBytes(column);
}

}  // namespace
}  // namespace mw::sketch
