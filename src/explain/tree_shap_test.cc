// Shapley values against their definition (every subset of the features, no cleverness) at 1e-10, and
// against XGBoost's own pred_contribs, which are float32.
#include "explain/tree_shap.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "explain/cover.h"
#include "forest/walk_engine.h"
#include "forest/xgboost_json.h"
#include "forest/xgboost_oracle.h"

namespace mw::explain {
namespace {

using forest::CategorySet;
using forest::Ensemble;
using forest::Node;
using forest::Tree;
using forest::XgboostOracle;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// ---- the definition -----------------------------------------------------------------------------------------------

/// What a tree expects of a row of which only the features in `known` are known.
double Expected(const Ensemble& ensemble, const Tree& tree, const float* row, std::uint32_t known, std::size_t at = 0) {
  const Node& node = tree.nodes[at];
  if (node.IsLeaf()) return static_cast<double>(node.value);
  const auto left = static_cast<std::size_t>(node.left);
  if ((known >> node.feature & 1U) != 0) {
    const bool goes_left = forest::GoesLeft(ensemble, node, row[node.feature]);
    return Expected(ensemble, tree, row, known, goes_left ? left : left + 1);
  }
  const double left_cover = static_cast<double>(tree.covers[left]);
  const double right_cover = static_cast<double>(tree.covers[left + 1]);
  const bool empty = left_cover + right_cover == 0;
  return (empty ? 0.5 : left_cover / (left_cover + right_cover)) * Expected(ensemble, tree, row, known, left) +
         (empty ? 0.5 : right_cover / (left_cover + right_cover)) * Expected(ensemble, tree, row, known, left + 1);
}

double Factorial(std::size_t n) { return n < 2 ? 1 : static_cast<double>(n) * Factorial(n - 1); }

/// One row's values and, last, the expected margin: from all 2^d subsets.
std::vector<double> BruteForce(const Ensemble& ensemble, const float* row) {
  const std::size_t d = ensemble.num_features;
  std::vector<double> worth(std::size_t{1} << d, static_cast<double>(ensemble.base_margin));
  for (std::uint32_t subset = 0; subset < worth.size(); ++subset) {
    for (const Tree& tree : ensemble.trees) worth[subset] += Expected(ensemble, tree, row, subset);
  }
  std::vector<double> phi(d + 1);
  for (std::size_t feature = 0; feature < d; ++feature) {
    for (std::uint32_t subset = 0; subset < worth.size(); ++subset) {
      if ((subset >> feature & 1U) != 0) continue;
      const auto size = static_cast<std::size_t>(std::popcount(subset));
      const double weight = Factorial(size) * Factorial(d - 1 - size) / Factorial(d);
      phi[feature] += weight * (worth[subset | 1U << feature] - worth[subset]);
    }
  }
  phi[d] = worth[0];
  return phi;
}

// ---- forests and rows ---------------------------------------------------------------------------------------------

struct Shape {
  std::uint32_t features = 6;
  std::size_t trees = 3;
  std::uint32_t depth = 5;
  double leaf_probability = 0.1;
  double category_probability = 0.2;
};

/// Trees that no training makes, too: splits that no row reached, features repeated at will, single leaves.
class RandomForest {
 public:
  RandomForest(const Shape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {
    ensemble.num_features = shape.features;
    ensemble.base_margin = 0.25F;
    for (int set = 0; set < 8; ++set) AddCategorySet();
    for (std::size_t tree = 0; tree < shape.trees; ++tree) AddTree();
  }
  Ensemble ensemble;

  std::vector<float> Rows(std::size_t count) {
    std::vector<float> rows;
    const float odd[] = {kNan, kInfinity, -kInfinity, 0.0F, -0.0F, 3.9F, -1.0F, 17e6F, 5000.0F};
    for (std::size_t at = 0; at < count * shape_.features; ++at) {
      const double choice = random_.Uniform();
      rows.push_back(choice < 0.2   ? odd[random_.Below(std::size(odd))]
                     : choice < 0.5 ? static_cast<float>(random_.Below(6))
                                    : static_cast<float>(random_.Normal()));
    }
    return rows;
  }

 private:
  void AddCategorySet() {
    CategorySet set{static_cast<std::uint32_t>(random_.Below(shape_.features)), random_.Uniform() < 0.5, {}};
    for (std::uint32_t category = 0; category < 6; ++category) {
      if (category == 5 || random_.Uniform() < 0.4) set.right.push_back(category);
    }
    ensemble.category_sets.push_back(std::move(set));
  }

  void AddTree() {
    Tree& tree = ensemble.trees.emplace_back();
    std::vector<std::uint32_t> depths = {0};
    tree.nodes.resize(1);
    tree.covers = {100.0F};
    for (std::size_t at = 0; at < tree.nodes.size(); ++at) {
      tree.depth = std::max(tree.depth, depths[at]);
      tree.nodes[at].value = static_cast<float>(random_.Normal());
      if (depths[at] == shape_.depth || random_.Uniform() < shape_.leaf_probability) continue;
      MakeSplit(tree.nodes[at], tree.nodes.size());
      const auto share = static_cast<float>(random_.Uniform() < 0.1 ? 0 : random_.Uniform());
      const float cover = tree.covers[at];
      for (const float part : {share, 1 - share}) {
        tree.nodes.emplace_back();
        tree.covers.push_back(cover * part);
        depths.push_back(depths[at] + 1);
      }
    }
  }

  void MakeSplit(Node& node, std::size_t left) {
    node.left = static_cast<std::int32_t>(left);
    node.feature = static_cast<std::uint32_t>(random_.Below(shape_.features));
    node.default_left = random_.Uniform() < 0.5;
    if (random_.Uniform() >= shape_.category_probability) return;
    node.category_set = static_cast<std::int32_t>(random_.Below(ensemble.category_sets.size()));
    const CategorySet& set = ensemble.category_sets[static_cast<std::size_t>(node.category_set)];
    node.feature = set.feature;
    node.default_left = set.default_left;
    node.value = 0;
  }

  Shape shape_;
  Random random_;
};

std::vector<double> Explained(const TreeShap& shap, const std::vector<float>& rows) {
  const std::size_t count = rows.size() / shap.num_features();
  std::vector<double> phi(count * (shap.num_features() + 1), -99);
  shap.Explain(rows, count, phi);
  return phi;
}

double WorstDifference(const std::vector<double>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0;
  for (std::size_t at = 0; at < a.size(); ++at) {
    const double difference = std::abs(a[at] - b[at]);
    worst = difference <= worst ? worst : difference;  // NaN is worse than anything
  }
  return worst;
}

void ExpectEqualToDefinition(const Ensemble& ensemble, const std::vector<float>& rows, const std::string& what) {
  std::vector<double> expected;
  for (std::size_t at = 0; at < rows.size(); at += ensemble.num_features) {
    const std::vector<double> phi = BruteForce(ensemble, rows.data() + at);
    expected.insert(expected.end(), phi.begin(), phi.end());
  }
  for (const std::size_t bytes : {TreeShapOptions{}.table_bytes_max, std::size_t{0}}) {
    const auto shap = TreeShap::Make(ensemble, {.table_bytes_max = bytes});
    ASSERT_TRUE(shap.ok()) << shap.error().ToString();
    EXPECT_LT(WorstDifference(expected, Explained(*shap, rows)), 1e-10) << what << ": " << shap->Describe();
  }
}

TEST(TreeShap, EqualsTheSumOverAllSubsets) {
  const Shape shapes[] = {{.features = 1, .depth = 7},
                          {.features = 2, .depth = 6},
                          {.features = 4, .depth = 3, .leaf_probability = 0.4},
                          {.features = 6},
                          {.features = 8, .depth = 6, .leaf_probability = 0, .category_probability = 0.5},
                          {.features = 12, .trees = 2, .depth = 6, .leaf_probability = 0.02},
                          {.features = 9, .trees = 1, .depth = 9, .leaf_probability = 0.15},
                          {.features = 12, .trees = 1, .depth = 12, .leaf_probability = 0.25}};
  for (const Shape& shape : shapes) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      RandomForest random(shape, seed);
      ExpectEqualToDefinition(random.ensemble, random.Rows(shape.features > 8 ? 8 : 25),
                              Cat(shape.features, " features, depth ", shape.depth, ", seed ", seed));
    }
  }
}

TEST(TreeShap, TablesAndWalkAgreeWhateverTheBlock) {
  RandomForest random({.features = 30, .trees = 20, .depth = 6, .leaf_probability = 0.03}, 5);
  const std::vector<float> rows = random.Rows(131);
  const auto tables = TreeShap::Make(random.ensemble);
  const auto walk = TreeShap::Make(random.ensemble, {.table_bytes_max = 0});
  const auto half = TreeShap::Make(random.ensemble, {.table_bytes_max = 600'000});
  EXPECT_NE(tables->Describe().find(", 0 walked"), std::string::npos) << tables->Describe();
  EXPECT_NE(walk->Describe().find("by tables of 0.0 MB"), std::string::npos) << walk->Describe();
  EXPECT_EQ(half->Describe().find(", 0 walked"), std::string::npos) << half->Describe();
  const std::vector<double> expected = Explained(*tables, rows);
  EXPECT_LT(WorstDifference(expected, Explained(*walk, rows)), 1e-12);
  EXPECT_LT(WorstDifference(expected, Explained(*half, rows)), 1e-12);
  for (const std::size_t count : {0U, 1U, 63U, 64U, 65U, 128U}) {
    const std::vector<float> first(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count * 30));
    const std::vector<double> head(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(count * 31));
    EXPECT_EQ(Explained(*tables, first), head) << count;
  }
}

/// Additivity: the values and the expected margin sum up to the margin, here in double.
double WorstSum(const Ensemble& ensemble, const std::vector<float>& rows, const std::vector<double>& phi) {
  double worst = 0;
  for (std::size_t row = 0; row < rows.size() / ensemble.num_features; ++row) {
    double sum = -static_cast<double>(ensemble.base_margin);
    for (std::size_t at = 0; at <= ensemble.num_features; ++at) sum += phi[row * (ensemble.num_features + 1) + at];
    const float* values = rows.data() + row * ensemble.num_features;
    const std::uint32_t all = ~0U;
    for (const Tree& tree : ensemble.trees) sum -= Expected(ensemble, tree, values, all);
    worst = std::max(worst, std::abs(sum));
  }
  return worst;
}

TEST(TreeShap, ValuesAndExpectationSumToTheMargin) {
  for (const std::uint32_t depth : {0U, 1U, 6U, 10U, 14U}) {
    RandomForest random({.features = 31, .trees = 10, .depth = depth, .leaf_probability = 0.1}, depth + 1);
    const std::vector<float> rows = random.Rows(70);
    EXPECT_LT(WorstSum(random.ensemble, rows, Explained(*TreeShap::Make(random.ensemble), rows)), 1e-12) << depth;
  }
}

TEST(TreeShap, AFeatureWithoutASplitHasExactlyNothing) {
  RandomForest random({.features = 9, .trees = 8}, 3);
  for (Tree& tree : random.ensemble.trees) {
    for (Node& node : tree.nodes) node.feature += node.feature == 4 && !node.IsLeaf() ? 1 : 0;
  }
  for (CategorySet& set : random.ensemble.category_sets) set.feature += set.feature == 4 ? 1 : 0;
  const std::vector<double> phi = Explained(*TreeShap::Make(random.ensemble), random.Rows(50));
  for (std::size_t row = 0; row < 50; ++row) EXPECT_EQ(phi[row * 10 + 4], 0.0);
}

/// A path of `depth` splits over many features with a leaf to the left of each.
Ensemble Chain(std::uint32_t depth, std::uint32_t features) {
  Ensemble chain;
  chain.num_features = features;
  Tree& tree = chain.trees.emplace_back();
  tree.depth = depth;
  // Level by level: the leaf of a level stands before the split that goes on.
  for (std::uint32_t level = 0; level <= depth; ++level) {
    Node leaf;
    leaf.value = static_cast<float>(level % 7) - 3;
    if (level > 0) tree.nodes.push_back(leaf);
    Node split = leaf;
    split.feature = level % features;
    if (level < depth) split.left = static_cast<std::int32_t>(2 * level + 1);
    tree.nodes.push_back(split);
  }
  for (std::size_t at = 0; at < tree.nodes.size(); ++at) tree.covers.push_back(at % 2 == 0 ? 30.0F : 1.0F);
  return chain;
}

TEST(TreeShap, WalksPathsOfHundredsOfFeatures) {
  const Ensemble chain = Chain(400, 150);
  std::vector<float> rows(3 * 150);
  for (std::size_t at = 0; at < rows.size(); ++at) rows[at] = at < 150 ? 9.0F : (at % 40 == 0 ? -9.0F : 9.0F);
  const auto shap = TreeShap::Make(chain);
  EXPECT_NE(shap->Describe().find("1 walked"), std::string::npos);
  const std::vector<double> phi = Explained(*shap, rows);
  for (std::size_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (std::size_t at = 0; at <= 150; ++at) sum += phi[row * 151 + at];
    float margin = 0;
    forest::WalkMargins(chain, rows.data() + row * 150, 1, &margin);
    EXPECT_NEAR(sum, static_cast<double>(margin), 1e-11);
  }
}

// ---- XGBoost ------------------------------------------------------------------------------------------------------

forest::TrainingRows SomeRows(std::size_t numbers, std::size_t categories, std::uint64_t seed) {
  Random random(seed);
  forest::TrainingRows rows;
  rows.num_features = numbers + categories;
  for (int row = 0; row < 1'500; ++row) {
    double signal = -1;
    for (std::size_t column = 0; column < rows.num_features; ++column) {
      const double value = column < numbers ? random.Normal() : static_cast<double>(random.Below(9));
      const bool missing = random.Uniform() < 0.15;
      signal += missing ? 0.5 : std::sin(2 * value + static_cast<double>(column));
      rows.values.push_back(missing ? kNan : static_cast<float>(value));
    }
    rows.labels.push_back(signal + random.Normal() > 0 ? 1.0F : 0.0F);
  }
  if (categories > 0) {
    rows.types.assign(numbers, "float");
    rows.types.insert(rows.types.end(), categories, "c");
  }
  return rows;
}

TEST(TreeShap, EqualsXgboostAndTheDefinitionOnTrainedModels) {
  struct Case {
    std::size_t numbers, categories;
    const char* depth;
    const char* objective;
  };
  for (const Case& one : {Case{8, 0, "6", "binary:logistic"}, Case{6, 3, "6", "binary:logistic"},
                          Case{10, 0, "9", "reg:squarederror"}, Case{3, 2, "4", "binary:logitraw"}}) {
    const forest::TrainingRows trained = SomeRows(one.numbers, one.categories, 7);
    const XgboostOracle oracle = XgboostOracle::Train(trained,
                                                      {{"tree_method", "hist"},
                                                       {"objective", one.objective},
                                                       {"max_depth", one.depth},
                                                       {"min_child_weight", "0.1"},
                                                       {"base_score", "0.3"},
                                                       {"max_cat_to_onehot", "3"}},
                                                      20);
    const auto ensemble = forest::ParseXgboostJson(oracle.Json());
    ASSERT_TRUE(ensemble.ok()) << ensemble.error().ToString();
    constexpr std::size_t kRows = 300;
    const std::vector<float> rows(trained.values.begin(),
                                  trained.values.begin() + static_cast<std::ptrdiff_t>(kRows * trained.num_features));
    const std::vector<double> phi = Explained(*TreeShap::Make(*ensemble), rows);
    const std::vector<float> theirs = oracle.Contributions(rows.data(), kRows);
    EXPECT_LT(WorstDifference(phi, {theirs.begin(), theirs.end()}), 2e-5) << one.depth;
    const std::vector<float> few(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(4 * trained.num_features));
    ExpectEqualToDefinition(*ensemble, few, one.depth);
  }
}

TEST(TreeShap, ExplainsTheOutputThatIsAskedFor) {
  RandomForest random({.trees = 6}, 9);
  Ensemble classes = random.ensemble;
  classes.num_outputs = 3;
  for (std::size_t tree = 0; tree < 6; ++tree) classes.trees[tree].output = static_cast<std::uint32_t>(tree % 3);
  Ensemble second = random.ensemble;
  second.trees = {classes.trees[1], classes.trees[4]};
  const std::vector<float> rows = random.Rows(20);
  EXPECT_EQ(Explained(*TreeShap::Make(classes, {.output = 1}), rows), Explained(*TreeShap::Make(second), rows));
  EXPECT_EQ(TreeShap::Make(classes, {.output = 3}).error().code, Code::kInvalidArgument);
}

// ---- what it refuses ----------------------------------------------------------------------------------------------

TEST(TreeShap, ASingleLeafIsItsOwnExpectation) {
  RandomForest random({.features = 3, .trees = 1, .depth = 0}, 1);
  const auto shap = TreeShap::Make(random.ensemble);
  EXPECT_EQ(shap->expected_value(), 0.25 + static_cast<double>(random.ensemble.trees[0].nodes[0].value));
  EXPECT_EQ(Explained(*shap, {1, 2, 3}), (std::vector<double>{0, 0, 0, shap->expected_value()}));
}

TEST(TreeShap, RefusesModelsWithoutUsableCovers) {
  RandomForest random({}, 1);
  Ensemble without = random.ensemble;
  without.trees[1].covers.clear();
  EXPECT_EQ(TreeShap::Make(without).error().code, Code::kFailedPrecondition);
  EXPECT_NE(TreeShap::Make(without).error().message.find("tree 1"), std::string::npos);
  for (const float bad : {-1.0F, kNan, kInfinity}) {
    Ensemble odd = random.ensemble;
    odd.trees[2].covers[0] = bad;
    EXPECT_EQ(TreeShap::Make(odd).error().code, Code::kFailedPrecondition) << bad;
  }
  EXPECT_EQ(TreeShap::FromXgboostJson("{}").error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace mw::explain
