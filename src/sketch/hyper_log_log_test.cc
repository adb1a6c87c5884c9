// Distinct values against the known number of them, and the promise that only the set of values matters.
#include "sketch/hyper_log_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/random.h"
#include "base/text.h"

namespace mw::sketch {
namespace {

constexpr int kSeeds = 200;

std::string BytesOf(const HyperLogLog& hll) {
  ByteWriter out;
  hll.Write(out);
  return out.Take();
}

// `count` values that no other seed has.
std::vector<double> Distinct(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<double>(seed * 10'000'000 + i) + 0.5;
  return values;
}

HyperLogLog HllOf(const std::vector<double>& values, int lg = HyperLogLog::kDefaultLg) {
  HyperLogLog hll(lg);
  hll.Add(std::span<const double>(values));
  return hll;
}

struct Errors {
  double bias = 0;
  double rms = 0;
  double within = 0;  ///< the share within 2.58 standard errors
};

Errors ErrorsOf(std::size_t count, int lg) {
  Errors errors;
  for (int seed = 0; seed < kSeeds; ++seed) {
    const double n = static_cast<double>(count);
    const double error = HllOf(Distinct(count, static_cast<std::uint64_t>(seed)), lg).Estimate() / n - 1;
    errors.bias += error / kSeeds;
    errors.rms += error * error / kSeeds;
    errors.within += std::abs(error) <= 2.58 * HyperLogLog::StandardError(lg) ? 1.0 / kSeeds : 0;
  }
  errors.rms = std::sqrt(errors.rms);
  return errors;
}

TEST(HyperLogLog, KeepsItsErrorOver200Seeds) {
  for (const int lg : {12, 14}) {
    const double standard = HyperLogLog::StandardError(lg);
    for (const std::size_t count : {100, 1'100, 5'000, 12'000, 40'000, 200'000}) {
      const Errors errors = ErrorsOf(count, lg);
      EXPECT_LE(errors.rms, 1.15 * standard) << "lg " << lg << ", " << count;
      EXPECT_LE(std::abs(errors.bias), 4 * standard / std::sqrt(kSeeds)) << "lg " << lg << ", " << count;
      EXPECT_GE(errors.within, 0.965) << "lg " << lg << ", " << count;
    }
  }
}

TEST(HyperLogLog, IsAsGoodAsExactWhileFew) {
  for (const std::size_t count : {0, 1, 2, 10, 300, 1'000}) {
    EXPECT_NEAR(HllOf(Distinct(count, 7)).Estimate(), static_cast<double>(count), 1.5) << count;
  }
}

TEST(HyperLogLog, OnlyTheSetOfValuesMatters) {
  for (const std::size_t count : {50, 1'024, 1'025, 30'000}) {
    std::vector<double> values = Distinct(count, 3);
    const std::string expected = BytesOf(HllOf(values));
    std::vector<double> twice = values;
    twice.insert(twice.end(), values.rbegin(), values.rend());
    EXPECT_EQ(BytesOf(HllOf(twice)), expected) << count;
    Random random(5);
    HyperLogLog merged;
    for (int part = 0; part < 9; ++part) {
      std::vector<double> some;
      for (std::size_t i = 0; i < count; ++i) {
        if (i % 9 == static_cast<std::size_t>(part) || random.Below(4) == 0) some.push_back(values[i]);
      }
      merged.Merge(HllOf(some));
    }
    EXPECT_EQ(BytesOf(merged), expected) << count;
  }
}

TEST(HyperLogLog, MergingWithASmallerOneIsAsIfItHadBeenSmall) {
  for (const std::size_t count : {100, 2'000, 5'000, 100'000}) {
    const std::vector<double> values = Distinct(count, 4);
    const std::string expected = BytesOf(HllOf(values, 10));
    for (const int lg : {11, 14, 18}) {
      HyperLogLog large = HllOf(values, lg), small(10);
      small.Merge(large);
      large.Merge(HyperLogLog(10));
      EXPECT_EQ(BytesOf(large), expected) << lg << " " << count;
      EXPECT_EQ(BytesOf(small), expected) << lg << " " << count;
    }
  }
}

TEST(HyperLogLog, CountsNumbersByTheirValue) {
  HyperLogLog hll;
  hll.Add(3.0);
  hll.AddInteger(3);
  const float three = 3;
  hll.Add(std::span(&three, 1));
  hll.Add(0.0);
  hll.Add(-0.0);
  hll.Add(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(std::lround(hll.Estimate()), 2);
}

TEST(HyperLogLog, KeepsNeighboursApart) {
  HyperLogLog hll;
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  for (const std::int64_t value :
       {large - 1, large, large + 1, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
        std::numeric_limits<std::int64_t>::max() - 1}) {
    hll.AddInteger(value);
  }
  for (const double value : {4.9e-324, 9.8e-324, 1e308, -1e308, 1e19, std::numeric_limits<double>::infinity()}) {
    hll.Add(value);
  }
  EXPECT_EQ(std::lround(hll.Estimate()), 12);
}

TEST(HyperLogLog, KeepsTextsApart) {
  HyperLogLog hll(HyperLogLog::kIdsLg);
  for (int i = 0; i < 2'000; ++i) {
    hll.AddText(Cat("id-", i));
    hll.AddText(std::string(static_cast<std::size_t>(i), '\0'));
  }
  EXPECT_NEAR(hll.Estimate(), 4'000, 3);
}

TEST(HyperLogLog, ReadsItsBytes) {
  for (const std::size_t count : {0, 1, 1'024, 1'025, 50'000}) {
    const std::string bytes = BytesOf(HllOf(Distinct(count, 5)));
    ByteReader in(bytes);
    const auto read = HyperLogLog::Read(in);
    ASSERT_TRUE(read.ok() && in.CheckEnd().ok()) << count;
    EXPECT_EQ(BytesOf(*read), bytes);
    EXPECT_LE(bytes.size(), 4'100U);
    for (std::size_t size = 0; size < bytes.size(); size += 101) {
      ByteReader cut(std::string_view(bytes).substr(0, size));
      EXPECT_EQ(HyperLogLog::Read(cut).error().code, Code::kDataLoss);
    }
  }
}

TEST(HyperLogLog, RefusesImpossibleRegistersAndCoupons) {
  for (const std::string& bytes :
       {std::string("\x0c\x01", 2) + std::string(3072, '\xff'), std::string("\x0c\x00\x01\x3f", 4),
        std::string("\x0c\x00\x02\x41\x00", 5), std::string("\x20\x00\x00", 3)}) {
    ByteReader in(bytes);
    EXPECT_FALSE(HyperLogLog::Read(in).ok());
  }
}

}  // namespace
}  // namespace mw::sketch
