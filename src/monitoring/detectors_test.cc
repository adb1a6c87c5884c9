// What each fault is called, when drift counts, how small a shift is seen, and how rarely healthy windows alarm.
#include "monitoring/detectors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "monitoring/drift_window.h"
#include "monitoring/probability.h"
#include "monitoring/testing.h"

namespace mw::monitoring {
namespace {

using testing::kNan;
using testing::Numbers;
using testing::Texts;

/// A baseline of named columns and windows over it, by hand.
class World {
 public:
  World& Column(const std::string& name, const Numbers& values) {
    baseline_.features.push_back(testing::BaselineOf(name, values));
    return *this;
  }
  World& Column(const std::string& name, const Texts& values) {
    baseline_.features.push_back(testing::BaselineOf(name, values));
    return *this;
  }
  World& Prediction(const Numbers& values) {
    baseline_.prediction = testing::BaselineOf("prediction", values);
    return *this;
  }
  BaselineColumn& back() { return baseline_.features.back(); }
  [[nodiscard]] Detectors Make(DetectOptions options = {}) const {
    BaselineView view = baseline_;
    view.source = "training";
    return Detectors(std::move(view), kWeek, std::move(options));
  }
  [[nodiscard]] ColumnPeriod Period(std::size_t column, const Numbers& values) const {
    return testing::PeriodOf(values, baseline_.features[column].bins);
  }
  [[nodiscard]] ColumnPeriod Period(std::size_t column, const Texts& values) const {
    return testing::PeriodOf(values, baseline_.features[column].bins);
  }
  [[nodiscard]] ColumnPeriod Predicted(const Numbers& values) const {
    return testing::PeriodOf(values, baseline_.prediction->bins);
  }

 private:
  BaselineView baseline_;
};

WindowView Window(std::vector<std::optional<ColumnPeriod>> features, std::optional<ColumnPeriod> prediction = {}) {
  WindowView out;
  out.from = FromMicros(0);
  out.until = out.from + kWeek;
  out.features = std::move(features);
  for (const auto& each : out.features) {
    if (each) out.rows = std::max(out.rows, each->counts.rows);
  }
  if (prediction) out.rows = std::max(out.rows, prediction->counts.rows);
  out.prediction = std::move(prediction);
  return out;
}

/// The second of two equal windows: distances need two in a row.
Evaluation Twice(const Detectors& detectors, const WindowView& window) {
  const Evaluation first = detectors.Detect(window, nullptr);
  return detectors.Detect(window, &first);
}

const Finding* Find(const Evaluation& evaluation, FindingKind kind) {
  for (const Finding& finding : evaluation.findings) {
    if (finding.kind == kind) return &finding;
  }
  return nullptr;
}

std::string SentenceOf(const Evaluation& evaluation, FindingKind kind) {
  const Finding* finding = Find(evaluation, kind);
  return finding == nullptr ? "" : finding->sentence;
}

Numbers Times(Numbers values, double factor) {
  for (double& value : values) value *= factor;
  return values;
}

Numbers WithMissing(Numbers values, double share) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (static_cast<double>(i % 1000) < share * 1000) values[i] = kNan;
  }
  return values;
}

TEST(Detectors, TheBaselineItselfIsFine) {
  Random random(1);
  const Numbers temp = WithMissing(testing::Normal(random, 5000, 50, 10), 0.1);
  const World world = World().Column("temp", temp).Prediction(temp);
  const Evaluation out = Twice(world.Make(), Window({world.Period(0, temp)}, world.Predicted(temp)));
  EXPECT_EQ(out.state, State::kOk);
  EXPECT_TRUE(out.findings.empty());
  EXPECT_EQ(out.features[0].comparison.jensen_shannon, 0);
  EXPECT_EQ(*out.features[0].comparison.wasserstein, 0);
}

