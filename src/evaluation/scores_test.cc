// Metrics against known answers (scikit-learn), against brute force, and on adversarial rows.
#include "evaluation/scores.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "base/random.h"

namespace mw::evaluation {
namespace {

constexpr double kExact = 1e-12;

ScoredRows Golden() {
  return {{0, 0, 1, 1, 1, 0, 1, 0, 1, 0}, {0.1, 0.4, 0.35, 0.8, 0.4, 0.4, 0.9, 0.2, 0.8, 0.9}, {}};
}

RankedRows Ranked(const ScoredRows& rows, double threshold = 0.5) {
  auto ranked = RankedRows::Make(rows, threshold);
  EXPECT_TRUE(ranked.ok()) << (ranked.ok() ? "" : ranked.error().message);
  return *std::move(ranked);
}

Scores Scored(const ScoredRows& rows, double threshold = 0.5, std::optional<CostRates> costs = std::nullopt) {
  return ScoresOf(Count(Ranked(rows, threshold)), costs);
}

TEST(Scores, AgreeWithScikitLearn) {
  const Scores scores = Scored(Golden());
  EXPECT_NEAR(Get(scores, MetricId::kRocAuc), 0.7, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kAveragePrecision), 0.6392857142857142, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kLogLoss), 0.6170500882157142, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kBrier), 0.20525, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kF1), 2.0 / 3, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kMcc), 0.408248290463863, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kAccuracy), 0.7, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kPrecision), 0.75, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kRecall), 0.6, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kFlaggedShare), 0.4, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kMeanPredicted), 0.525, kExact);
}

TEST(Scores, AgreeWithScikitLearnOnWeightedRows) {
  const Scores scores =
      ScoresOf(Count(Ranked(Golden()), std::vector<double>{1, 2, 1, 1, 3, 1, 1, 1, 2, 1}), std::nullopt);
  EXPECT_NEAR(Get(scores, MetricId::kRocAuc), 0.6875, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kAveragePrecision), 0.6844696969696971, kExact);
}

TEST(Scores, CountAWholeWeightAsRepeatedRows) {
  const std::vector<double> weights = {1, 2, 0, 1, 3, 1, 5, 1, 2, 1};
  const ScoredRows golden = Golden();
  ScoredRows repeated;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (int k = 0; k < static_cast<int>(weights[i]); ++k) {
      repeated.positives.push_back(golden.positives[i]);
      repeated.probabilities.push_back(golden.probabilities[i]);
    }
  }
  const CostRates costs{900, 180};
  const Scores weighted = ScoresOf(Count(Ranked(golden), weights), costs);
  const Scores expected = Scored(repeated, 0.5, costs);
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    EXPECT_NEAR(weighted[i], expected[i], kExact) << MetricName(static_cast<MetricId>(i));
  }
}

