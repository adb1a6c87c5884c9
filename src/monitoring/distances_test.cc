// Distances and tests with known answers: SciPy 1.10's, to the tolerances of docs/oracles.md.
#include "monitoring/distances.h"

#include <gtest/gtest.h>

#include <cmath>

#include "monitoring/probability.h"
#include "monitoring/testing.h"

namespace mw::monitoring {
namespace {

using testing::kNan;
using Numbers = std::vector<double>;

const Numbers kP = {0.1, 0.2, 0.3, 0.4};
const Numbers kQ = {0.25, 0.25, 0.25, 0.25};
const Numbers kA = {1, 1, 2, 3, 5, 8, 13, 21};
const Numbers kB = {2, 2, 2, 3, 4, 4, 9, 30, 31, 40};

TEST(Distances, EqualSciPy) {
  EXPECT_NEAR(JensenShannon(kP, kQ), 0.04020158234614192, 1e-12);
  EXPECT_NEAR(std::sqrt(JensenShannon(kP, kQ)), 0.2005033225314282, 1e-12);
  EXPECT_NEAR(KullbackLeibler(kP, kQ), 0.10644013528622318, 1e-12);
  EXPECT_NEAR(PopulationStability(kP, kQ), 0.22821740957339182, 1e-12);
  EXPECT_NEAR(LInfinity(kP, kQ), 0.15, 1e-12);
  EXPECT_NEAR(TotalVariation(kP, kQ), 0.2, 1e-12);
  EXPECT_NEAR(Hellinger(kP, kQ), 0.16789959640267477, 1e-12);
}

// The size of each side does not matter, only its shares: here 100 times as many rows.
TEST(Distances, CountsAreNormalised) {
  const Numbers counts = {10, 20, 30, 40};
  EXPECT_NEAR(JensenShannon(counts, kQ), JensenShannon(kP, kQ), 1e-15);
  EXPECT_EQ(JensenShannon(counts, counts), 0);
  EXPECT_EQ(LInfinity(counts, counts), 0);
  EXPECT_EQ(Hellinger(counts, counts), 0);
}

TEST(Distances, NothingInCommon) {
  const Numbers left = {5, 0};
  const Numbers right = {0, 7};
  const Numbers none = {0, 0};
  EXPECT_EQ(JensenShannon(left, right), 1);
  EXPECT_EQ(LInfinity(left, right), 1);
  EXPECT_EQ(TotalVariation(left, right), 1);
  EXPECT_EQ(Hellinger(left, right), 1);
  EXPECT_EQ(KullbackLeibler(left, right), kInfinity);
  EXPECT_TRUE(std::isfinite(PopulationStability(left, right)));
  EXPECT_EQ(JensenShannon(left, none), 1);
  EXPECT_EQ(LInfinity(none, left), 1);
  EXPECT_EQ(JensenShannon(none, none), 0);
  EXPECT_EQ(JensenShannon({}, {}), 0);
}

TEST(Distances, ExtremeCountsStayInRange) {
  const Numbers huge = {1e308, 1, 5e-324};
  const Numbers tiny = {5e-324, 1, 1e-300};
  for (const auto distance : {JensenShannon, LInfinity, TotalVariation, Hellinger}) {
    const double value = distance(huge, tiny);
    EXPECT_GE(value, 0);
    EXPECT_LE(value, 1);
  }
}

TEST(KolmogorovSmirnov, TwoSamplesWithTies) {
  const TwoSampleTest exact = KolmogorovSmirnovTest(kA, kB);
  EXPECT_NEAR(exact.statistic, 0.3, 1e-15);
  EXPECT_NEAR(exact.p_value, 0.7227478403948991, 1e-9);
  EXPECT_NEAR(KolmogorovSmirnovLimitTest(kA, kB).p_value, 0.7707999999999998, 1e-6);
}

TEST(KolmogorovSmirnov, EmptyAndDisjoint) {
  EXPECT_EQ(KolmogorovSmirnovTest({}, {}).statistic, 0);
  EXPECT_EQ(KolmogorovSmirnovTest(kA, {}).statistic, 1);
  const Numbers far = {100, 200};
  EXPECT_EQ(KolmogorovSmirnovTest(kA, far).statistic, 1);
  EXPECT_NEAR(KolmogorovSmirnovTest(kA, far).p_value, 2.0 / 45, 1e-12);  // 2 of C(10,2) orders are as extreme
}

// Matrix and expansion agree where one takes over from the other.
TEST(KolmogorovSmirnov, TailIsContinuous) {
  for (const double d : {0.02, 0.03, 0.04, 0.05}) {
    EXPECT_NEAR(KolmogorovSmirnovTail(d * std::sqrt(1000.0 / 1001), 1001), KolmogorovSmirnovTail(d, 1000), 1e-4);
  }
  EXPECT_EQ(KolmogorovSmirnovTail(1, 5), 0);
  EXPECT_EQ(KolmogorovSmirnovTail(0, 5), 1);
}

TEST(KolmogorovSmirnov, IntervalOfSketches) {
  const Numbers p = {0.1, 0.5, 1};
  const Numbers q = {0.2, 0.8, 1};
  const Interval interval = KolmogorovSmirnov(p, q, 0.005);
  EXPECT_NEAR(interval.value, 0.3, 1e-15);
  EXPECT_NEAR(interval.low, 0.295, 1e-15);
  EXPECT_NEAR(interval.high, 0.305, 1e-15);
  EXPECT_EQ(KolmogorovSmirnov(p, p, 0.01).low, 0);
}

TEST(Wasserstein, EqualsSciPy) {
  EXPECT_NEAR(Wasserstein(kA, kB), 6.15, 1e-12);
  double mean = 0;
  double square = 0;
  for (const double value : kA) {
    mean += value / 8;
    square += value * value / 8;
  }
  EXPECT_NEAR(Standardised(Wasserstein(kA, kB), std::sqrt(square - mean * mean)), 0.9304574536008476, 1e-12);
  EXPECT_EQ(Wasserstein(kA, kA), 0);
  EXPECT_EQ(Wasserstein({}, {}), 0);
  EXPECT_EQ(Wasserstein(kA, {}), kInfinity);
  EXPECT_EQ(Standardised(1, 0), 1000);
  EXPECT_EQ(Standardised(1, kNan), 1000);
}

// A block of width 1 moved by 1 has moved by 1; one that only swaps halves moves by the area between the lines.
TEST(Wasserstein, OfBins) {
  const Numbers edges = {0, 1, 2, 3};
  EXPECT_NEAR(WassersteinOfBins(Numbers{4, 0, 0}, Numbers{0, 1, 0}, edges), 1, 1e-15);
  EXPECT_NEAR(WassersteinOfBins(Numbers{1, 0, 0}, Numbers{0, 0, 1}, edges), 2, 1e-15);
  // Uniform on [0,2] against the two outer thirds of [0,3]: F - G crosses zero within bins.
  EXPECT_NEAR(WassersteinOfBins(Numbers{1, 1, 0}, Numbers{1, 0, 1}, edges), 0.5, 1e-15);
  EXPECT_NEAR(WassersteinOfBins(Numbers{0, 2, 0}, Numbers{1, 0, 1}, edges), 0.75, 1e-15);
  EXPECT_EQ(WassersteinOfBins(Numbers{1, 2, 3}, Numbers{1, 2, 3}, edges), 0);
}

TEST(Tests, ChiSquareAndProportionsEqualSciPy) {
  const TwoSampleTest chi = ChiSquareContingency(Numbers{50, 30, 20}, Numbers{30, 40, 50});
  EXPECT_NEAR(chi.statistic, 17.613095238095234, 1e-10);
  EXPECT_NEAR(chi.p_value, 0.00014974935636406764, 1e-14);
  const TwoSampleTest z = TwoProportions(30, 100, 45, 100);
  EXPECT_NEAR(z.statistic, -2.1908902300206647, 1e-10);
  EXPECT_NEAR(z.p_value, 0.02845973691631055, 1e-10);
}

TEST(Tests, WithoutDataNothingIsSignificant) {
  EXPECT_EQ(ChiSquareContingency(Numbers{0, 0}, Numbers{3, 4}).p_value, 1);
  EXPECT_EQ(ChiSquareContingency(Numbers{5, 0}, Numbers{3, 0}).p_value, 1);
  EXPECT_EQ(TwoProportions(0, 0, 1, 2).p_value, 1);
  EXPECT_EQ(TwoProportions(5, 5, 7, 7).p_value, 1);
}

TEST(Probability, TailsAndQuantilesAreInverse) {
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(NormalQuantile(0.001), -3.090232306167813, 1e-12);
  EXPECT_NEAR(ChiSquareQuantile(0.99, 9), 21.665994333461924, 1e-10);
  for (const double degrees : {1.0, 2.0, 19.0, 999.0}) {
    for (const double p : {0.001, 0.5, 0.99, 0.999}) {
      EXPECT_NEAR(1 - ChiSquareTail(ChiSquareQuantile(p, degrees), degrees), p, 1e-11);
    }
  }
  EXPECT_EQ(NormalQuantile(0), -kInfinity);
  EXPECT_EQ(NormalQuantile(1), kInfinity);
}

TEST(Probability, BenjaminiHochbergHoldsTheFalseDiscoveryRate) {
  EXPECT_EQ(BenjaminiHochberg({0.01, 0.04, 0.03, 0.005, 0.9}, 0.05),
            (std::vector<bool>{true, true, true, true, false}));
  EXPECT_EQ(BenjaminiHochberg({0.02, 0.06}, 0.05), (std::vector<bool>{true, false}));
  EXPECT_TRUE(BenjaminiHochberg({}, 0.05).empty());
}

Histogram Of(std::vector<Bucket> buckets, double nan = 0) { return {std::move(buckets), nan}; }

double Aligned(const Histogram& p, const Histogram& q, bool tfdv_compat = false) {
  const AlignedHistograms aligned = Align(p, q, {tfdv_compat});
  return JensenShannon(aligned.p, aligned.q);
}

// [0,2) with 4 against [0,1) with 1 and [1,3) with 3: common bounds 0, 1, 2, 3.
TEST(Alignment, SpreadsMassEvenly) {
  const AlignedHistograms aligned = Align(Of({{0, 2, 4}}), Of({{0, 1, 1}, {1, 3, 3}}), {});
  EXPECT_EQ(aligned.p, (Numbers{2, 2, 0}));
  EXPECT_EQ(aligned.q, (Numbers{1, 1.5, 1.5}));
}

TEST(Alignment, PointsAreBucketsOfTheirOwn) {
  const AlignedHistograms aligned = Align(Of({{0, 2, 4}, {2, 2, 6}}), Of({{0, 2, 4}, {5, 5, 1}}), {});
  EXPECT_EQ(aligned.p, (Numbers{4, 6, 0}));
  EXPECT_EQ(aligned.q, (Numbers{4, 0, 1}));
  EXPECT_EQ(Aligned(Of({{-0.0, -0.0, 3}}), Of({{0.0, 0.0, 8}})), 0);
  EXPECT_EQ(Aligned(Of({{3, 3, 9}}), Of({{4, 4, 9}})), 1);  // two different constants
}

TEST(Alignment, EqualDataWithInfinitiesAndNanAreEqual) {
  const Histogram both = Of({{-kInfinity, -kInfinity, 2}, {0, 1, 5}, {kInfinity, kInfinity, 3}}, 4);
  EXPECT_EQ(Aligned(both, both), 0);
  EXPECT_GT(Aligned(both, both, true), 0);  // as in TensorFlow Data Validation: they never match
  EXPECT_EQ(Aligned(Of({}, 5), Of({}, 7)), 0);
  EXPECT_EQ(Aligned(Of({}, 5), Of({}, 7), true), 1);
}

// Infinities of either sign are one mass on each side, and a bucket with one infinite bound is infinite mass.
TEST(Alignment, TfdvCompat) {
  const AlignedHistograms aligned =
      Align(Of({{-kInfinity, 0, 1}, {0, 1, 5}, {1, kInfinity, 2}}, 4), Of({{0, 1, 5}}, 0), {.tfdv_compat = true});
  EXPECT_EQ(aligned.p, (Numbers{5, 3, 4}));
  EXPECT_EQ(aligned.q, (Numbers{5, 0, 0}));
}

TEST(Alignment, RangesThatOverflowStayFinite) {
  const AlignedHistograms aligned = Align(Of({{-1e308, 1e308, 4}}), Of({{-1e308, 0, 1}, {0, 1e308, 3}}), {});
  EXPECT_EQ(aligned.p, (Numbers{2, 2}));
  EXPECT_EQ(aligned.q, (Numbers{1, 3}));
  EXPECT_EQ(Aligned(Of({}), Of({})), 0);
}

}  // namespace
}  // namespace mw::monitoring
