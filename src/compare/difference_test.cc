// What differs between two sides: presence, drift with known distances, metrics with intervals drawn together.
#include "compare/difference.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/text.h"
#include "compare/recipe.h"

namespace mw::compare {
namespace {

Json Column(std::string name, double rows, double missing, std::vector<double> quantiles) {
  Json column = Json::Make({{"name", std::move(name)}, {"rows", rows}, {"missing", missing}});
  if (!quantiles.empty()) column["quantiles"] = Json(Json::Array(quantiles.begin(), quantiles.end()));
  return column;
}

Json Profile(Json column) {
  Json columns = Json::MakeArray();
  columns.Append(std::move(column));
  return Json::Make({{"columns", std::move(columns)}});
}

Json Texts(double rows, std::initializer_list<std::pair<const char*, int>> top) {
  Json column = Column("origin", rows, 0, {});
  Json list = Json::MakeArray();
  for (const auto& [value, count] : top) list.Append(Json::Make({{"value", value}, {"count", count}}));
  column["top"] = std::move(list);
  return Profile(std::move(column));
}

TEST(DifferenceTest, DriftOfNumbersIsTheGreatestDistanceOfDistributions) {
  // Uniform on [0, 10] and on [5, 15]: at 5 one has half its values below, the other none; likewise at 10.
  const auto drift = DriftOf(Profile(Column("temp", 100, 0, {0, 5, 10})), Profile(Column("temp", 100, 0, {5, 10, 15})));
  ASSERT_EQ(drift.size(), 1U);
  EXPECT_EQ(drift[0].column, "temp");
  EXPECT_DOUBLE_EQ(drift[0].distance, 0.5);
  EXPECT_TRUE(DriftOf(Profile(Column("temp", 100, 0, {0, 5, 10})), Profile(Column("temp", 90, 0, {0, 5, 10}))).empty());
}

TEST(DifferenceTest, DriftOfTextsIsTheShareThatMoved) {
  const auto drift = DriftOf(Texts(100, {{"JFK", 50}, {"LGA", 50}}), Texts(200, {{"JFK", 150}, {"LGA", 30}}));
  ASSERT_EQ(drift.size(), 1U);
  EXPECT_NEAR(drift[0].distance, 0.35, 1e-12) << "half of |0.5-0.75| + |0.5-0.15| + |0-0.1| beyond the top";
  EXPECT_EQ(drift[0].a, "mostly JFK");
}

TEST(DifferenceTest, MissingValuesDriftToo) {
  const auto drift = DriftOf(Profile(Column("wind", 100, 0, {1, 2})), Profile(Column("wind", 100, 30, {1, 2})));
  ASSERT_EQ(drift.size(), 1U);
  EXPECT_DOUBLE_EQ(drift[0].distance, 0.3);
  EXPECT_EQ(drift[0].b, "30.0 % missing");
}

TEST(DifferenceTest, WhatDiffersComesFirstAndIsToldInSentences) {
  Facts a, b;
  a.config = {{"depth", "6"}, {"rate", "0.1"}, {"trees", "100"}};
  b.config = {{"depth", "6"}, {"rate", "0.2"}, {"seed", "1"}};
  a.code = b.code = {{"train", "sha256:c"}};
  const Difference difference = Compare(a, b);
  std::string seen;
  for (const TextDifference& one : difference.config) CatTo(seen, one.name, "=", PresenceName(one.presence), " ");
  EXPECT_EQ(seen, "rate=changed seed=only_b trees=only_a depth=same ");
  EXPECT_EQ(difference.summary,
            (std::vector<std::string>{"code: the same", "config: 3 of 4 differ: rate, seed, trees"}));
}

evaluation::Report ReportOf(std::vector<double> draws, double value) {
  evaluation::Report report;
  report.data_digest = "sha256:rows";
  report.block = "hour";
  report.counts = {1000, 100, 50};
  report.overall = {{.metric = "roc_auc", .value = value, .low = value - 0.1, .high = value + 0.1}};
  report.draws["roc_auc"] = std::move(draws);
  return report;
}

TEST(DifferenceTest, DifferencesOfTheSameDrawsHaveNarrowIntervals) {
  // Each draw moves both models alike: alone their intervals overlap, together the gain is sure.
  std::vector<double> draws_a, draws_b;
  for (int i = 0; i <= 100; ++i) {
    draws_a.push_back(0.6 + 0.002 * i);
    draws_b.push_back(0.6 + 0.002 * i + 0.01 + 0.0001 * i);
  }
  Facts a, b;
  a.report = ReportOf(draws_a, 0.7);
  b.report = ReportOf(draws_b, 0.715);
  b.metrics["rows"] = 5;
  const Difference difference = Compare(a, b);
  ASSERT_EQ(difference.metrics.size(), 2U);
  const MetricDifference& gain = difference.metrics[0];
  EXPECT_NEAR(*gain.difference, 0.015, 1e-12);
  EXPECT_NEAR(*gain.low, 0.01 + 0.0001 * 2.5, 1e-9);
  EXPECT_NEAR(*gain.high, 0.01 + 0.0001 * 97.5, 1e-9);
  EXPECT_EQ(gain.reason, "");
  EXPECT_EQ(difference.metrics[1].reason, "only one side has it");
  EXPECT_TRUE(difference.summary.front().starts_with("roc_auc differs by 0.0150 [0.0102")) << difference.summary[0];
}

TEST(DifferenceTest, WithoutTheSameDrawsThereIsNoIntervalAndWhyIsSaid) {
  Facts a, b;
  a.report = ReportOf({0.5, 0.6}, 0.55);
  b.report = ReportOf({0.5, 0.6}, 0.56);
  const auto reason = [&] { return Compare(a, b).metrics.front().reason; };
  b.report->data_digest = "sha256:others";
  EXPECT_EQ(reason(), "evaluated on different rows");
  b.report->data_digest = "sha256:rows";
  b.report->seed = 2;
  EXPECT_EQ(reason(), "evaluated with different seeds");
  b.report->seed = a.report->seed;
  b.report->counts.blocks = 49;
  EXPECT_EQ(reason(), "evaluated with different blocks");
  b.report->counts.blocks = 50;
  b.report->draws.clear();
  EXPECT_EQ(reason(), "a report without its draws; evaluate again to get them");
  b.report.reset();
  b.metrics["roc_auc"] = 0.6;
  EXPECT_EQ(reason(), "a logged value: no evaluation measured it on both sides");
}

TEST(DifferenceTest, DrawsSurviveTheirReport) {
  evaluation::Report report = ReportOf({0.123456789, std::numeric_limits<double>::quiet_NaN()}, 0.5);
  report.no_model.rule = report.trivial_model.rule = "none";
  const auto read = evaluation::ReportFromJson(*Json::Parse(ToJson(report).Dump()));
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  const std::vector<double>& draws = read->draws.at("roc_auc");
  ASSERT_EQ(draws.size(), 2U);
  EXPECT_NEAR(draws[0], 0.123456789, 1e-8);
  EXPECT_TRUE(draws[1] != draws[1]);
}

TEST(RecipeTest, APipelinesRunIsItsCommand) {
  Facts facts;
  facts.run_id = "r1";
  facts.pipeline = "training";
  facts.params = {{"until", "2013-04-01"}, {"note", "it's late"}};
  facts.data["file data/flights.parquet"].digest = "sha256:f";
  const Recipe recipe = Reproduce(facts);
  EXPECT_EQ(recipe.commands,
            std::vector<std::string>{R"(millwright run training --set 'note=it'\''s late' --set until=2013-04-01)"});
  EXPECT_TRUE(recipe.missing.empty());
  EXPECT_EQ(recipe.notes.front(), "data data/flights.parquet: sha256:f");
}

TEST(RecipeTest, ATrainingSaysWhatIsMissing) {
  Facts facts;
  facts.run_id = "r1";
  facts.tags = {{"mlflow.source.git.commit", "abc"}, {"mlflow.source.name", "train.py"}};
  const Recipe recipe = Reproduce(facts);
  EXPECT_EQ(recipe.commands, (std::vector<std::string>{"git checkout abc", "python train.py"}));
  EXPECT_EQ(recipe.missing.size(), 5U) << Join(recipe.missing, "\n");
  facts.tags["millwright.git.dirty"] = "true";
  facts.tags["mlflow.source.git.repoURL"] = "https://example.org/x.git";
  facts.has_diff = facts.has_lock = true;
  facts.data["training"].digest = "d1";
  EXPECT_EQ(Reproduce(facts).missing,
            std::vector<std::string>{"the program's arguments: capture with the millwright package keeps them"});
  EXPECT_EQ(Reproduce(facts).commands.size(), 5U);
  facts.tags["millwright.arguments"] = R"(["train.py","--name","it's late"])";
  facts.tags["millwright.git.folder"] = "jobs/a b";
  const Recipe whole = Reproduce(facts);
  EXPECT_TRUE(whole.missing.empty());
  EXPECT_EQ(whole.commands.size(), 6U);
  EXPECT_EQ(whole.commands[4], "cd 'jobs/a b'");
  EXPECT_EQ(whole.commands[5], R"(python train.py --name 'it'\''s late')");
  for (const char* damaged : {"[", "{}", "[1]"}) {
    facts.tags["millwright.arguments"] = damaged;
    EXPECT_EQ(Reproduce(facts).commands.back(), "python train.py");
  }
  EXPECT_EQ(Reproduce(Facts{}).missing.front(), "a run: the version was registered without one");
}

}  // namespace
}  // namespace mw::compare
