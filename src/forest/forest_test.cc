// Every engine against XGBoost itself, bit for bit: real models trained here, asked with rows chosen to
// hurt (thresholds hit exactly and missed by one bit, infinities, signed zeros, denormals, missing
// values, values that are no category).
#include "forest/forest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "base/random.h"
#include "forest/binned_engine.h"
#include "forest/ensemble.h"
#include "forest/test_answers.h"
#include "forest/xgboost_json.h"
#include "forest/xgboost_oracle.h"

namespace mw::forest {
namespace {

constexpr Engine kAllEngines[] = {Engine::kWalk,        Engine::kInterleaved,  Engine::kBinnedSse,
                                  Engine::kBinnedAvx2,  Engine::kBinnedAvx512, Engine::kMaskedAvx2,
                                  Engine::kMaskedAvx512};

struct DataShape {
  std::size_t rows = 2000;
  std::size_t numeric = 5;
  std::vector<int> categories = {};  ///< one column with that many categories for each
  double missing = 0.15;
  double scale = 1.0;
  bool regression = false;
  int classes = 0;  ///< labels are 0 to classes - 1
};

/// Labels depend on every column, on which values are missing, and on the parity of categories, so that
/// trees split everywhere and defaults go both ways.
TrainingRows MakeRows(const DataShape& shape, std::uint64_t seed) {
  Random random(seed);
  TrainingRows out;
  out.num_features = shape.numeric + shape.categories.size();
  for (std::size_t row = 0; row < shape.rows; ++row) {
    double signal = 0;
    for (std::size_t column = 0; column < out.num_features; ++column) {
      const bool numeric = column < shape.numeric;
      const double value =
          numeric
              ? random.Normal()
              : static_cast<double>(random.Below(static_cast<std::uint64_t>(shape.categories[column - shape.numeric])));
      const bool missing = random.Uniform() < shape.missing;
      const double effect = numeric ? value * value + value : (static_cast<int>(value * 7) % 3);
      signal += missing ? (column % 2 == 0 ? 1.0 : -1.0) : effect / static_cast<double>(column + 1);
      out.values.push_back(missing ? kNan : static_cast<float>(numeric ? value * shape.scale : value));
    }
    signal += random.Normal() - 1.5;
    if (shape.classes > 0) {
      out.labels.push_back(
          static_cast<float>(std::clamp(static_cast<int>(signal + shape.classes / 2.0), 0, shape.classes - 1)));
      continue;
    }
    out.labels.push_back(shape.regression ? static_cast<float>(signal * 1000) : (signal > 0 ? 1.0F : 0.0F));
  }
  if (!shape.categories.empty()) {
    out.types.assign(shape.numeric, "float");
    out.types.insert(out.types.end(), shape.categories.size(), "c");
  }
  return out;
}

/// Values of one feature that separate a right evaluator from a nearly right one.
std::vector<float> NastyValues(const Ensemble& ensemble, std::uint32_t feature) {
  std::set<float> thresholds;
  std::set<std::uint32_t> categories;
  for (const Tree& tree : ensemble.trees) {
    for (const Node& node : tree.nodes) {
      if (!node.IsLeaf() && node.feature == feature && node.category_set == Node::kNone) thresholds.insert(node.value);
    }
  }
  for (const CategorySet& set : ensemble.category_sets) {
    if (set.feature == feature) categories.insert(set.right.begin(), set.right.end());
  }
  std::vector<float> values = {kNan,    kInfinity,       -kInfinity,    0.0F,          -0.0F, 1e-45F,
                               -1e-45F, 1.17549421e-38F, 3.4e38F,       -3.4e38F,      -0.5F, 0.5F,
                               1.0F,    16'777'216.0F,   16'777'217.0F, 16'777'218.0F, 1e9F,  31.0F,
                               32.0F,   63.5F,           255.0F,        256.0F};
  for (const float threshold : thresholds) {
    values.insert(values.end(),
                  {threshold, std::nextafter(threshold, -kInfinity), std::nextafter(threshold, kInfinity)});
  }
  for (const std::uint32_t category : categories) {
    const auto value = static_cast<float>(category);
    values.insert(values.end(), {value, value + 0.75F, value + 1.0F});
  }
  return values;
}

/// Training rows as they are and rows of nasty values.
std::vector<float> ProbeRows(const Ensemble& ensemble, const TrainingRows& trained, std::size_t count,
                             std::uint64_t seed) {
  Random random(seed);
  std::vector<std::vector<float>> nasty;
  for (std::uint32_t feature = 0; feature < ensemble.num_features; ++feature)
    nasty.push_back(NastyValues(ensemble, feature));
  const std::size_t trained_rows = trained.labels.size();
  std::vector<float> rows;
  for (std::size_t row = 0; row < count; ++row) {
    const double nastiness = static_cast<double>(random.Below(3)) / 2;
    const std::size_t from = random.Below(trained_rows) * ensemble.num_features;
    for (std::uint32_t feature = 0; feature < ensemble.num_features; ++feature) {
      const bool is_nasty = random.Uniform() < nastiness;
      rows.push_back(is_nasty ? nasty[feature][random.Below(nasty[feature].size())] : trained.values[from + feature]);
    }
  }
  return rows;
}

std::size_t CountDifferentBits(const float* expected, const std::vector<float>& found) {
  std::size_t different = 0;
  for (std::size_t row = 0; row < found.size(); ++row) {
    different += std::bit_cast<std::uint32_t>(expected[row]) != std::bit_cast<std::uint32_t>(found[row]) ? 1U : 0U;
  }
  return different;
}

/// Compares every engine that fits, and whole predictions in batches of many sizes.
void ExpectEqualToXgboost(const XgboostOracle& oracle, const TrainingRows& trained, int rounds = 0) {
  const std::string json = oracle.Json();
  const auto forest = Forest::FromXgboostJson(json);
  ASSERT_TRUE(forest.ok()) << forest.error().ToString();
  constexpr std::size_t kRows = 3001;
  const std::vector<float> rows = ProbeRows(*ParseXgboostJson(json), trained, kRows, 11);
  const float* margins = oracle.Predict(rows.data(), kRows, true, rounds);
  for (const Engine engine : kAllEngines) {
    if (!forest->Fits(engine)) continue;
    std::vector<float> found(kRows * forest->num_margins());
    forest->PredictMarginOn(engine, rows, kRows, found);
    EXPECT_EQ(CountDifferentBits(margins, found), 0U) << EngineName(engine) << " of " << forest->Describe();
  }
  std::vector<float> again(trained.labels.size() * forest->num_outputs());
  forest->Predict(trained.values, trained.labels.size(), again);
  const std::size_t all_rounds = forest->num_trees() / forest->num_margins();
  EXPECT_EQ(CountDifferentBits(oracle.PredictMatrix(trained.values, all_rounds).data(), again), 0U);
  const float* predictions = oracle.Predict(rows.data(), kRows, false, rounds);
  const std::size_t width = forest->num_features();
  for (const std::size_t count : {0U, 1U, 2U, 7U, 8U, 31U, 32U, 33U, 39U, 40U, 64U, 1000U, 3001U}) {
    std::vector<float> found(count * forest->num_outputs());
    forest->Predict(std::span(rows).first(count * width), count, found);
    EXPECT_EQ(CountDifferentBits(predictions, found), 0U) << count << " rows of " << forest->Describe();
  }
}

XgboostOracle::Parameters Hist(const char* depth) {
  return {{"tree_method", "hist"}, {"objective", "binary:logistic"}, {"max_depth", depth}, {"eta", "0.3"}};
}

bool FitsEngine(const XgboostOracle& oracle, Engine engine) {
  return Forest::FromXgboostJson(oracle.Json())->Fits(engine);
}

/// The binned engines fit exactly where the processor has their instructions, or nowhere.
void ExpectBinned(const XgboostOracle& oracle, bool fits) {
  const auto forest = Forest::FromXgboostJson(oracle.Json());
  for (const Engine engine : {Engine::kBinnedSse, Engine::kBinnedAvx2, Engine::kBinnedAvx512}) {
    EXPECT_EQ(forest->Fits(engine), fits && HasInstructions(engine)) << EngineName(engine);
  }
}

class ForestDepth : public testing::TestWithParam<int> {};

TEST_P(ForestDepth, EqualsXgboostWithMissingValues) {
  const TrainingRows rows = MakeRows({}, 1);
  const auto oracle = XgboostOracle::Train(rows, Hist(Cat(GetParam()).c_str()), 21);
  ExpectEqualToXgboost(oracle, rows);
  EXPECT_TRUE(FitsEngine(oracle, Engine::kInterleaved));
  ExpectBinned(oracle, true);
}

INSTANTIATE_TEST_SUITE_P(OneToTen, ForestDepth, testing::Range(1, 11));

TEST(Forest, EqualsXgboostWithoutMissingValues) {
  const TrainingRows rows = MakeRows({.missing = 0}, 2);
  ExpectEqualToXgboost(XgboostOracle::Train(rows, Hist("6"), 40), rows);
}

TEST(Forest, EqualsXgboostBeyond255Thresholds) {
  const TrainingRows rows = MakeRows({.rows = 6000, .numeric = 2}, 3);
  auto parameters = Hist("6");
  parameters["tree_method"] = "exact";
  const auto oracle = XgboostOracle::Train(rows, parameters, 60);
  ExpectBinned(oracle, true);
  ExpectEqualToXgboost(oracle, rows);
}

TEST(Forest, EqualsXgboostWithEveryNumberOfThresholds) {
  for (const char* bins : {"2", "3", "4", "5", "8", "9", "16", "17", "33", "65", "129", "254"}) {
    const TrainingRows rows = MakeRows({.rows = 4000, .numeric = 3}, 4);
    auto parameters = Hist("5");
    parameters["max_bin"] = bins;
    ExpectEqualToXgboost(XgboostOracle::Train(rows, parameters, 80), rows);
  }
}

TEST(Forest, EqualsXgboostOnOneHotCategories) {
  const TrainingRows rows = MakeRows({.categories = {3, 16, 105}}, 5);
  auto parameters = Hist("6");
  parameters["max_cat_to_onehot"] = "1000";
  ExpectEqualToXgboost(XgboostOracle::Train(rows, parameters, 60), rows);
}

TEST(Forest, EqualsXgboostOnPartitionedCategories) {
  const TrainingRows rows = MakeRows({.categories = {3, 16, 105, 250}}, 6);
  auto parameters = Hist("6");
  parameters["max_cat_to_onehot"] = "1";
  const auto oracle = XgboostOracle::Train(rows, parameters, 60);
  ExpectEqualToXgboost(oracle, rows);
  ExpectBinned(oracle, true);
}

TEST(Forest, EqualsXgboostOnCategoriesAlone) {
  const TrainingRows rows = MakeRows({.numeric = 0, .categories = {2, 40, 129}, .missing = 0.3}, 7);
  auto parameters = Hist("4");
  parameters["max_cat_to_onehot"] = "5";
  ExpectEqualToXgboost(XgboostOracle::Train(rows, parameters, 30), rows);
}

TEST(Forest, EqualsXgboostOnMoreCategoriesThanAByteHolds) {
  const TrainingRows rows = MakeRows({.rows = 6000, .numeric = 2, .categories = {600}}, 8);
  auto parameters = Hist("6");
  parameters["max_cat_to_onehot"] = "1";
  const auto oracle = XgboostOracle::Train(rows, parameters, 40);
  ExpectBinned(oracle, false);
  EXPECT_TRUE(FitsEngine(oracle, Engine::kInterleaved));
  ExpectEqualToXgboost(oracle, rows);
}

TEST(Forest, EqualsXgboostAtTheEndsOfTheFloatRange) {
  for (const double scale : {1e-44, 1e-40, 1e-38, 1e30, 1e37}) {
    const TrainingRows rows = MakeRows({.scale = scale}, 9);
    auto parameters = Hist("6");
    parameters["tree_method"] = "exact";
    ExpectEqualToXgboost(XgboostOracle::Train(rows, parameters, 4), rows);
  }
}

TEST(Forest, EqualsXgboostForEveryObjectiveAndBaseScore) {
  for (const char* objective : {"binary:logistic", "binary:logitraw"}) {
    for (const char* base_score : {"0.5", "0.01", "0.2", "0.73", "0.999"}) {
      const TrainingRows rows = MakeRows({}, 10);
      auto parameters = Hist("4");
      parameters["objective"] = objective;
      parameters["base_score"] = base_score;
      ExpectEqualToXgboost(XgboostOracle::Train(rows, parameters, 10), rows);
    }
  }
  for (const char* base_score : {"0.5", "0", "-1.1", "123.456", "-7e10", "1e-30"}) {
    const TrainingRows rows = MakeRows({.regression = true}, 10);
    auto parameters = Hist("6");
    parameters["objective"] = "reg:squarederror";
    parameters["base_score"] = base_score;
    ExpectEqualToXgboost(XgboostOracle::Train(rows, parameters, 10), rows);
  }
}

TEST(Forest, EqualsXgboostForSeveralClasses) {
  for (const int classes : {2, 3, 10}) {
    const TrainingRows rows = MakeRows({.categories = {3, 40}, .classes = classes}, 23);
    auto parameters = Hist("5");
    parameters["objective"] = "multi:softprob";
    parameters["num_class"] = Cat(classes);
    auto oracle = XgboostOracle::Train(rows, parameters, 20);
    ExpectEqualToXgboost(oracle, rows);
    const auto forest = Forest::FromXgboostJson(oracle.Json());
    EXPECT_EQ(forest->num_outputs(), static_cast<std::size_t>(classes));
    EXPECT_EQ(forest->num_trees(), static_cast<std::size_t>(classes) * 20);
    oracle.SetAttribute("best_iteration", "6");
    ExpectEqualToXgboost(oracle, rows, 7);
  }
}

TEST(Forest, EqualsXgboostForClassesOfDeepTrees) {
  const TrainingRows rows = MakeRows({.rows = 6000, .numeric = 2, .classes = 3}, 24);
  auto parameters = Hist("9");
  parameters["objective"] = "multi:softprob";
  parameters["num_class"] = "3";
  parameters["num_parallel_tree"] = "2";
  parameters["subsample"] = "0.6";
  const auto oracle = XgboostOracle::Train(rows, parameters, 6);
  ExpectBinned(oracle, true);
  const auto forest = Forest::FromXgboostJson(oracle.Json());
  std::vector<float> found(6000 * 3);
  forest->Predict(rows.values, 6000, found);
  EXPECT_EQ(CountDifferentBits(oracle.Predict(rows.values.data(), 6000, false), found), 0U);
}

TEST(Forest, EqualsXgboostOnBareLeavesAndNoTreesAtAll) {
  const TrainingRows rows = MakeRows({}, 11);
  auto parameters = Hist("6");
  parameters["gamma"] = "1e9";
  const auto leaves = XgboostOracle::Train(rows, parameters, 11);
  EXPECT_EQ(Forest::FromXgboostJson(leaves.Json())->max_depth(), 0U);
  ExpectEqualToXgboost(leaves, rows);
  // Zero rounds leave a booster that cannot be saved as trained; one round cut away does.
  std::string json = XgboostOracle::Train(rows, parameters, 1).Json();
  const auto begin = json.find("\"trees\":[") + 9;
  json.replace(begin, json.find("]},\"name\":\"gbtree\"") - begin, "");
  json.replace(json.find("\"tree_info\":[0]"), 15, "\"tree_info\":[]");
  json.replace(json.find("\"num_trees\":\"1\""), 15, "\"num_trees\":\"0\"");
  ExpectEqualToXgboost(XgboostOracle::Load(json, rows.num_features), rows);
}

TEST(Forest, EqualsXgboostWhenDepthsMix) {
  const TrainingRows rows = MakeRows({.rows = 400}, 12);
  auto parameters = Hist("6");
  parameters["gamma"] = "2";
  parameters["min_child_weight"] = "6";
  ExpectEqualToXgboost(XgboostOracle::Train(rows, parameters, 60), rows);
}

TEST(Forest, EqualsXgboostOnLeafWiseTrees) {
  const TrainingRows rows = MakeRows({.rows = 5000, .categories = {30}}, 13);
  auto parameters = Hist("0");
  parameters["grow_policy"] = "lossguide";
  parameters["max_leaves"] = "300";
  const auto oracle = XgboostOracle::Train(rows, parameters, 12);
  EXPECT_GT(Forest::FromXgboostJson(oracle.Json())->max_depth(), 10U);
  ExpectEqualToXgboost(oracle, rows);
}

TEST(Forest, EqualsXgboostOnRandomForests) {
  const TrainingRows rows = MakeRows({}, 14);
  auto parameters = Hist("6");
  parameters["num_parallel_tree"] = "7";
  parameters["subsample"] = "0.6";
  parameters["colsample_bynode"] = "0.6";
  parameters["eta"] = "1";
  ExpectEqualToXgboost(XgboostOracle::Train(rows, parameters, 1), rows);
  auto oracle = XgboostOracle::Train(rows, parameters, 3);
  oracle.SetAttribute("best_iteration", "1");
  EXPECT_EQ(Forest::FromXgboostJson(oracle.Json())->num_trees(), 14U);
  ExpectEqualToXgboost(oracle, rows, 2);
}

TEST(Forest, StopsAtTheBestIteration) {
  const TrainingRows rows = MakeRows({}, 15);
  auto oracle = XgboostOracle::Train(rows, Hist("5"), 30);
  oracle.SetAttribute("best_iteration", "12");
  EXPECT_EQ(Forest::FromXgboostJson(oracle.Json())->num_trees(), 13U);
  ExpectEqualToXgboost(oracle, rows, 13);
  oracle.SetAttribute("best_iteration", "29");
  ExpectEqualToXgboost(oracle, rows);
  oracle.SetAttribute("best_iteration", "99999999999");
  ExpectEqualToXgboost(oracle, rows);
}

TEST(Forest, EqualsXgboostOnWideRows) {
  // A padded block of them does not fit the stack.
  const TrainingRows rows = MakeRows({.numeric = 140}, 16);
  ExpectEqualToXgboost(XgboostOracle::Train(rows, Hist("6"), 10), rows);
}

TEST(Forest, EqualsXgboostOnThousandsOfCategorySets) {
  // As inputs they do not fit the stack.
  const TrainingRows rows = MakeRows({.rows = 4000, .numeric = 1, .categories = {200, 250, 150}}, 22);
  auto parameters = Hist("6");
  parameters["max_cat_to_onehot"] = "1";
  parameters["subsample"] = "0.5";
  parameters["min_child_weight"] = "0";
  const auto oracle = XgboostOracle::Train(rows, parameters, 200);
  EXPECT_GT(ParseXgboostJson(oracle.Json())->category_sets.size(), 4096U);
  ExpectBinned(oracle, true);
  ExpectEqualToXgboost(oracle, rows);
}

TEST(Forest, TellsWhatTheModelCarries) {
  const TrainingRows rows = MakeRows({.numeric = 2, .categories = {4}}, 17);
  auto parameters = Hist("3");
  parameters["base_score"] = "0.25";
  auto oracle = XgboostOracle::Train(rows, parameters, 5);
  oracle.SetFeatureInfo("feature_name", {"temp", "wind", "carrier"});
  oracle.SetFeatureInfo("feature_type", {"float", "float", "c"});
  const auto forest = Forest::FromXgboostJson(oracle.Json());
  ASSERT_TRUE(forest.ok()) << forest.error().ToString();
  EXPECT_EQ(forest->feature_names(), (std::vector<std::string>{"temp", "wind", "carrier"}));
  EXPECT_EQ(forest->feature_types(), (std::vector<std::string>{"float", "float", "c"}));
  EXPECT_EQ(forest->num_features(), 3U);
  EXPECT_EQ(forest->num_trees(), 5U);
  EXPECT_EQ(forest->base_score(), 0.25F);
  EXPECT_EQ(forest->objective(), Objective::kLogistic);
  EXPECT_EQ(forest->objective_name(), "binary:logistic");
  EXPECT_FALSE(forest->double_precision());
  EXPECT_TRUE(forest->Describe().starts_with("5 trees of depth <= 3 over 3 features; rows/s: ")) << forest->Describe();
}

TEST(Forest, EqualsXgboostForItsOtherObjectives) {
  for (const char* objective : {"reg:logistic", "binary:hinge", "reg:squaredlogerror", "reg:pseudohubererror",
                                "reg:absoluteerror", "reg:gamma", "reg:tweedie", "count:poisson", "survival:cox"}) {
    TrainingRows rows = MakeRows({}, 31);
    if (std::string_view(objective).find("logistic") == std::string_view::npos) {
      for (float& label : rows.labels) label += 0.5F;
    }
    if (objective == std::string_view("binary:hinge")) {
      for (float& label : rows.labels) label -= 0.5F;
    }
    auto parameters = Hist("4");
    parameters["objective"] = objective;
    ExpectEqualToXgboost(XgboostOracle::Train(rows, parameters, 8), rows);
  }
}

TEST(Forest, GivesTheNumberOfTheTopClass) {
  const TrainingRows rows = MakeRows({.classes = 4}, 32);
  auto parameters = Hist("4");
  parameters["objective"] = "multi:softmax";
  parameters["num_class"] = "4";
  const auto oracle = XgboostOracle::Train(rows, parameters, 8);
  ExpectEqualToXgboost(oracle, rows);
  const auto forest = Forest::FromXgboostJson(oracle.Json());
  EXPECT_EQ(forest->num_outputs(), 1U);
  EXPECT_EQ(forest->num_margins(), 4U);
}

TEST(Forest, GivesDoublesOfAFloatModelToo) {
  const TrainingRows rows = MakeRows({.classes = 3}, 33);
  auto parameters = Hist("4");
  parameters["objective"] = "multi:softprob";
  parameters["num_class"] = "3";
  const auto forest = Forest::FromXgboostJson(XgboostOracle::Train(rows, parameters, 8).Json());
  std::vector<float> narrow(2000 * 3);
  std::vector<double> wide(2000 * 3);
  forest->Predict(rows.values, 2000, narrow);
  forest->Predict(rows.values, 2000, wide);
  EXPECT_TRUE(std::equal(narrow.begin(), narrow.end(), wide.begin()));
  forest->PredictMargin(rows.values, 2000, narrow);
  forest->PredictMargin(rows.values, 2000, wide);
  EXPECT_TRUE(std::equal(narrow.begin(), narrow.end(), wide.begin()));
}

TEST(Objective, SigmoidEqualsXgboosts) {
  const TrainingRows rows = MakeRows({.rows = 50}, 18);
  auto parameters = Hist("2");
  parameters["gamma"] = "1e9";
  parameters["eta"] = "0";  // one leaf of value zero: the margin is the base margin
  const auto oracle = XgboostOracle::Train(rows, parameters, 1);
  Random random(19);
  std::vector<float> margins = {0.0F,  -0.0F,  88.7F,  -88.7F,    88.8F,     -88.8F,
                                1e30F, -1e30F, 1e-45F, kInfinity, -kInfinity};
  for (int i = 0; i < 500'000; ++i) margins.push_back(static_cast<float>((random.Uniform() - 0.5) * 60));
  for (int i = 0; i < 500'000; ++i) margins.push_back(static_cast<float>(random.Normal() * 200));
  const std::vector<float> expected = oracle.PredictFrom(margins);
  std::vector<float> found = margins;
  const Epilogue sigmoid{.transform = Transform::kSigmoid, .addends = {}};
  Predictions(sigmoid, 1, found.size(), found.data(), found.data());
  EXPECT_EQ(CountDifferentBits(expected.data(), found), 0U);
}

TEST(Objective, BaseMarginEqualsXgboosts) {
  const TrainingRows rows = MakeRows({.rows = 50}, 20);
  auto parameters = Hist("2");
  parameters["gamma"] = "1e9";
  parameters["eta"] = "0";
  const std::string json = XgboostOracle::Train(rows, parameters, 1).Json();
  const std::string_view old_score = "\"base_score\":\"5E-1\"";
  ASSERT_NE(json.find(old_score), std::string::npos);
  Random random(21);
  for (int i = 0; i < 100; ++i) {
    std::string edited = json;
    const auto score = static_cast<float>(random.Uniform());
    edited.replace(edited.find(old_score), old_score.size(), Cat("\"base_score\":\"", score, "\""));
    const auto forest = Forest::FromXgboostJson(edited);
    ASSERT_TRUE(forest.ok());
    std::vector<float> found(1);
    forest->PredictMargin(std::span(rows.values).first(rows.num_features), 1, found);
    const auto oracle = XgboostOracle::Load(edited, rows.num_features);
    EXPECT_EQ(CountDifferentBits(oracle.Predict(rows.values.data(), 1, true), found), 0U) << score;
  }
}

}  // namespace
}  // namespace mw::forest
