// Keys order as their numbers do, sort like std::sort, and come back from their bytes.
#include "sketch/number_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/random.h"

namespace mw::sketch {
namespace {

using Keys = std::vector<std::int64_t>;

const std::vector<double> kOrdered = {-std::numeric_limits<double>::infinity(),
                                      -1e308,
                                      -3.5,
                                      -1,
                                      -1e-308,
                                      -4.9e-324,
                                      0,
                                      4.9e-324,
                                      1e-308,
                                      1,
                                      1.0000000000000002,
                                      3.5,
                                      1e308,
                                      std::numeric_limits<double>::infinity()};

Keys Random64(std::size_t count, std::uint64_t seed, int bits) {
  Random random(seed);
  Keys keys;
  while (keys.size() < count) {
    const double value = std::bit_cast<double>(random.Next() >> (64 - bits) | random.Next() << 63);
    if (std::isfinite(value)) keys.push_back(KeyOf(value));
  }
  return keys;
}

TEST(NumberKey, OrdersAsNumbersDo) {
  for (std::size_t i = 0; i < kOrdered.size(); ++i) {
    EXPECT_EQ(NumberOf(KeyOf(kOrdered[i])), kOrdered[i]);
    if (i > 0) {
      EXPECT_LT(KeyOf(kOrdered[i - 1]), KeyOf(kOrdered[i]));
    }
  }
  EXPECT_EQ(KeyOf(-0.0), KeyOf(0.0));
  EXPECT_FALSE(std::signbit(NumberOf(KeyOf(-0.0))));
}

TEST(NumberKey, SortsLikeStdSort) {
  Keys scratch;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const int bits = 1 + static_cast<int>(seed % 63);
    Keys keys = Random64(seed * 13, seed, bits);
    if (seed % 3 == 0) {  // one far away, the others alike in their leading bits
      for (std::int64_t& key : keys) key = KeyOf(1e15) + (key & 0xfff);
      if (!keys.empty()) keys.back() = KeyOf(-1e300);
    }
    Keys expected = keys;
    std::sort(expected.begin(), expected.end());
    SortKeys(keys, scratch);
    EXPECT_EQ(keys, expected) << seed;
  }
}

TEST(NumberKey, PacksAndUnpacks) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Keys keys = Random64(seed * 7, seed, 1 + static_cast<int>(seed % 63));
    for (std::size_t i = 1; i < keys.size(); i += 3) keys[i] = keys[i - 1];
    for (const double value : kOrdered) {
      if (seed % 2 == 0) keys.push_back(KeyOf(value));
    }
    std::sort(keys.begin(), keys.end());
    ByteWriter out;
    PackKeys(out, keys);
    const std::string bytes = out.Take();
    ByteReader in(bytes);
    EXPECT_EQ(UnpackKeys(in, keys.size()), keys) << seed;
    EXPECT_TRUE(in.CheckEnd().ok());
  }
}

TEST(NumberKey, PacksWholeAndRepeatedNumbersTightly) {
  Keys keys;
  for (int i = 0; i < 1000; ++i) keys.push_back(KeyOf(i / 10));
  ByteWriter out;
  PackKeys(out, keys);
  EXPECT_LT(out.Take().size(), 400U);
}

TEST(NumberKey, RefusesMoreThanTheLimitAndNumbersThatAreNone) {
  ByteWriter out;
  PackKeys(out, Keys{1, 2, 3});
  const std::string three = out.Take();
  ByteReader in(three);
  EXPECT_TRUE(UnpackKeys(in, 2).empty());
  EXPECT_FALSE(in.Check().ok());
  ByteWriter nan;
  PackKeys(nan, Keys{kInfinityKey + 1});
  const std::string nan_bytes = nan.Take();
  ByteReader nan_in(nan_bytes);
  EXPECT_TRUE(UnpackKeys(nan_in, 2).empty());
  EXPECT_FALSE(nan_in.Check().ok());
}

}  // namespace
}  // namespace mw::sketch