TEST(Detectors, NamesAColumnThatIsGone) {
  Random random(1);
  const Numbers temp = WithMissing(testing::Normal(random, 5000, 50, 10), 0.012);
  World world = World().Column("temp", temp).Column("humid", testing::Normal(random, 5000));
  const Evaluation out = world.Make().Detect(
      Window({world.Period(0, Numbers(1000, kNan)), world.Period(1, testing::Normal(random, 1000))}), nullptr);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].sentence,
            "temp is missing in 100 % of rows, was 1.2 % in training: the source stopped or was renamed");
  EXPECT_EQ(out.findings[0].severity, Severity::kAlert);
  EXPECT_EQ(out.state, State::kAlert);
  EXPECT_EQ(out.features[0].state, State::kAlert);
  EXPECT_EQ(out.features[1].state, State::kOk);
}

// The whole weather table stopped: one finding, with the names of all its columns; a column whose name the window
// never held counts as missing too.
TEST(Detectors, ColumnsThatWentTogetherAreOneFinding) {
  Random random(1);
  const Numbers normal = testing::Normal(random, 5000, 50, 10);
  World world = World()
                    .Column("carrier_delay", normal)
                    .Column("temp", normal)
                    .Column("wind_gust", WithMissing(normal, 0.8))
                    .Column("visib", normal);
  const Numbers gone(1000, kNan);
  const Evaluation out = world.Make().Detect(
      Window(
          {world.Period(0, testing::Normal(random, 1000, 50, 10)), world.Period(1, gone), world.Period(2, gone), {}}),
      nullptr);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].columns, (std::vector<std::string>{"temp", "wind_gust", "visib"}));
  EXPECT_EQ(out.findings[0].sentence,
            "temp, wind_gust and visib are missing in 100 % of rows, was 0 % to 80 % in training: their common source "
            "stopped or was renamed");
}

// A third of the rows lost their weather; a column that lacked some before lost a third of the rest.
TEST(Detectors, ColumnsThatLostTheSameShareWentTogether) {
  Random random(1);
  const Numbers normal = testing::Normal(random, 5000);
  const World world = World().Column("temp", normal).Column("wind_dir", WithMissing(normal, 0.2)).Column("a", normal);
  const Evaluation out = world.Make().Detect(Window({world.Period(0, WithMissing(testing::Normal(random, 2000), 0.3)),
                                                     world.Period(1, WithMissing(testing::Normal(random, 2000), 0.44)),
                                                     world.Period(2, WithMissing(testing::Normal(random, 2000), 0.6))}),
                                             nullptr);
  ASSERT_EQ(out.findings.size(), 2U);
  EXPECT_EQ(out.findings[0].columns, std::vector<std::string>{"a"});
  EXPECT_EQ(
      out.findings[1].sentence,
      "temp and wind_dir are missing in 30 % to 44 % of rows, was 0 % to 20 % in training: their common source has "
      "gaps");
}

TEST(Detectors, GapsAreANoteUntilTheyAreLarge) {
  Random random(1);
  const Numbers normal = testing::Normal(random, 5000);
  const World world = World().Column("temp", normal);
  const Detectors detectors = world.Make();
  const auto with = [&](double share) {
    return detectors.Detect(Window({world.Period(0, WithMissing(testing::Normal(random, 2000), share))}), nullptr);
  };
  EXPECT_EQ(with(0.03).state, State::kOk);
  EXPECT_EQ(with(0.10).state, State::kWarning);
  EXPECT_EQ(with(0.30).state, State::kAlert);
  EXPECT_EQ(SentenceOf(with(0.30), FindingKind::kMissing),
            "temp is missing in 30 % of rows, was 0 % in training: the source has gaps");
}

TEST(Detectors, NamesAScaledColumn) {
  Random random(1);
  Numbers wind = testing::Normal(random, 5000, 9.2, 2);
  World world = World().Column("wind_speed", wind);
  world.back().unit = "mph";
  const Evaluation out =
      world.Make().Detect(Window({world.Period(0, Times(testing::Normal(random, 1000, 9.2, 2), 0.45))}), nullptr);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].kind, FindingKind::kScaled);
  EXPECT_EQ(out.findings[0].severity, Severity::kAlert);
  EXPECT_NEAR(out.findings[0].value, 0.45, 0.02);
  EXPECT_EQ(out.findings[0].sentence.substr(0, 40), "wind_speed looks scaled by 0.45 (median ");
  EXPECT_NE(out.findings[0].sentence.find(", was 9.3 mph)"), std::string::npos) << out.findings[0].sentence;
}

