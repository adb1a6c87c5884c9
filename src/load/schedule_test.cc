// Arrival times with known answers, ramps against their integral, Poisson arrivals against their law.
#include "load/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace mw::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<std::int64_t> All(const RatePlan& plan, int part = 0, int parts = 1) {
  Schedule schedule(plan, part, parts);
  std::vector<std::int64_t> times;
  while (const auto next = schedule.Next()) times.push_back(*next);
  return times;
}

RatePlan Even(double from, double to, Duration duration) { return {from, to, duration, Arrivals::kEven, 1}; }

TEST(Schedule, SpacesAConstantRateEvenlyFromTheStart) {
  const std::vector<std::int64_t> times = All(Even(4, 4, seconds(2)));
  ASSERT_EQ(times.size(), 8U);
  for (std::size_t i = 0; i < times.size(); ++i) EXPECT_EQ(times[i], static_cast<std::int64_t>(i) * 250'000'000);
}

// From 0 to 100 a second in 10 s: N(t) = 5 t^2, so the k-th comes after sqrt(k / 5) seconds, 500 in all.
TEST(Schedule, FollowsARampByItsIntegral) {
  const std::vector<std::int64_t> times = All(Even(0, 100, seconds(10)));
  ASSERT_EQ(times.size(), 500U);
  for (std::size_t k = 0; k < times.size(); ++k) {
    EXPECT_NEAR(static_cast<double>(times[k]) * 1e-9, std::sqrt(static_cast<double>(k) / 5), 1e-8);
  }
  EXPECT_EQ(All(Even(100, 0, seconds(10))).size(), 500U);
  EXPECT_EQ(All(Even(50, 150, seconds(10))).size(), 1000U);
}

TEST(Schedule, KnowsHowManyAreDue) {
  const RatePlan ramp = Even(50, 150, seconds(10));
  EXPECT_DOUBLE_EQ(ramp.Expected(seconds(10)), 1000);
  EXPECT_DOUBLE_EQ(ramp.Expected(seconds(5)), 375);
  EXPECT_DOUBLE_EQ(ramp.RateAt(seconds(5)), 100);
}

TEST(Schedule, PartsAreDisjointAndTogetherTheWhole) {
  for (const Arrivals arrivals : {Arrivals::kEven, Arrivals::kPoisson}) {
    const RatePlan plan{100, 300, seconds(3), arrivals, 7};
    std::vector<std::int64_t> parts;
    for (int part = 0; part < 3; ++part) {
      const auto own = All(plan, part, 3);
      parts.insert(parts.end(), own.begin(), own.end());
    }
    std::sort(parts.begin(), parts.end());
    EXPECT_EQ(parts, All(plan));
  }
}

// Of 200,000 arrivals at 10,000 a second: gaps are exponential, with mean and deviation 100 us, and a share of
// exp(-1) is longer than the mean.
TEST(Schedule, DrawsPoissonArrivalsByTheirLaw) {
  const RatePlan plan{10'000, 10'000, seconds(20), Arrivals::kPoisson, 3};
  const std::vector<std::int64_t> times = All(plan);
  EXPECT_NEAR(static_cast<double>(times.size()), 200'000, 4 * std::sqrt(200'000));
  double sum = 0, squares = 0;
  int longer = 0;
  for (std::size_t i = 1; i < times.size(); ++i) {
    ASSERT_GE(times[i], times[i - 1]);
    const double gap = static_cast<double>(times[i] - times[i - 1]) * 1e-3;
    sum += gap;
    squares += gap * gap;
    longer += gap > 100 ? 1 : 0;
  }
  const auto count = static_cast<double>(times.size() - 1);
  EXPECT_NEAR(sum / count, 100, 1);
  EXPECT_NEAR(std::sqrt(squares / count - sum / count * sum / count), 100, 2);
  EXPECT_NEAR(longer / count, std::exp(-1), 0.005);
}

TEST(Schedule, IsTheSameForASeedAndAnotherForAnother) {
  RatePlan plan{1000, 1000, seconds(1), Arrivals::kPoisson, 5};
  const auto first = All(plan);
  EXPECT_EQ(first, All(plan));
  plan.seed = 6;
  EXPECT_NE(first, All(plan));
}

}  // namespace
}  // namespace mw::load
