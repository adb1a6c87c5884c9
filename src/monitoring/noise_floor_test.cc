// Floors: the formula against golden simulations and one of our own, blocks against data that come in blocks.
#include "monitoring/noise_floor.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "monitoring/column_reference.h"
#include "monitoring/drift_window.h"
#include "monitoring/testing.h"

namespace mw::monitoring {
namespace {

using testing::Numbers;

/// From specs' simulations (n = m): bins, n, mean and 99th percentile of the formula, and as simulated.
struct Golden {
  std::size_t bins;
  double n, mean, quantile, mean_simulated, quantile_simulated;
};
constexpr Golden kGolden[] = {
    {10, 1000, 0.003246063842000168, 0.007814355645203476, 0.0033270238178374372, 0.008347196743894692},
    {10, 10000, 0.0003246063842000168, 0.0007814355645203476, 0.0003272772274974839, 0.0007741559763292542},
    {50, 1000, 0.017673014250889803, 0.027021488512712383, 0.017916982890709397, 0.026071321295799012},
    {100, 1000, 0.03570670226200185, 0.048561698233779725, 0.03708476995520906, 0.050364315945387726},
};

TEST(NoiseFloor, FormulaEqualsGoldenValues) {
  for (const Golden& each : kGolden) {
    EXPECT_NEAR(JensenShannonMean(each.bins, each.n, each.n), each.mean, 1e-12);
    EXPECT_NEAR(JensenShannonFloor(each.bins, each.n, each.n, 0.99), each.quantile, 1e-10);
    EXPECT_NEAR(each.mean_simulated / each.mean, 1, each.n / static_cast<double>(each.bins) >= 20 ? 0.03 : 0.04);
    EXPECT_NEAR(each.quantile_simulated / each.quantile, 1, 0.08);
  }
}

std::vector<double> Histogram(Random& random, std::size_t bins, int rows) {
  std::vector<double> out(bins, 0.0);
  for (int i = 0; i < rows; ++i) ++out[static_cast<std::size_t>(random.Below(bins))];
  return out;
}

TEST(NoiseFloor, FormulaHoldsInASimulationOfOurOwn) {
  Random random(7);
  std::vector<double> distances;
  double mean = 0;
  for (int i = 0; i < 4000; ++i) {
    distances.push_back(JensenShannon(Histogram(random, 20, 2000), Histogram(random, 20, 1000)));
    mean += distances.back() / 4000;
  }
  EXPECT_NEAR(mean / JensenShannonMean(20, 2000, 1000), 1, 0.03);
  EXPECT_NEAR(QuantileOf(distances, 0.99) / JensenShannonFloor(20, 2000, 1000, 0.99), 1, 0.08);
}

TEST(NoiseFloor, LInfinityHoldsInASimulation) {
  Random random(11);
  const std::vector<double> even(5, 200.0);
  int above = 0;
  for (int i = 0; i < 4000; ++i) {
    const double distance = LInfinity(Histogram(random, 5, 1000), Histogram(random, 5, 1000));
    above += distance > LInfinityFloor(even, 1000, 1000, 0.99) ? 1 : 0;
  }
  EXPECT_LE(above, 60);  // 1 % of 4000 is 40; the bound is a little conservative
  EXPECT_GE(above, 5);
}

TEST(NoiseFloor, NothingGivesNoFloor) {
  EXPECT_EQ(JensenShannonFloor(1, 10, 10, 0.99), 0);
  EXPECT_EQ(JensenShannonFloor(20, 0, 10, 0.99), 0);
  EXPECT_EQ(LInfinityFloor({}, 10, 10, 0.99), 0);
  EXPECT_EQ(QuantileOf({}, 0.5), 0);
  EXPECT_TRUE(LeaveOneOutDistances({}, 1, 1, LInfinity).empty());
}

// Three blocks, one row each: a window of one against the other two.
TEST(NoiseFloor, LeavesEachWindowOut) {
  const std::vector<std::vector<double>> blocks = {{1, 0}, {1, 0}, {0, 1}};
  EXPECT_EQ(LeaveOneOutDistances(blocks, 1, 1, LInfinity), (std::vector<double>{0.5, 0.5, 1}));
  EXPECT_EQ(LeaveOneOutDistances(blocks, 2, 1, LInfinity), (std::vector<double>{1, 0.5}));
  EXPECT_TRUE(LeaveOneOutDistances(blocks, 3, 1, LInfinity).empty());
  EXPECT_TRUE(LeaveOneOutDistances(blocks, 1, 2, LInfinity).empty());
  EXPECT_NEAR(QuantileOf({3, 1, 2}, 0.75), 2.5, 1e-15);
}

/// A column of days; within a day all values share an offset of `day_std`.
BaselineColumn Days(Random& random, int days, int rows, double day_std) {
  Numbers all;
  std::vector<Numbers> blocks;
  for (int day = 0; day < days; ++day) {
    const double offset = day_std * random.Normal();
    blocks.push_back(testing::Normal(random, static_cast<std::size_t>(rows), offset));
    all.insert(all.end(), blocks.back().begin(), blocks.back().end());
  }
  BaselineColumn out = testing::BaselineOf("weather", all);
  for (const Numbers& block : blocks) out.blocks.push_back(testing::CountsOf(block, out.bins));
  return out;
}

// Rows that share a day's weather: the formula is 20 times too small, the blocks know better.
TEST(NoiseFloor, BlocksKnowThatRowsOfADayAreAlike) {
  Random random(3);
  const BaselineColumn column = Days(random, 80, 900, 1.0);
  const ColumnReference blocks(column, {.window_blocks = 1});
  const ColumnReference formula(column, {.window_blocks = 0});
  Random other(5);
  const ColumnPeriod healthy = testing::PeriodOf(testing::Normal(other, 900, 0.8), column.bins);
  const Comparison by_blocks = blocks.Compare(healthy);
  const Comparison by_formula = formula.Compare(healthy);
  EXPECT_EQ(by_blocks.floor.method, FloorMethod::kBlocks);
  EXPECT_EQ(by_formula.floor.method, FloorMethod::kFormula);
  EXPECT_GT(by_formula.jensen_shannon, by_formula.floor.value);  // a false alarm
  EXPECT_LT(by_blocks.jensen_shannon, by_blocks.floor.value);
  EXPECT_GT(by_blocks.floor.value, 10 * by_formula.floor.value);
}

TEST(NoiseFloor, FewerThanEightWindowsHaveOnlyTheFormula) {
  Random random(3);
  const BaselineColumn column = Days(random, 49, 100, 1.0);
  const ColumnPeriod now = testing::PeriodOf(testing::Normal(random, 700), column.bins);
  EXPECT_EQ(ColumnReference(column, {.window_blocks = 7}).Compare(now).floor.method, FloorMethod::kFormula);
  EXPECT_EQ(ColumnReference(column, {.window_blocks = 6}).Compare(now).floor.method, FloorMethod::kBlocks);
}

constexpr Duration kHour = std::chrono::hours(1);
TEST(DriftWindow, IsTheShortestThatHoldsEnoughRows) {
  EXPECT_EQ(ChooseDriftWindow(24'000, Duration(0), std::nullopt), kHour);
  EXPECT_EQ(ChooseDriftWindow(23'000, Duration(0), std::nullopt), kDay);
  EXPECT_EQ(ChooseDriftWindow(930, Duration(0), std::nullopt), 7 * kDay);  // the flights
  EXPECT_EQ(ChooseDriftWindow(0, Duration(0), std::nullopt), 7 * kDay);
  // A baseline of days says nothing about hours.
  EXPECT_EQ(ChooseDriftWindow(1e6, kDay, std::nullopt), kDay);
}

TEST(DriftWindow, AChoiceStandsUntilTrafficIsHalfOrTwice) {
  EXPECT_EQ(ChooseDriftWindow(600, kDay, kDay), kDay);
  EXPECT_EQ(ChooseDriftWindow(400, kDay, kDay), 7 * kDay);
  EXPECT_EQ(ChooseDriftWindow(1900, kDay, 7 * kDay), 7 * kDay);
  EXPECT_EQ(ChooseDriftWindow(2100, kDay, 7 * kDay), kDay);
}

TEST(DriftWindow, HasAShortName) {
  EXPECT_EQ(NameOfLength(7 * kDay), "7d");
  EXPECT_EQ(NameOfLength(kHour), "1h");
}

TEST(DriftWindow, StartsAtMondaysAndAtTheEpoch) {
  const auto at = [](std::string_view text) { return *ParseTime(text); };
  EXPECT_EQ(DriftWindowStart(at("2013-07-04T13:20:00Z"), 7 * kDay), at("2013-07-01T00:00:00Z"));
  EXPECT_EQ(DriftWindowStart(at("2013-07-01T00:00:00Z"), 7 * kDay), at("2013-07-01T00:00:00Z"));
  EXPECT_EQ(DriftWindowStart(at("2013-07-04T13:20:00Z"), kDay), at("2013-07-04T00:00:00Z"));
  EXPECT_EQ(DriftWindowStart(at("2013-07-04T13:20:00Z"), kHour), at("2013-07-04T13:00:00Z"));
  EXPECT_EQ(DriftWindowStart(at("1969-12-30T13:20:00Z"), 7 * kDay), at("1969-12-29T00:00:00Z"));
}

}  // namespace
}  // namespace mw::monitoring