// Summer is warmer than winter: the median doubled, the spread did not. That is a shift, not a factor.
TEST(Detectors, AWarmerSeasonIsNotScaled) {
  Random random(1);
  const World world = World().Column("temp", testing::Normal(random, 5000, 38, 10));
  const Evaluation out = Twice(world.Make(), Window({world.Period(0, testing::Normal(random, 1000, 78, 8))}));
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].kind, FindingKind::kDrift);
}

TEST(Detectors, NamesWrongTypesRangesInfinitiesAndNewCategories) {
  Random random(1);
  const Numbers normal = testing::Normal(random, 5000, 50, 10);
  Texts carriers;
  for (int i = 0; i < 5000; ++i) carriers.push_back(i % 3 == 0 ? "UA" : "AA");
  World world = World().Column("a", normal).Column("b", normal).Column("c", normal).Column("carrier", carriers);
  Detectors plain = world.Make();
  BaselineView limited = plain.baseline();
  limited.features[1].max = 100;
  limited.features[1].min = -20;
  limited.features[1].unit = "mph";
  const Detectors detectors(limited, kWeek);
  Numbers now = testing::Normal(random, 1000, 50, 10);
  ColumnPeriod types = world.Period(0, now);
  types.counts.wrong_type = 30;
  types.counts.rows += 30;
  ColumnPeriod range = world.Period(1, now);
  range.numbers->max = 1048;
  range.out_of_range = 8;
  Numbers infinite = now;
  infinite[0] = kInfinity;
  infinite[1] = -kInfinity;
  Texts strangers(1000, "AA");
  for (std::size_t i = 0; i < 330; ++i) strangers[i] = "UA";
  for (std::size_t i = 330; i < 370; ++i) strangers[i] = "ZZ";
  const Evaluation out =
      detectors.Detect(Window({types, range, world.Period(2, infinite), world.Period(3, strangers)}), nullptr);
  EXPECT_EQ(SentenceOf(out, FindingKind::kWrongType),
            "a is no number in 2.9 % of rows: its type changed at the source");
  EXPECT_EQ(SentenceOf(out, FindingKind::kOutOfRange), "b is outside -20 to 100 mph in 0.8 % of rows (up to 1,048)");
  EXPECT_EQ(SentenceOf(out, FindingKind::kInfinite),
            "c is infinite in 0.2 % of rows, never in training: a division by zero");
  EXPECT_EQ(SentenceOf(out, FindingKind::kNewCategory),
            "carrier holds values never seen in training in 4.0 % of rows: \"ZZ\"");
  EXPECT_EQ(Find(out, FindingKind::kNewCategory)->severity, Severity::kNote);
}

TEST(Detectors, NamesAStuckColumn) {
  Random random(1);
  Numbers rain(5000, 0.0);
  for (std::size_t i = 0; i < 500; ++i) rain[i] = 0.01 * static_cast<double>(1 + i % 40);
  World world = World().Column("temp", testing::Normal(random, 5000, 50, 10)).Column("precip", rain);
  const Evaluation out =
      world.Make().Detect(Window({world.Period(0, Numbers(1000, 51.5)), world.Period(1, Numbers(1000, 0.0))}), nullptr);
  ASSERT_EQ(out.findings.size(), 2U);
  EXPECT_EQ(out.findings[0].sentence,
            "temp is 51.5 throughout, had 5,000 values in training: the source is stuck or a default took its place");
  EXPECT_EQ(out.findings[0].severity, Severity::kAlert);
  EXPECT_EQ(out.findings[1].severity, Severity::kNote);  // a dry week
}

TEST(Detectors, NamesALateSource) {
  Random random(1);
  Numbers age(5000);
  Numbers late(1000);
  for (double& value : age) value = 60 * random.Uniform();
  for (double& value : late) value = 300 + 60 * random.Uniform();
  World world = World().Column("weather_age_minutes", age);
  world.back().unit = "min";
  const Evaluation out = world.Make().Detect(Window({world.Period(0, late)}), nullptr);
  const std::string sentence = SentenceOf(out, FindingKind::kStale);
  EXPECT_NE(sentence.find("the source is late"), std::string::npos) << sentence;
  EXPECT_EQ(out.state, State::kAlert);
}

