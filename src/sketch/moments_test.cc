// Moments against two passes in long double.
#include "sketch/moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"

namespace mw::sketch {
namespace {

using Values = std::vector<double>;

struct Oracle {
  long double mean = 0, m2 = 0, m3 = 0, m4 = 0;
};

// Seen from the first value: beside 1e15 a long double has no digits to spare either.
Oracle OracleOf(const Values& values) {
  Oracle oracle;
  const auto n = static_cast<long double>(values.size());
  const auto origin = static_cast<long double>(values[0]);
  long double mean = 0;
  for (const double value : values) mean += (static_cast<long double>(value) - origin) / n;
  for (const double value : values) {
    const long double distance = static_cast<long double>(value) - origin - mean;
    oracle.m2 += distance * distance;
    oracle.m3 += distance * distance * distance;
    oracle.m4 += distance * distance * distance * distance;
  }
  oracle.mean = mean + origin;
  return oracle;
}

Moments MomentsOf(const Values& values) {
  Moments moments;
  moments.Add(values);
  return moments;
}

void ExpectNear(double value, long double expected, double relative, const char* what) {
  EXPECT_NEAR(value, static_cast<double>(expected), std::abs(static_cast<double>(expected)) * relative) << what;
}

void ExpectMoments(const Moments& moments, const Values& values, double relative) {
  const Oracle oracle = OracleOf(values);
  ExpectNear(moments.mean(), oracle.mean, 1e-15, "mean");
  ExpectNear(moments.m2(), oracle.m2, relative, "m2");
  ExpectNear(moments.m3(), oracle.m3, relative, "m3");
  ExpectNear(moments.m4(), oracle.m4, relative, "m4");
}

// Skewed, so that the third moment is not lost in itself.
Values Skewed(std::size_t count, double offset, double scale, std::uint64_t seed) {
  Random random(seed);
  Values values(count);
  for (double& value : values) value = offset + scale * std::exp(random.Normal());
  return values;
}

TEST(Moments, AgreeWithTwoPassesInLongDouble) {
  for (const double offset : {0.0, 1.0, -1e6, 1e9, 1e15, -1e15}) {
    const Values values = Skewed(100'000, offset, 100, 1);
    ExpectMoments(MomentsOf(values), values, 1e-10);
  }
}

TEST(Moments, AgreeWhenMergedFromAnySplit) {
  for (const double offset : {0.0, 1e15}) {
    const Values values = Skewed(50'000, offset, 100, 2);
    for (const std::size_t parts : {2, 9, 500, 50'000}) {
      std::vector<Values> split(parts);
      for (std::size_t i = 0; i < values.size(); ++i) split[i * i % parts].push_back(values[i]);
      Moments merged;
      for (const Values& part : split) merged.Merge(MomentsOf(part));
      ASSERT_EQ(merged.count(), values.size());
      ExpectMoments(merged, values, 1e-10);
    }
  }
}

TEST(Moments, OfOneByOneAgreeToo) {
  const Values values = Skewed(20'000, 1e15, 100, 3);
  Moments moments;
  for (const double value : values) moments.Add(value);
  ExpectMoments(moments, values, 1e-10);
}

TEST(Moments, OfAConstantHaveNoSpreadAtAll) {
  for (const double value : {0.0, 0.1, -3.7, 1e15 + 0.125, 1e308, 4.9e-324}) {
    const Moments moments = MomentsOf(Values(1'001, value));
    EXPECT_EQ(moments.mean(), value);
    EXPECT_EQ(moments.m2(), 0) << value;
    EXPECT_TRUE(std::isnan(moments.skewness()));
    EXPECT_TRUE(std::isnan(moments.excess_kurtosis()));
  }
}

TEST(Moments, OfTheLargestNumbersStayOrdered) {
  Values values;
  for (int i = 0; i < 3'000; ++i) values.push_back(i % 3 == 0 ? -1.7e308 : 1.7e308);
  Moments moments = MomentsOf(values);
  EXPECT_EQ(moments.min(), -1.7e308);
  EXPECT_EQ(moments.max(), 1.7e308);
  EXPECT_NEAR(moments.mean() / 1.7e308, 1.0 / 3, 1e-9);
  EXPECT_EQ(moments.std(), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(moments.skewness()));
  moments.Merge(MomentsOf({1, 2, 3}));
  moments.Add(-1e300);
  EXPECT_FALSE(std::isnan(moments.mean()));
  EXPECT_EQ(moments.std(), std::numeric_limits<double>::infinity());
}

TEST(Moments, OfALargeAndASmallNumber) {
  const Moments moments = MomentsOf({1e100, 1});
  EXPECT_EQ(moments.mean(), 5e99);
  EXPECT_NEAR(moments.std() / 5e99, 1, 1e-12);
}

TEST(Moments, KnowSkewnessAndKurtosis) {
  // m3 / m2^1.5 and m4 / m2^2 - 3 of the population, computed apart.
  const Moments moments = MomentsOf({1, 1, 2, 3, 5, 8, 13, 21});
  EXPECT_NEAR(moments.mean(), 6.75, 1e-15);
  EXPECT_NEAR(moments.variance(), 43.6875, 1e-12);
  EXPECT_NEAR(moments.skewness(), 1.1230162713302387, 1e-12);
  EXPECT_NEAR(moments.excess_kurtosis(), -0.009246808745786428, 1e-12);
}

TEST(Moments, WithoutValuesAreNan) {
  const Moments moments;
  EXPECT_TRUE(std::isnan(moments.mean()));
  EXPECT_TRUE(std::isnan(moments.min()));
  EXPECT_TRUE(std::isnan(moments.variance()));
}

TEST(Moments, ReadTheirBytes) {
  for (const Values& values : {Values{}, Values{-0.5}, Skewed(1'000, 1e15, 3, 5), Values{-1.7e308, 1.7e308}}) {
    ByteWriter out;
    MomentsOf(values).Write(out);
    const std::string bytes = out.Take();
    ByteReader in(bytes);
    const auto read = Moments::Read(in);
    ASSERT_TRUE(read.ok() && in.CheckEnd().ok());
    ByteWriter again;
    read->Write(again);
    EXPECT_EQ(again.Take(), bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ByteReader cut(std::string_view(bytes).substr(0, size));
      EXPECT_FALSE(Moments::Read(cut).ok());
    }
  }
}

}  // namespace
}  // namespace mw::sketch
