// Quantiles against sorted values: exact when few, within the promised error over 200 seeds, single and merged.
#include "sketch/kll.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/random.h"
#include "sketch/number_key.h"

namespace mw::sketch {
namespace {

constexpr int kRankErrorSeeds = 200;

using Values = std::vector<double>;

std::string BytesOf(const Kll& kll) {
  ByteWriter out;
  kll.Write(out);
  return out.Take();
}

Result<Kll> FromBytes(std::string_view bytes) {
  ByteReader in(bytes);
  return Kll::Read(in);
}

Kll KllOf(const Values& values, int k = Kll::kDefaultK, std::uint64_t seed = 1) {
  Kll kll(k, seed);
  kll.Add(std::span<const double>(values));
  return kll;
}

Values Lognormal(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  Values values(count);
  for (double& value : values) value = std::exp(random.Normal());
  return values;
}

void Shuffle(Values& values, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.Below(i)]);
}

// The largest error of a rank over 999 quantiles of the values; with ties, the error to the nearer side.
double WorstRankError(const Kll& kll, Values values) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  Values edges;
  for (std::size_t i = 1; i < 1000; ++i) edges.push_back(values[values.size() * i / 1000]);
  const Values ranks = kll.Cdf(edges);
  double worst = 0;
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const auto above = std::upper_bound(values.begin(), values.end(), edges[i]) - values.begin();
    worst = std::max(worst, std::abs(ranks[i] - static_cast<double>(above) / n));
  }
  return worst;
}

// The share of `n` seeds in which `worst(seed)` is within `bound`.
template <typename Worst>
double ShareWithin(double bound, Worst worst) {
  int within = 0;
  for (int seed = 0; seed < kRankErrorSeeds; ++seed) within += worst(static_cast<std::uint64_t>(seed)) <= bound ? 1 : 0;
  return static_cast<double>(within) / kRankErrorSeeds;
}

TEST(Kll, IsExactUntilItHasKValues) {
  Values values = Lognormal(Kll::kDefaultK, 3);
  values[5] = values[6] = values[7];
  const Kll kll = KllOf(values);
  ASSERT_TRUE(kll.exact());
  EXPECT_EQ(WorstRankError(kll, values), 0);
  std::sort(values.begin(), values.end());
  for (const double share : {0.001, 0.25, 0.5, 0.75, 0.999}) {
    const auto place = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
    EXPECT_EQ(kll.Quantile(share), values[place]) << share;
  }
  EXPECT_EQ(kll.Quantile(0), values.front());
  EXPECT_EQ(kll.Quantile(1), values.back());
}

TEST(Kll, WhileExactItsBytesDependOnTheValuesAlone) {
  Values values = Lognormal(900, 4);
  const std::string expected = BytesOf(KllOf(values));
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Shuffle(values, seed);
    Kll merged(Kll::kDefaultK, 1);
    for (std::size_t at = 0; at < values.size(); at += 100) {
      merged.Merge(KllOf(Values(values.begin() + static_cast<std::ptrdiff_t>(at),
                                values.begin() + static_cast<std::ptrdiff_t>(at + 100))));
    }
    EXPECT_EQ(BytesOf(merged), expected);
  }
}