TEST(Detectors, VolumeAndSilence) {
  Random random(1);
  const World world = World().Column("temp", testing::Normal(random, 5000));
  const Detectors detectors = world.Make();
  WindowView window = Window({world.Period(0, testing::Normal(random, 400))});
  window.usual_rows = 6400;
  EXPECT_EQ(SentenceOf(detectors.Detect(window, nullptr), FindingKind::kVolume),
            "400 rows, usually 6,400 in such a window");
  window.closed = false;  // the rest may come
  EXPECT_EQ(Find(detectors.Detect(window, nullptr), FindingKind::kVolume), nullptr);
  WindowView silent = Window({std::nullopt});
  silent.usual_rows = 6400;
  const Evaluation out = detectors.Detect(silent, nullptr);
  EXPECT_EQ(out.state, State::kNoData);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].severity, Severity::kAlert);
}

TEST(Detectors, SilenceIsNoOutageWhereHardlyAnybodyAsks) {
  Random random(1);
  const World world = World().Column("temp", testing::Normal(random, 5000));
  const Detectors detectors = world.Make();
  WindowView silent = Window({std::nullopt});
  for (const std::optional<double> usual : {std::optional<double>(), std::optional<double>(99)}) {
    silent.usual_rows = usual;
    const Evaluation out = detectors.Detect(silent, nullptr);
    EXPECT_EQ(out.state, State::kInsufficientData);
    EXPECT_TRUE(out.findings.empty());
    EXPECT_EQ(WithoutBaseline(silent).state, State::kBaselineMissing);
  }
  WindowView few = Window({world.Period(0, testing::Normal(random, 3))});
  few.usual_rows = 1;
  EXPECT_TRUE(detectors.Detect(few, nullptr).findings.empty()) << "three rows instead of one say nothing";
}

TEST(Detectors, FewRowsSayNothing) {
  Random random(1);
  const World world = World().Column("temp", testing::Normal(random, 5000));
  const Evaluation out = Twice(world.Make(), Window({world.Period(0, testing::Normal(random, 99, 5))}));
  EXPECT_EQ(out.state, State::kInsufficientData);
  EXPECT_TRUE(out.findings.empty());
  EXPECT_EQ(WithoutBaseline(Window({world.Period(0, testing::Normal(random, 500))})).state, State::kBaselineMissing);
}

// A drifted column is a warning once, a note twice, an alert when the model leans on it.
TEST(Detectors, DriftCountsInTheSecondClosedWindow) {
  Random random(1);
  World world =
      World().Column("temp", testing::Normal(random, 5000, 50, 10)).Column("b", testing::Normal(random, 5000));
  const WindowView window =
      Window({world.Period(0, testing::Normal(random, 1000, 70, 10)), world.Period(1, testing::Normal(random, 1000))});
  const Detectors detectors = world.Make();
  const Evaluation first = detectors.Detect(window, nullptr);
  EXPECT_EQ(first.state, State::kOk);
  EXPECT_EQ(first.features[0].state, State::kWarning);
  const Evaluation second = detectors.Detect(window, &first);
  ASSERT_EQ(second.findings.size(), 1U);
  EXPECT_EQ(second.findings[0].severity, Severity::kNote);
  EXPECT_EQ(second.state, State::kWarning);
  EXPECT_EQ(second.findings[0].sentence.substr(0, 15), "temp moved: med");

  WindowView open = window;
  open.closed = false;
  EXPECT_TRUE(detectors.Detect(open, &first).findings.empty());
  EXPECT_TRUE(detectors.Detect(open, &second).findings.empty());

  // A window of few rows in between neither counts nor breaks the row.
  const Evaluation little = detectors.Detect(Window({world.Period(0, Numbers(5, 50)), {}}), &first);
  EXPECT_EQ(detectors.Detect(window, &little).findings.size(), 1U);

  BaselineView attributed = detectors.baseline();
  attributed.features[0].attribution = 0.6;
  attributed.features[1].attribution = 0.4;
  EXPECT_EQ(Twice(Detectors(attributed, kWeek), window).state, State::kAlert);
}

