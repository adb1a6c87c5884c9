// Whole reports: slices, baselines, curves, calibration, and the way to JSON and back.
#include "evaluation/evaluate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "base/text.h"

namespace mw::evaluation {
namespace {

struct Sample {
  ScoredRows rows;
  SliceColumn origin;
};

// Two airports with plenty of rows and one with few.
Sample Flights(std::size_t count = 4000) {
  Sample sample;
  sample.origin = {"origin", {}, {"JFK", "EWR", "a/b=\"c\""}};
  Random random(11);
  for (std::size_t i = 0; i < count; ++i) {
    const double p = random.Uniform() * 0.6;
    sample.rows.probabilities.push_back(p);
    sample.rows.positives.push_back(random.Uniform() < p ? 1 : 0);
    sample.rows.blocks.push_back(static_cast<std::uint32_t>(i / 20));
    sample.origin.codes.push_back(i % 100 == 0 ? 2 : static_cast<std::uint32_t>(i % 2));
  }
  return sample;
}

EvaluateOptions Options() {
  EvaluateOptions options;
  options.threshold = 0.2;
  options.costs = CostRates{900, 180};
  options.trivial_probability = 0.25;
  options.bootstrap.replicates = 100;
  return options;
}

const MetricValue& Metric(const std::vector<MetricValue>& metrics, std::string_view name) {
  const MetricValue* found = FindMetric(metrics, name);
  EXPECT_NE(found, nullptr) << name;
  static const MetricValue kNone{};
  return found == nullptr ? kNone : *found;
}

TEST(Evaluate, StandsBesideNoModelAndTheTrivialModel) {
  const Sample sample = Flights();
  const Report report = *Evaluate(sample.rows, {}, Options());
  EXPECT_EQ(report.counts.rows, 4000);
  EXPECT_EQ(report.counts.blocks, 200);
  EXPECT_EQ(report.no_model.rule, "flag every row");
  EXPECT_NEAR(*Metric(report.no_model.metrics, "saving").value, 0, 1e-12);
  EXPECT_NEAR(*Metric(report.no_model.metrics, "recall").value, 1, 1e-12);
  EXPECT_FALSE(Metric(report.no_model.metrics, "ece").value.has_value());
  EXPECT_EQ(report.trivial_model.rule, "every row 25.0 %");
  EXPECT_DOUBLE_EQ(*Metric(report.trivial_model.metrics, "roc_auc").value, 0.5);
  EXPECT_GT(*Metric(report.overall, "saving").value, 0);
  EXPECT_NEAR(1 - *report.cost / *report.rule_cost, *Metric(report.overall, "saving").value, 1e-12);
  const MetricValue& auc = Metric(report.overall, "roc_auc");
  EXPECT_LT(*auc.low, *auc.value);
  EXPECT_GT(*auc.high, *auc.value);
}

TEST(Evaluate, AnIntervalHoldsItsPoint) {
  // Perfectly calibrated: every replicate's calibration error is larger than the one of the rows themselves.
  ScoredRows rows;
  for (int i = 0; i < 3000; ++i) {
    rows.probabilities.push_back(0.5);
    rows.positives.push_back(i % 2 == 0 ? 1 : 0);
  }
  const MetricValue ece = Metric(Evaluate(rows, {}, Options())->overall, "ece");
  EXPECT_NEAR(*ece.value, 0, 1e-12);
  EXPECT_LE(*ece.low, *ece.value);
  EXPECT_GT(*ece.high, 0.002);
}

TEST(Evaluate, FlaggingNoneIsTheBetterRuleWhenPositivesAreRare) {
  Sample sample = Flights();
  for (std::size_t i = 0; i < sample.rows.positives.size(); ++i) {
    if (i % 10 != 0) sample.rows.positives[i] = 0;
  }
  EXPECT_EQ(Evaluate(sample.rows, {}, Options())->no_model.rule, "flag none");
}

TEST(Evaluate, SlicesComeByNameAndSmallOnesAreInsufficient) {
  const Sample sample = Flights();
  const Report report = *Evaluate(sample.rows, {sample.origin}, Options());
  ASSERT_EQ(report.slices.size(), 3u);
  EXPECT_EQ(report.slices[0].value, "EWR");
  EXPECT_EQ(report.slices[1].value, "JFK");
  EXPECT_TRUE(report.slices[0].sufficient);
  EXPECT_TRUE(Metric(report.slices[0].metrics, "roc_auc").value.has_value());
  const SliceReport& small = report.slices[2];
  EXPECT_FALSE(small.sufficient);
  EXPECT_EQ(small.counts.rows, 40);
  EXPECT_NE(small.reason.find("positives, need 100"), std::string::npos) << small.reason;
  EXPECT_FALSE(Metric(small.metrics, "roc_auc").value.has_value());
  EXPECT_EQ(Metric(small.metrics, "roc_auc").reason, small.reason);
}

TEST(Evaluate, EmptyAndOneRowGiveReasonsAndNoNumbers) {
  const Report empty = *Evaluate({}, {}, Options());
  for (const MetricValue& metric : empty.overall) {
    EXPECT_FALSE(metric.value.has_value()) << metric.metric;
    EXPECT_FALSE(metric.reason.empty()) << metric.metric;
  }
  EXPECT_TRUE(empty.curve.empty());
  EXPECT_TRUE(empty.calibration.empty());
  const Report one = *Evaluate({{1}, {0.9}, {}}, {}, Options());
  EXPECT_FALSE(Metric(one.overall, "roc_auc").value.has_value());
  EXPECT_TRUE(Metric(one.overall, "brier").value.has_value());
  EXPECT_FALSE(Metric(one.overall, "brier").low.has_value());
}

TEST(Evaluate, RefusesSlicesThatDoNotFit) {
  Sample sample = Flights();
  SliceColumn wide = sample.origin;
  wide.values.assign(kSlicesMax + 1, "x");
  EXPECT_NE(Evaluate(sample.rows, {wide}, Options()).error().message.find("slice by a column with fewer values"),
            std::string::npos);
  SliceColumn wrong = sample.origin;
  wrong.codes.pop_back();
  EXPECT_FALSE(Evaluate(sample.rows, {wrong}, Options()).ok());
  wrong = sample.origin;
  wrong.codes[5] = 77;
  EXPECT_FALSE(Evaluate(sample.rows, {wrong}, Options()).ok());
}

TEST(Curve, RunsFromTheStrictestThresholdToEveryRow) {
  const Sample sample = Flights();
  const auto curve = Curve(*RankedRows::Make(sample.rows, 0.2), CostRates{900, 180});
  ASSERT_LE(curve.size(), kCurvePointsMax);
  ASSERT_GE(curve.size(), kCurvePointsMax / 2);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_LT(curve[i].threshold, curve[i - 1].threshold);
    EXPECT_GE(curve[i].recall, curve[i - 1].recall);
    EXPECT_GE(curve[i].false_positive_rate, curve[i - 1].false_positive_rate);
  }
  EXPECT_DOUBLE_EQ(curve.back().recall, 1);
  EXPECT_DOUBLE_EQ(curve.back().false_positive_rate, 1);
  EXPECT_NEAR(*curve.back().saving, 0, 1e-12) << "flagging every row is the rule itself";
}

TEST(Calibration, BinsHoldEveryRowOnceAndGiveTheEce) {
  const Sample sample = Flights();
  const RankedRows rows = *RankedRows::Make(sample.rows, 0.2);
  double ece = 0;
  std::int64_t total = 0;
  for (const CalibrationBin& bin : Calibration(rows)) {
    total += bin.rows;
    ece += static_cast<double>(bin.rows) * std::fabs(bin.mean_predicted - bin.positive_share);
    EXPECT_LE(bin.low, bin.mean_predicted);
    EXPECT_GE(bin.high, bin.mean_predicted);
  }
  EXPECT_EQ(total, 4000);
  EXPECT_NEAR(ece / 4000, Get(ScoresOf(Count(rows), std::nullopt), MetricId::kEce), 1e-9);
}

Report Full() {
  const Sample sample = Flights();
  Report report = *Evaluate(sample.rows, {sample.origin}, Options());
  report.model = "late-departures";
  report.label = "departed_late";
  report.data_digest = "sha256:00";
  report.block = "hour of predicted_at";
  report.currency = "USD";
  return report;
}

TEST(Report, SurvivesJson) {
  const Report report = Full();
  const std::string text = ToJson(report).Dump();
  const auto back = ReportFromJson(*Json::Parse(text));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(ToJson(*back).Dump(), text);
  EXPECT_EQ(back->slices[2].value, "a/b=\"c\"");
}

TEST(Report, RefusesWhatItCannotRead) {
  Json newer = ToJson(Full());
  newer["format_version"] = 2;
  EXPECT_EQ(ReportFromJson(newer).error().code, Code::kFailedPrecondition);
  for (const std::string_view key : {"format_version", "threshold", "confidence", "counts", "overall", "no_model"}) {
    Json broken = ToJson(Full());
    broken[key] = nullptr;
    EXPECT_FALSE(ReportFromJson(broken).ok()) << key;
  }
  for (const double confidence : {-0.1, 1.1, 5e96}) {
    Json broken = ToJson(Full());
    broken["confidence"] = confidence;
    EXPECT_EQ(ReportFromJson(broken).error().code, Code::kInvalidArgument) << confidence;
  }
  Json many = ToJson(Full());
  many["slices"] = Json(Json::Array(kSlicesMax + 1));
  EXPECT_EQ(ReportFromJson(many).error().code, Code::kResourceExhausted);
  EXPECT_FALSE(ReportFromJson(Json()).ok());
  EXPECT_FALSE(ReportFromJson(Json::MakeArray()).ok());
}

TEST(Report, ReadsWellOnOneScreen) {
  const std::string table = ReportTable(Full());
  for (const std::string_view line : Split(table, '\n')) EXPECT_LE(line.size(), 110u) << line;
  EXPECT_NE(table.find("origin=EWR"), std::string::npos);
  EXPECT_NE(Summary(Full()).find("roc_auc 0."), std::string::npos) << Summary(Full());
}

}  // namespace
}  // namespace mw::evaluation