TEST(Kll, KeepsItsErrorOver200Seeds) {
  for (const int k : {64, 256, 1024}) {
    const double within = ShareWithin(Kll::RankError(k), [k](std::uint64_t seed) {
      const Values values = Lognormal(30'000, seed);
      return WorstRankError(KllOf(values, k, seed), values);
    });
    EXPECT_GE(within, 0.99) << "k " << k;
  }
}

TEST(Kll, KeepsItsErrorWhenMergedFromAnySplit) {
  for (const std::size_t parts : {2, 7, 60}) {
    const double within = ShareWithin(Kll::RankError(Kll::kDefaultK), [parts](std::uint64_t seed) {
      const Values values = Lognormal(30'000, seed);
      Random random(seed);
      std::vector<Values> split(parts);
      for (const double value : values) split[random.Below(parts) * random.Below(parts) / parts].push_back(value);
      Kll merged(Kll::kDefaultK, seed);
      for (std::size_t i = 0; i < parts; ++i) merged.Merge(KllOf(split[i], Kll::kDefaultK, seed + i));
      EXPECT_EQ(merged.count(), values.size());
      return WorstRankError(merged, values);
    });
    EXPECT_GE(within, 0.99) << parts << " parts";
  }
}

TEST(Kll, KeepsItsErrorWhenMergedAsATreeOfSortedRuns) {
  const double within = ShareWithin(Kll::RankError(Kll::kDefaultK), [](std::uint64_t seed) {
    Values values = Lognormal(32'000, seed);
    std::sort(values.begin(), values.end());
    std::vector<Kll> parts;
    for (std::size_t at = 0; at < values.size(); at += 1000) {
      parts.push_back(KllOf(Values(values.begin() + static_cast<std::ptrdiff_t>(at),
                                   values.begin() + static_cast<std::ptrdiff_t>(at + 1000)),
                            Kll::kDefaultK, seed + at));
    }
    for (std::size_t step = 1; step < parts.size(); step *= 2) {
      for (std::size_t i = 0; i + step < parts.size(); i += 2 * step) parts[i].Merge(parts[i + step]);
    }
    return WorstRankError(parts[0], values);
  });
  EXPECT_GE(within, 0.99);
}

TEST(Kll, SharesBetweenEdgesKeepTheirError) {
  const double within = ShareWithin(Kll::ShareError(Kll::kDefaultK), [](std::uint64_t seed) {
    Values values = Lognormal(40'000, seed);
    const Kll kll = KllOf(values, Kll::kDefaultK, seed);
    std::sort(values.begin(), values.end());
    Values edges;
    for (std::size_t i = 1; i < 20; ++i) edges.push_back(values[values.size() * i / 20]);
    const Values ranks = kll.Cdf(edges);
    double worst = 0;
    for (std::size_t i = 1; i < edges.size(); ++i) worst = std::max(worst, std::abs(ranks[i] - ranks[i - 1] - 0.05));
    return worst;
  });
  EXPECT_GE(within, 0.99);
}

TEST(Kll, KeepsItsErrorOnOrderedAndRepeatedValues) {
  Values ascending(300'000), descending, zigzag, few;
  std::iota(ascending.begin(), ascending.end(), -150'000.0);
  descending.assign(ascending.rbegin(), ascending.rend());
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    zigzag.push_back(i % 2 == 0 ? ascending[i] : -ascending[i]);
    few.push_back(static_cast<double>(i * i % 7));
  }
  for (const Values& values : {ascending, descending, zigzag, few}) {
    EXPECT_LE(WorstRankError(KllOf(values), values), Kll::RankError(Kll::kDefaultK));
  }
}

TEST(Kll, DoesNotCareHowValuesArriveInPieces) {
  const Values values = Lognormal(10'000, 9);
  const std::string bytes = BytesOf(KllOf(values));
  Kll one_by_one(Kll::kDefaultK, 1), pieces(Kll::kDefaultK, 1);
  for (const double value : values) one_by_one.Add(value);
  for (std::span<const double> rest(values); !rest.empty();
       rest = rest.subspan(std::min<std::size_t>(617, rest.size()))) {
    pieces.Add(rest.first(std::min<std::size_t>(617, rest.size())));
  }
  EXPECT_EQ(BytesOf(one_by_one), bytes);
  EXPECT_EQ(BytesOf(pieces), bytes);
}

TEST(Kll, FloatsAreTheDoublesTheyAre) {
  const Values values = Lognormal(5'000, 11);
  const std::vector<float> floats(values.begin(), values.end());
  Kll kll(Kll::kDefaultK, 1);
  kll.Add(std::span<const float>(floats));
  EXPECT_EQ(BytesOf(kll), BytesOf(KllOf(Values(floats.begin(), floats.end()))));
}

TEST(Kll, PassesOverNanAndOrdersAllOtherNumbers) {
  const double tiny = 4.9e-324;
  Kll kll = KllOf({kNan, kInfinity, -kInfinity, 1e308, -1e308, tiny, -tiny, 0.0, -0.0, kNan});
  EXPECT_EQ(kll.count(), 8U);
  const std::vector<std::pair<double, std::uint64_t>> expected = {{-kInfinity, 1}, {-1e308, 1}, {-tiny, 1},    {0.0, 2},
                                                                  {tiny, 1},       {1e308, 1},  {kInfinity, 1}};
  EXPECT_EQ(kll.Items(), expected);
  EXPECT_EQ(kll.min(), -kInfinity);
  EXPECT_EQ(kll.max(), kInfinity);
  EXPECT_EQ(kll.Rank(0), 0.625);
  EXPECT_TRUE(std::isnan(kll.Rank(kNan)));
  EXPECT_TRUE(std::isnan(kll.Quantile(kNan)));
}

TEST(Kll, WithoutValuesAnswersNan) {
  const Kll kll;
  EXPECT_TRUE(std::isnan(kll.Quantile(0.5)));
  EXPECT_TRUE(std::isnan(kll.Rank(1)));
  EXPECT_TRUE(std::isnan(kll.min()));
  EXPECT_TRUE(kll.Items().empty());
  EXPECT_EQ(kll.Cdf(Values{1, 2}), (Values{0, 0}));
  Kll merged = KllOf({1, 2});
  merged.Merge(kll);
  EXPECT_EQ(merged.count(), 2U);
}

TEST(Kll, MergingWithASmallerOneTakesItsSize) {
  const Values values = Lognormal(50'000, 12);
  Kll large = KllOf(values, 1024);
  large.Merge(KllOf(values, 100));
  EXPECT_EQ(large.k(), 100);
  EXPECT_EQ(large.count(), 100'000U);
  EXPECT_LE(WorstRankError(large, values), Kll::RankError(100));
  Kll exact = KllOf(Values(values.begin(), values.begin() + 900), 1024);
  exact.Merge(KllOf({5}, 100));
  EXPECT_EQ(exact.count(), 901U);
  EXPECT_LE(WorstRankError(exact, Values(values.begin(), values.begin() + 900)), 2 * Kll::RankError(100));
}

TEST(Kll, MergesWithItself) {
  Kll kll = KllOf(Lognormal(5'000, 13));
  kll.Merge(kll);
  EXPECT_EQ(kll.count(), 10'000U);
  std::uint64_t weight = 0;
  for (const auto& item : kll.Items()) weight += item.second;
  EXPECT_EQ(weight, 10'000U);
}

TEST(Kll, StaysSmall) {
  Kll kll;
  const Values values = Lognormal(100'000, 14);
  for (int i = 0; i < 100; ++i) kll.Add(std::span<const double>(values));
  EXPECT_LE(kll.Items().size(), 4500U);
  EXPECT_LE(BytesOf(kll).size(), 36'000U);
  std::vector<float> floats(values.begin(), values.end());
  Kll from_floats;
  from_floats.Add(std::span<const float>(floats));
  EXPECT_LE(BytesOf(from_floats).size(), 16'000U);
}

TEST(Kll, GoesOnFromItsBytesAsIfNothingHadHappened) {
  const Values values = Lognormal(20'000, 15);
  for (const std::size_t at : {0, 1, 700, 1024, 1025, 15'000}) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(at);
    auto restored = FromBytes(BytesOf(KllOf(Values(values.begin(), middle))));
    ASSERT_TRUE(restored.ok()) << at;
    restored->Add(std::span<const double>(values).subspan(at));
    EXPECT_EQ(BytesOf(*restored), BytesOf(KllOf(values))) << at;
  }
}

TEST(Kll, RefusesBytesThatAreCutOrChanged) {
  const std::string bytes = BytesOf(KllOf(Lognormal(3'000, 16)));
  for (std::size_t size = 0; size < bytes.size(); size += 13) {
    EXPECT_EQ(FromBytes(std::string_view(bytes).substr(0, size)).error().code, Code::kDataLoss) << size;
  }
  std::string more_weight = bytes;
  more_weight[10] = static_cast<char>(more_weight[10] ^ 1);  // the count, after k (2 bytes) and the coins' state (8)
  EXPECT_EQ(FromBytes(more_weight).error().message, "the weights do not add up to the count");
}

}  // namespace
}  // namespace mw::sketch