TEST(Detectors, MovedPredictionsAreAnAlertThatNamesWhatMovedWithThem) {
  Random random(1);
  World world = World()
                    .Column("humid", testing::Normal(random, 5000, 60, 10))
                    .Column("visib", testing::Normal(random, 5000, 9, 1))
                    .Prediction(testing::Normal(random, 5000, 0.2, 0.05));
  const WindowView window = Window(
      {world.Period(0, testing::Normal(random, 1000, 80, 10)), world.Period(1, testing::Normal(random, 1000, 9, 1))},
      world.Predicted(testing::Normal(random, 1000, 0.3, 0.05)));
  const Evaluation out = Twice(world.Make(), window);
  ASSERT_EQ(out.findings.size(), 2U);
  EXPECT_EQ(out.findings[0].kind, FindingKind::kPredictionDrift);
  EXPECT_EQ(out.findings[0].severity, Severity::kAlert);
  EXPECT_EQ(out.findings[0].sentence.substr(0, 34), "predictions moved: mean 0.3, was 0");
  EXPECT_NE(out.findings[0].sentence.find("with them humid"), std::string::npos) << out.findings[0].sentence;
  EXPECT_EQ(out.findings[1].severity, Severity::kNote);
  EXPECT_NEAR(*out.predictions_mean, 0.3, 0.01);
}

TEST(Detectors, AttributionThatMovesIsAnAlert) {
  Random random(1);
  const Numbers values = testing::Normal(random, 5000);
  World world = World().Column("a", values).Column("b", values);
  BaselineView view = world.Make().baseline();
  view.features[0].attribution = 0.7;
  view.features[1].attribution = 0.3;
  const Detectors detectors(view, kWeek);
  WindowView window = Window({world.Period(0, values), world.Period(1, values)});
  window.attribution = {0.65, 0.35};
  EXPECT_TRUE(Twice(detectors, window).findings.empty());
  window.attribution = {0.1, 0.9};
  const Evaluation out = Twice(detectors, window);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].kind, FindingKind::kAttributionDrift);
  EXPECT_EQ(out.findings[0].sentence.substr(0, 54), "the model leans on b for 90 % of its answers, was 30 %");
}

TEST(Detectors, ThresholdsAreChecked) {
  EXPECT_TRUE(Check({}).ok());
  EXPECT_TRUE(Check({.thresholds = {{"a", 0.0}, {"b", 1.0}}}).ok());
  EXPECT_FALSE(Check({.thresholds = {{"a", kNan}}}).ok());
  EXPECT_FALSE(Check({.thresholds = {{"a", -0.1}}}).ok());
  EXPECT_FALSE(Check({.thresholds = {{"a", 1.1}}}).ok());
  EXPECT_FALSE(Check({.windows_in_a_row = 0}).ok());
  EXPECT_EQ(*SensitivityFromName("vertex"), Sensitivity::kVertex);
  EXPECT_FALSE(SensitivityFromName("off").ok());
}