TEST(Saving, IsMeasuredAgainstTheBetterRuleWithoutAModel) {
  // April's shares from the flights: 29 % flagged, precision 40 %, 22.9 % late; flagging everyone costs 180 a row.
  const Tally april{.rows = 1000, .positives = 229, .flagged = 290, .flagged_positives = 116};
  const CostRates costs{900, 180};
  EXPECT_DOUBLE_EQ(RuleCost(april, costs), 180'000);
  EXPECT_NEAR(Get(ScoresOf(april, costs), MetricId::kSaving), 1 - (900.0 * 113 + 180.0 * 290) / 180'000, kExact);
  const Tally rare{.rows = 1000, .positives = 100, .flagged = 0, .flagged_positives = 0};
  EXPECT_DOUBLE_EQ(RuleCost(rare, costs), 90'000) << "flagging none is cheaper";
  EXPECT_DOUBLE_EQ(Get(ScoresOf(rare, costs), MetricId::kSaving), 0) << "the model does what the rule does";
}

// The definition, pair by pair.
double BruteAuc(const ScoredRows& rows) {
  double right = 0, pairs = 0;
  for (std::size_t i = 0; i < rows.positives.size(); ++i) {
    for (std::size_t j = 0; j < rows.positives.size(); ++j) {
      if (rows.positives[i] == 0 || rows.positives[j] != 0) continue;
      pairs += 1;
      right += rows.probabilities[i] > rows.probabilities[j]    ? 1
               : rows.probabilities[i] == rows.probabilities[j] ? 0.5
                                                                : 0;
    }
  }
  return right / pairs;
}

double BruteAveragePrecision(const ScoredRows& rows) {
  std::vector<double> thresholds = rows.probabilities;
  std::sort(thresholds.rbegin(), thresholds.rend());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  const double positives = std::accumulate(rows.positives.begin(), rows.positives.end(), 0.0);
  double sum = 0, recall_before = 0;
  for (const double threshold : thresholds) {
    double flagged = 0, right = 0;
    for (std::size_t i = 0; i < rows.positives.size(); ++i) {
      if (rows.probabilities[i] < threshold) continue;
      flagged += 1;
      right += rows.positives[i];
    }
    sum += (right / positives - recall_before) * right / flagged;
    recall_before = right / positives;
  }
  return sum;
}

ScoredRows RandomRows(std::uint64_t seed, std::size_t count, std::uint64_t levels) {
  Random random(seed);
  ScoredRows rows;
  for (std::size_t i = 0; i < count; ++i) {
    const double p = static_cast<double>(random.Below(levels)) / static_cast<double>(levels);
    rows.probabilities.push_back(p);
    rows.positives.push_back(random.Uniform() < p ? 1 : 0);
  }
  return rows;
}

TEST(Scores, AgreeWithBruteForceWithManyAndFewTies) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const ScoredRows rows = RandomRows(seed, 200, seed % 2 == 0 ? 7 : 1'000'000);
    const Scores scores = Scored(rows);
    EXPECT_NEAR(Get(scores, MetricId::kRocAuc), BruteAuc(rows), kExact) << seed;
    EXPECT_NEAR(Get(scores, MetricId::kAveragePrecision), BruteAveragePrecision(rows), kExact) << seed;
  }
}

TEST(Scores, DoNotDependOnTheOrderOfRows) {
  ScoredRows rows = RandomRows(9, 5000, 50);
  const Scores before = Scored(rows, 0.3, CostRates{5, 1});
  std::reverse(rows.positives.begin(), rows.positives.end());
  std::reverse(rows.probabilities.begin(), rows.probabilities.end());
  const Scores after = Scored(rows, 0.3, CostRates{5, 1});
  for (std::size_t i = 0; i < kMetricCount; ++i) EXPECT_NEAR(before[i], after[i], kExact);
}

TEST(Ece, IsTheWeightedGapOfEqualMassBins) {
  // 30 rows, two a bin: bins 0..14 from the top. Without ties the bins are plain.
  ScoredRows rows;
  for (int i = 0; i < 30; ++i) {
    rows.probabilities.push_back((29 - i + 0.5) / 30);
    rows.positives.push_back(i % 3 == 0 ? 1 : 0);
  }
  double expected = 0;
  for (std::size_t bin = 0; bin < 15; ++bin) {
    const double gap = rows.positives[2 * bin] + rows.positives[2 * bin + 1] - rows.probabilities[2 * bin] -
                       rows.probabilities[2 * bin + 1];
    expected += std::fabs(gap) / 30;
  }
  EXPECT_NEAR(Get(Scored(rows), MetricId::kEce), expected, kExact);
}

TEST(Ece, OfOneProbabilityIsItsDistanceFromTheShare) {
  ScoredRows rows{{1, 0, 0, 0}, {0.7, 0.7, 0.7, 0.7}, {}};
  EXPECT_NEAR(Get(Scored(rows), MetricId::kEce), 0.45, kExact);
  EXPECT_NEAR(Get(Scored(rows), MetricId::kEceEqualWidth), 0.45, kExact);
}

TEST(Ece, EqualWidthBinsIncludeBothEnds) {
  const ScoredRows rows{{0, 1, 1, 0}, {0.0, 1.0, 0.95, 0.05}, {}};
  EXPECT_NEAR(Get(Scored(rows), MetricId::kEceEqualWidth), 0.1 / 4, kExact);
}

void ExpectUndefined(const ScoredRows& rows, MetricId metric, std::string_view why) {
  const Tally tally = Count(Ranked(rows));
  EXPECT_TRUE(std::isnan(Get(ScoresOf(tally, CostRates{9, 1}), metric))) << MetricName(metric);
  EXPECT_EQ(WhyUndefined(metric, tally, true), why);
}

TEST(Undefined, IsSaidAndNeverZeroOrAHalf) {
  ExpectUndefined({}, MetricId::kRocAuc, "there are no rows");
  ExpectUndefined({}, MetricId::kLogLoss, "there are no rows");
  ExpectUndefined({}, MetricId::kEce, "there are no rows");
  ExpectUndefined({{0, 0}, {0.2, 0.6}, {}}, MetricId::kRocAuc, "no row is positive");
  ExpectUndefined({{0, 0}, {0.2, 0.6}, {}}, MetricId::kAveragePrecision, "no row is positive");
  ExpectUndefined({{0, 0}, {0.2, 0.6}, {}}, MetricId::kRecall, "no row is positive");
  ExpectUndefined({{0, 0}, {0.2, 0.6}, {}}, MetricId::kSaving, "the better rule without a model costs nothing");
  ExpectUndefined({{1, 1}, {0.2, 0.6}, {}}, MetricId::kRocAuc, "no row is negative");
  ExpectUndefined({{1, 0}, {0.2, 0.3}, {}}, MetricId::kPrecision, "no row is flagged at the threshold");
  ExpectUndefined({{1, 0}, {0.2, 0.3}, {}}, MetricId::kMcc, "no row is flagged at the threshold");
  ExpectUndefined({{1, 0}, {0.7, 0.8}, {}}, MetricId::kMcc, "every row is flagged at the threshold");
  EXPECT_EQ(WhyUndefined(MetricId::kSaving, Tally{.rows = 3}, false), "the goal names no costs");
}

TEST(Adversarial, RowsThatAreNoProbabilitiesAreRefusedByRow) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double bad : {nan, inf, -inf, -1e-9, 1.0000001, 1e308}) {
    const auto made = RankedRows::Make({{0, 1}, {0.5, bad}, {}}, 0.5);
    ASSERT_FALSE(made.ok()) << bad;
    EXPECT_EQ(made.error().message.rfind("row 1: the model answered ", 0), 0u) << made.error().message;
  }
  EXPECT_FALSE(RankedRows::Make({{0, 2}, {0.5, 0.5}, {}}, 0.5).ok());
  EXPECT_FALSE(RankedRows::Make({{0}, {0.5, 0.5}, {}}, 0.5).ok());
  EXPECT_FALSE(RankedRows::Make({{0, 1}, {0.5, 0.5}, {0}}, 0.5).ok());
}

