// Whys are held against windows whose story is known.
#include "monitoring/why.h"

#include <gtest/gtest.h>

#include "monitoring/production_testing.h"

namespace mw::monitoring {
namespace {

MeasuredWindow TestMeasured(const ProductionInput& input) {
  auto measured = MeasureWindow(TestGoal(), input, {.replicates = 50});
  EXPECT_TRUE(measured.ok()) << (measured.ok() ? "" : measured.error().ToString());
  return measured.ok() ? *std::move(measured) : MeasuredWindow{};
}

bool Has(const Why& why, std::string_view kind, std::string_view part) {
  for (const Evidence& item : why.evidence) {
    if (item.kind == kind && item.text.find(part) != std::string::npos) return true;
  }
  return false;
}

std::string Told(const Why& why) {
  std::string out = why.sentence;
  for (const Evidence& item : why.evidence) CatTo(out, "\n", item.kind, ": ", item.text);
  return Cat(out, "\n", why.remedy.text, "\n", why.remedy.command);
}

struct Story {
  goals::Goal goal = TestGoal();
  VersionFacts facts = TestFacts();
  MeasuredWindow window;
  WhyInput input;
  explicit Story(const ProductionInput& rows) : window(TestMeasured(rows)) {
    input.goal = &goal;
    input.window = &window;
    input.facts = &facts;
  }
};

TEST(Explain, SaysWhatCameAndWhatWasExpected) {
  Story story(TestWindow({.rows = 20'000, .shift = 0.15}));
  story.input.drift = {{"humid", 0.3, 0.2, 0.1, true, "humid moved"},
                       {"pressure", 0.02, 0.2, 0.1, false, "pressure moved"}};
  const std::vector<Why> whys = Explain(story.input);
  ASSERT_FALSE(whys.empty());
  const Why& why = whys[0];
  EXPECT_NE(std::find(why.targets.begin(), why.targets.end(), "calibration"), why.targets.end());
  EXPECT_EQ(why.sentence.find("32 % came late, v1 expected 18 %: trained until 2013-04-16 on 20 %"), 0u) << Told(why);
  EXPECT_NE(why.sentence.find("Drift that mattered: humid."), std::string::npos) << Told(why);
  EXPECT_TRUE(Has(why, "drift", "pressure moved too")) << Told(why);
  EXPECT_TRUE(Has(why, "calibration", "mean predicted 17.")) << Told(why);
  EXPECT_TRUE(Has(why, "change", "nothing was deployed")) << Told(why);
  EXPECT_TRUE(Has(why, "threshold", "would have cost")) << Told(why);
  EXPECT_EQ(why.remedy.command,
            "millwright run late-training --set train_until=2013-07-01 --set evaluate_until=2013-08-01");
  EXPECT_EQ(why.sentence.find("flight"), std::string::npos);
}

TEST(Explain, NamesTheSliceThatWasWorst) {
  ProductionInput rows = TestWindow({.rows = 20'000, .shift = 0.1});
  for (std::size_t row = 0; row < rows.rows.size(); ++row) {
    if (rows.rows.features[row * 2] == 1 && row % 3 != 0) rows.rows.labels[row] = 1;
  }
  const std::vector<Why> whys = Explain(Story(rows).input);
  ASSERT_FALSE(whys.empty());
  EXPECT_NE(whys[0].sentence.find("worst at place=east (+"), std::string::npos) << Told(whys[0]);
}

TEST(Explain, ValuesWhatEarlierWindowsTaught) {
  ProductionInput rows = TestWindow({.rows = 20'000, .shift = 0.15});
  const ProductionInput before = TestWindow({.rows = 20'000, .shift = 0.15, .seed = 8});
  for (std::size_t row = 0; row < before.rows.size(); ++row) {
    rows.reference.answers.push_back(static_cast<double>(before.rows.predictions[row]));
    rows.reference.labels.push_back(before.rows.labels[row]);
  }
  Story story(rows);
  story.window.targets[0].verdict.outcome = goals::Outcome::kMissed;
  const Why why = Explain(story.input).at(0);
  ASSERT_TRUE(why.remedy.worth.has_value()) << Told(why);
  const double saving = *evaluation::FindMetric(story.window.report.overall, "saving")->value;
  EXPECT_NEAR(*why.remedy.worth, (*story.window.recalibrated_saving - saving) * *story.window.report.rule_cost, 1e-6);
  EXPECT_GT(*why.remedy.worth, 0);
}

TEST(Explain, PrefersAVersionThatIsKnownToBeBetter) {
  Story story(TestWindow({.rows = 20'000, .shift = 0.15}));
  std::vector<VersionFacts> others = {TestFacts(1), TestFacts(2)};
  others[1].report = TestMeasured(TestWindow({.rows = 20'000, .seed = 8})).report;
  others[1].report->from = "2013-07-01T05:00:00Z";
  others[1].report->until = "2013-08-01T03:00:00Z";
  evaluation::MetricValue& saving =
      *std::find_if(others[1].report->overall.begin(), others[1].report->overall.end(),
                    [](const evaluation::MetricValue& value) { return value.metric == "saving"; });
  saving.value = *evaluation::FindMetric(story.window.report.overall, "saving")->value + 0.1;
  story.input.others = &others;
  const Why why = Explain(story.input).at(0);
  EXPECT_EQ(why.remedy.command, "millwright deploy late@2") << Told(why);
  EXPECT_NEAR(*why.remedy.worth, 0.1 * *story.window.report.rule_cost, 1e-6);
}

TEST(Explain, TellsADeploymentAndAChangeOfVersions) {
  Story story(TestWindow({.rows = 20'000, .shift = 0.15}));
  MeasuredWindow before = story.window;
  before.version = 7;
  story.input.before = &before;
  EXPECT_TRUE(Has(Explain(story.input)[0], "change", "v1 took over from v7"));
  story.window.versions = {1, 7};
  EXPECT_TRUE(Has(Explain(story.input)[0], "change", "v1 and v7 answered in it"));
  EXPECT_TRUE(Has(Explain(story.input)[0], "drift", "nobody looked"));
}

TEST(Explain, OtherTargetsSayPlainlyWhatWas) {
  ProductionInput rows = TestWindow({.rows = 20'000});
  for (std::size_t row = 0; row < 600; ++row) rows.rows.features[row * 2 + 1] = 120;
  const std::vector<Why> whys = Explain(Story(rows).input);
  ASSERT_EQ(whys.size(), 2u) << "the report's age and the model's; quality was fine";
  EXPECT_EQ(whys[0].targets, std::vector<std::string>{"report-age"});
  EXPECT_EQ(whys[0].sentence, "97.0 % kept report.age <= 90m, 99 % promised.");
  EXPECT_EQ(whys[1].targets, std::vector<std::string>{"model-age"});
  EXPECT_EQ(whys[1].sentence, "v1 is 106.2 d old, <= 45d is needed: it knows nothing after 2013-04-16.");
}

TEST(Explain, SaysNothingWhereNothingWasMissed) {
  Story story(TestWindow({.rows = 20'000}));
  for (MeasuredTarget& target : story.window.targets) target.verdict.outcome = goals::Outcome::kMet;
  EXPECT_TRUE(Explain(story.input).empty());
}

TEST(RetrainSettings, MovesTheTwoLatestDates) {
  const goals::Goal goal = TestGoal();
  const goals::Window july{*ParseTime("2013-07-01T04:00:00Z"), *ParseTime("2013-08-01T04:00:00Z"), "Jul 2013"};
  using Params = std::vector<std::pair<std::string, std::string>>;
  const auto of = [&](const Params& params) { return RetrainSettings(params, july, goal.zone); };
  EXPECT_EQ(of({{"from", "2013-01-01"}, {"until", "2013-04-01"}, {"judge", "2013-05-01"}, {"depth", "6"}}),
            (std::vector<std::string>{"until=2013-07-01", "judge=2013-08-01"}));
  EXPECT_EQ(of({{"until", "2013-04-01T00:00:00Z"}}), (std::vector<std::string>{"until=2013-08-01T04:00:00Z"}));
  EXPECT_TRUE(of({{"depth", "6"}, {"note", "2013"}}).empty());
}

TEST(ShortMoney, FitsANarrowPlace) {
  EXPECT_EQ(ShortMoney(85.4, "USD"), "85 USD");
  EXPECT_EQ(ShortMoney(640'321, "USD"), "640 kUSD");
  EXPECT_EQ(ShortMoney(999'900, "USD"), "1.00 MUSD");
  EXPECT_EQ(ShortMoney(5'350'000, "EUR"), "5.35 MEUR");
  EXPECT_EQ(ShortMoney(43'500'000, "EUR"), "43.5 MEUR");
}

}  // namespace
}  // namespace mw::monitoring