// A threshold of 0 means any change beyond the noise, and must not be taken for "none given".
TEST(Detectors, AThresholdOfZeroIsAThreshold) {
  Random random(2);
  const World world = World().Column("a", testing::Normal(random, 20'000));
  const WindowView window = Window({world.Period(0, testing::Normal(random, 20'000, 0.15))});
  EXPECT_TRUE(Twice(world.Make(), window).findings.empty());
  EXPECT_EQ(Twice(world.Make({.thresholds = {{"a", 0.0}}}), window).findings.size(), 1U);
  EXPECT_TRUE(Twice(world.Make({.thresholds = {{"a", 1.0}}}), Window({world.Period(0, Numbers(500, 99))}))
                  .features[0]
                  .exceeds == false);
}

// --- Power and false alarms ----------------------------------------------------------------------------------------

bool SeesShift(Sensitivity sensitivity, double shift) {
  Random random(17);
  const World world = World().Prediction(testing::Normal(random, 10'000));
  const WindowView window = Window({}, world.Predicted(testing::Normal(random, 10'000, shift)));
  return Twice(world.Make({.sensitivity = sensitivity}), window).state == State::kAlert;
}

TEST(Power, ShiftsThatEachSensitivityMustSeeAndMustNot) {
  EXPECT_TRUE(SeesShift(Sensitivity::kVertex, 1.5));
  EXPECT_FALSE(SeesShift(Sensitivity::kVertex, 1.3));
  EXPECT_TRUE(SeesShift(Sensitivity::kStrict, 0.85));
  EXPECT_FALSE(SeesShift(Sensitivity::kStrict, 0.7));
  EXPECT_TRUE(SeesShift(Sensitivity::kSensitive, 0.4));
  EXPECT_FALSE(SeesShift(Sensitivity::kSensitive, 0.2));
}

TEST(Power, FivePointsOfCategoryMassOnlyInSensitive) {
  Texts before;
  Texts now;
  for (int i = 0; i < 10'000; ++i) before.push_back(i % 10 < 3 ? "a" : "b");
  for (int i = 0; i < 10'000; ++i) now.push_back(i % 20 < 7 ? "a" : "b");
  const World world = World().Column("c", before);
  const auto seen = [&](Sensitivity sensitivity) {
    return !Twice(world.Make({.sensitivity = sensitivity}), Window({world.Period(0, now)})).findings.empty();
  };
  EXPECT_TRUE(seen(Sensitivity::kSensitive));
  EXPECT_FALSE(seen(Sensitivity::kStrict));
  EXPECT_FALSE(seen(Sensitivity::kVertex));
}

// A thousand windows of what the baseline was drawn from, ten numbers, two categories and the prediction each.
TEST(FalseAlarms, AtMostFiveOfAThousandHealthyWindows) {
  Random random(23);
  const auto category = [&](std::size_t rows) {
    Texts out(rows);
    for (std::string& value : out) value = std::string(1, static_cast<char>('a' + random.Below(8)));
    return out;
  };
  World world;
  for (int i = 0; i < 10; ++i) world.Column("n" + std::to_string(i), testing::Normal(random, 4000));
  world.Column("c0", category(4000)).Column("c1", category(4000)).Prediction(testing::Normal(random, 4000));
  const Detectors detectors = world.Make();
  int alerts = 0;
  int findings = 0;
  Evaluation last;
  for (int window = 0; window < 1000; ++window) {
    std::vector<std::optional<ColumnPeriod>> periods;
    for (std::size_t i = 0; i < 10; ++i) periods.emplace_back(world.Period(i, testing::Normal(random, 400)));
    for (std::size_t i = 10; i < 12; ++i) periods.emplace_back(world.Period(i, category(400)));
    last = detectors.Detect(Window(std::move(periods), world.Predicted(testing::Normal(random, 400))), &last);
    alerts += last.state == State::kAlert ? 1 : 0;
    findings += last.findings.empty() ? 0 : 1;
  }
  EXPECT_LE(alerts, 5);
  EXPECT_LE(findings, 5);
  RecordProperty("alerts", alerts);
  RecordProperty("windows_with_findings", findings);
}

// --- Adversarial ---------------------------------------------------------------------------------------------------

TEST(Adversarial, DifferentConstantsHaveNothingInCommon) {
  const World world = World().Column("a", Numbers(500, 5.0));
  for (const double other : {3.0, 5.1, 7.0, -5.0, 1e308}) {
    const Evaluation out = world.Make().Detect(Window({world.Period(0, Numbers(500, other))}), nullptr);
    EXPECT_EQ(out.features[0].comparison.jensen_shannon, 1) << other;
  }
  EXPECT_EQ(world.Make().Detect(Window({world.Period(0, Numbers(500, 5.0))}), nullptr).state, State::kOk);
}

TEST(Adversarial, ZeroHasOneSign) {
  const World world = World().Column("a", Numbers(500, 0.0));
  const Evaluation out = world.Make().Detect(Window({world.Period(0, Numbers(500, -0.0))}), nullptr);
  EXPECT_EQ(out.features[0].comparison.jensen_shannon, 0);
}

/// Columns that break detectors.
std::vector<Numbers> Monsters() {
  Random random(1);
  std::vector<Numbers> out = {{},
                              {1},
                              Numbers(300, kNan),
                              Numbers(300, kInfinity),
                              Numbers(300, -kInfinity),
                              Numbers(300, 0.0),
                              Numbers(300, -0.0),
                              Numbers(300, 5e-324),
                              Numbers(300, 1e308)};
  Numbers mixed = testing::Normal(random, 300);
  mixed[0] = kNan;
  mixed[1] = kInfinity;
  mixed[2] = -kInfinity;
  mixed[3] = 1e308;
  mixed[4] = -1e308;
  mixed[5] = 5e-324;
  out.push_back(mixed);
  Numbers two;
  for (int i = 0; i < 300; ++i) two.push_back(i % 2);
  out.push_back(two);
  Numbers wide;
  for (int i = 0; i < 300; ++i) wide.push_back(i % 2 == 0 ? 1e308 : -1e308);
  out.push_back(wide);
  Numbers ids;
  for (int i = 0; i < 300; ++i) ids.push_back(9007199254740993.0 + 2 * i);
  out.push_back(ids);
  return out;
}

void ExpectSane(const Cell& cell) {
  for (const double share : {cell.comparison.jensen_shannon, cell.comparison.l_infinity, cell.comparison.missing}) {
    EXPECT_GE(share, 0);
    EXPECT_LE(share, 1);
  }
  EXPECT_FALSE(std::isnan(cell.comparison.floor.value));
  if (cell.comparison.wasserstein) {
    EXPECT_FALSE(std::isnan(*cell.comparison.wasserstein));
  }
}

TEST(Adversarial, EveryMonsterAgainstEveryOther) {
  for (const Numbers& before : Monsters()) {
    const World world = World().Column("x_age_minutes", before).Prediction(before);
    BaselineView view = world.Make().baseline();
    view.features[0].min = -1e9;
    view.features[0].max = 1e9;
    const Detectors detectors(view, kWeek);
    for (const Numbers& now : Monsters()) {
      const Evaluation out = Twice(detectors, Window({world.Period(0, now)}, world.Predicted(now)));
      ExpectSane(out.features[0]);
      ExpectSane(*out.prediction);
      for (const Finding& finding : out.findings) {
        EXPECT_FALSE(std::isnan(finding.impact));
        EXPECT_TRUE(FindingFromJson(ToJson(finding)).ok());
      }
    }
    const Evaluation same = Twice(detectors, Window({world.Period(0, before)}, world.Predicted(before)));
    EXPECT_EQ(same.features[0].comparison.jensen_shannon, 0);
    EXPECT_EQ(Find(same, FindingKind::kDrift), nullptr);
    EXPECT_EQ(Find(same, FindingKind::kPredictionDrift), nullptr);
  }
}

// Names and categories are data: whatever they hold comes out as valid JSON.
TEST(Adversarial, HostileNamesAndCategories) {
  const Texts before = {"",
                        "\xff\xfe",
                        "<script>",
                        "=1+1",
                        "a\"} 1",
                        "\xE2\x80\xAE",
                        std::string("a\0b", 3),
                        std::string(5000, 'x'),
                        "'; DROP TABLE a; --",
                        "e\xCC\x81",
                        "\xC3\xA9"};
  Texts rows;
  for (int i = 0; i < 1100; ++i) rows.push_back(before[static_cast<std::size_t>(i) % before.size()]);
  const World world = World().Column("a\"b\n<c>/=", rows);
  const Evaluation same = Twice(world.Make(), Window({world.Period(0, rows)}));
  EXPECT_EQ(same.state, State::kOk);
  const Evaluation out = Twice(world.Make(), Window({world.Period(0, Texts(1000, "\xE2\x80\xAE\xff new \x01"))}));
  ASSERT_FALSE(out.findings.empty());
  for (const Finding& finding : out.findings) {
    const Result<Json> back = Json::Parse(ToJson(finding).Dump());
    ASSERT_TRUE(back.ok()) << back.error().ToString();
    EXPECT_LT(finding.sentence.size(), 400U);
  }
}

}  // namespace
}  // namespace mw::monitoring