TEST(Adversarial, CertaintyAboutTheWrongLabelIsFinite) {
  const Scores scores = Scored({{0, 1}, {1.0, 0.0}, {}});
  EXPECT_NEAR(Get(scores, MetricId::kLogLoss), -std::log(1e-15), 1e-3) << "1 - 1e-15 is not exact";
  EXPECT_DOUBLE_EQ(Get(scores, MetricId::kRocAuc), 0);
}

TEST(Adversarial, ZerosOfBothSignsAndDenormalsKeepTheirOrder) {
  EXPECT_DOUBLE_EQ(Get(Scored({{0, 1}, {0.0, -0.0}, {}}), MetricId::kRocAuc), 0.5);
  EXPECT_DOUBLE_EQ(Get(Scored({{0, 1}, {0.0, 5e-324}, {}}), MetricId::kRocAuc), 1);
}

TEST(Adversarial, AllTiedScoresAreAHalfAndOneRowIsHandled) {
  EXPECT_DOUBLE_EQ(Get(Scored({{0, 1, 1, 0, 1}, {0.3, 0.3, 0.3, 0.3, 0.3}, {}}), MetricId::kRocAuc), 0.5);
  EXPECT_DOUBLE_EQ(Get(Scored({{1}, {0.25}, {}}), MetricId::kBrier), 0.5625);
}

TEST(Adversarial, ThresholdsAtTheEndsAndBeyond) {
  const ScoredRows rows{{0, 1, 1, 0}, {0.0, 1.0, 0.5, 0.5}, {}};
  EXPECT_DOUBLE_EQ(Get(Scored(rows, 0.0), MetricId::kFlaggedShare), 1);
  EXPECT_DOUBLE_EQ(Get(Scored(rows, 1.0), MetricId::kFlaggedShare), 0.25);
  EXPECT_DOUBLE_EQ(Get(Scored(rows, 0.5), MetricId::kFlaggedShare), 0.75) << "the threshold itself is flagged";
  EXPECT_DOUBLE_EQ(Get(Scored(rows, std::nan("")), MetricId::kFlaggedShare), 0) << "NaN flags nothing";
}

TEST(Adversarial, HugeWeightsStayFinite) {
  const ScoredRows rows{{0, 1, 1, 0}, {0.1, 0.9, 0.4, 0.6}, {}};
  const Scores scores = ScoresOf(Count(Ranked(rows), std::vector<double>{1e15, 1e15, 1e15, 1e15}), CostRates{900, 180});
  EXPECT_NEAR(Get(scores, MetricId::kRocAuc), 0.75, kExact);
  EXPECT_NEAR(Get(scores, MetricId::kMcc), 0, kExact);
}

TEST(Subset, GivesTheMetricsOfItsRows) {
  ScoredRows rows = RandomRows(5, 400, 100);
  std::vector<std::uint8_t> keep;
  ScoredRows kept;
  for (std::size_t i = 0; i < 400; ++i) {
    rows.blocks.push_back(static_cast<std::uint32_t>(i / 10));
    keep.push_back(i % 4 == 0 ? 1 : 0);
    if (keep.back() == 0) continue;
    kept.positives.push_back(rows.positives[i]);
    kept.probabilities.push_back(rows.probabilities[i]);
  }
  const RankedRows subset = Ranked(rows).Subset(keep);
  EXPECT_EQ(subset.num_blocks(), 40u);
  const Scores expected = Scored(kept);
  const Scores scores = ScoresOf(Count(subset), std::nullopt);
  for (const MetricId metric : {MetricId::kRocAuc, MetricId::kLogLoss, MetricId::kEce, MetricId::kRecall}) {
    EXPECT_NEAR(Get(scores, metric), Get(expected, metric), kExact);
  }
}

TEST(MetricName, ReadsBack) {
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    EXPECT_EQ(MetricFromName(MetricName(static_cast<MetricId>(i))), static_cast<MetricId>(i));
  }
  EXPECT_FALSE(MetricFromName("auRoc").has_value());
}

}  // namespace
}  // namespace mw::evaluation
