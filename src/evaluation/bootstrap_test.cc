// Intervals: deterministic, of the right coverage on rows that come in blocks, paired for two models.
#include "evaluation/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace mw::evaluation {
namespace {

// Blocks share their weather: a block's share of positives varies, the model does not know it.
ScoredRows Weathered(Random& random, std::size_t num_blocks, std::size_t block_size, double spread) {
  ScoredRows rows;
  for (std::size_t block = 0; block < num_blocks; ++block) {
    const double shift = spread * random.Normal();
    for (std::size_t i = 0; i < block_size; ++i) {
      const double known = random.Normal();
      const double truth = 1 / (1 + std::exp(-(known + shift)));
      rows.probabilities.push_back(1 / (1 + std::exp(-known)));
      rows.positives.push_back(random.Uniform() < truth ? 1 : 0);
      rows.blocks.push_back(static_cast<std::uint32_t>(block));
    }
  }
  return rows;
}

TEST(Bootstrap, TheSameSeedGivesTheSameInterval) {
  Random random(3);
  const RankedRows rows = *RankedRows::Make(Weathered(random, 50, 10, 0.5), 0.5);
  const BootstrapOptions options{.replicates = 100, .confidence = 0.95, .seed = 7};
  const Intervals first = BootstrapIntervals(rows, std::nullopt, options);
  const Intervals again = BootstrapIntervals(rows, std::nullopt, options);
  const Intervals other = BootstrapIntervals(rows, std::nullopt, {.replicates = 100, .confidence = 0.95, .seed = 8});
  EXPECT_EQ(first[0]->low, again[0]->low);
  EXPECT_EQ(first[0]->high, again[0]->high);
  EXPECT_NE(first[0]->low, other[0]->low);
  EXPECT_LT(first[0]->low, first[0]->high);
  EXPECT_FALSE(first[static_cast<std::size_t>(MetricId::kSaving)].has_value()) << "no costs, no saving";
}

TEST(Bootstrap, TooFewBlocksGiveNoInterval) {
  Random random(3);
  const RankedRows rows = *RankedRows::Make(Weathered(random, kBlocksMin - 1, 100, 0.5), 0.5);
  for (const auto& interval : BootstrapIntervals(rows, std::nullopt, {})) EXPECT_FALSE(interval.has_value());
}

TEST(Bootstrap, AMetricThatMostReplicatesLackHasNoInterval) {
  ScoredRows rows;
  for (int i = 0; i < 100; ++i) {
    rows.positives.push_back(i == 0 ? 1 : 0);
    rows.probabilities.push_back(i / 100.0);
  }
  const Intervals intervals = BootstrapIntervals(*RankedRows::Make(rows, 0.5), std::nullopt, {});
  EXPECT_FALSE(intervals[static_cast<std::size_t>(MetricId::kRocAuc)].has_value())
      << "the one positive is often not drawn";
  EXPECT_TRUE(intervals[static_cast<std::size_t>(MetricId::kBrier)].has_value());
}

// How often the interval of `metric` holds the value of a very large sample.
int Covered(MetricId metric, bool respect_blocks, int runs) {
  Random random(2024);
  const ScoredRows population = Weathered(random, 20'000, 12, 0.8);
  const double truth = Get(ScoresOf(Count(*RankedRows::Make(population, 0.5)), std::nullopt), metric);
  int covered = 0;
  for (int run = 0; run < runs; ++run) {
    ScoredRows rows = Weathered(random, 80, 12, 0.8);
    if (!respect_blocks) rows.blocks.clear();
    const BootstrapOptions options{.replicates = 200, .confidence = 0.95, .seed = static_cast<std::uint64_t>(run)};
    const auto interval =
        BootstrapIntervals(*RankedRows::Make(rows, 0.5), std::nullopt, options)[static_cast<std::size_t>(metric)];
    if (interval && interval->low <= truth && truth <= interval->high) ++covered;
  }
  return covered;
}

TEST(Bootstrap, CoversAsOftenAsItSays) {
  // 200 runs of 95 %: fewer than 178 or more than 199 happen by chance in less than 1 of 1,000.
  for (const MetricId metric : {MetricId::kRocAuc, MetricId::kAccuracy, MetricId::kPositiveShare}) {
    const int covered = Covered(metric, true, 200);
    EXPECT_GE(covered, 178) << MetricName(metric);
    EXPECT_LE(covered, 199) << MetricName(metric);
  }
}

TEST(Bootstrap, RowsTakenAsIndependentClaimTooMuch) {
  EXPECT_LT(Covered(MetricId::kPositiveShare, false, 100), 85) << "blocks matter: this is why they are drawn whole";
}

TEST(Compare, AModelAgainstItselfGainsExactlyNothing) {
  Random random(5);
  const RankedRows rows = *RankedRows::Make(Weathered(random, 50, 10, 0.5), 0.5);
  for (const Gain& gain : Compare(rows, rows, CostRates{9, 1}, {.replicates = 50, .confidence = 0.95, .seed = 1})) {
    if (std::isnan(gain.value)) continue;
    EXPECT_EQ(gain.value, 0) << gain.metric;
    ASSERT_TRUE(gain.interval.has_value()) << gain.metric;
    EXPECT_EQ(gain.interval->low, 0);
    EXPECT_EQ(gain.interval->high, 0);
  }
}

TEST(Compare, PairedIntervalsAreNarrowerThanTheModelsOwn) {
  Random random(6);
  const ScoredRows rows = Weathered(random, 200, 10, 0.8);
  ScoredRows worse = rows;
  for (double& p : worse.probabilities) p = std::min(1.0, std::max(0.0, p + 0.05 * random.Normal()));
  const RankedRows candidate = *RankedRows::Make(rows, 0.5), baseline = *RankedRows::Make(worse, 0.5);
  const BootstrapOptions options{.replicates = 300, .confidence = 0.95, .seed = 1};
  const Interval own = *BootstrapIntervals(candidate, std::nullopt, options)[0];
  const Gain gain = Compare(candidate, baseline, std::nullopt, options)[0];
  EXPECT_LT(gain.interval->high - gain.interval->low, (own.high - own.low) / 2);
  EXPECT_LE(gain.interval->low, gain.value);
  EXPECT_GE(gain.interval->high, gain.value);
}

}  // namespace
}  // namespace mw::evaluation
