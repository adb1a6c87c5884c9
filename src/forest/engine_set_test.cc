// Forests that no library trained: random trees of every shape, in both precisions, with rows chosen to hurt. Every
// engine that fits has to give the bits of the walk.
#include "forest/engine_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/random.h"
#include "base/text.h"
#include "forest/binned_engine.h"
#include "forest/test_answers.h"
#include "forest/tree_builder.h"
#include "forest/walk_engine.h"

namespace mw::forest {
namespace {

struct Shape {
  std::uint32_t features = 6, outputs = 1;
  std::size_t trees = 20, splits = 30, depth = kDepthMax;
  std::size_t thresholds = 40;            ///< to choose from, for each feature
  double categorical = 0.2, leaning = 0;  ///< leaning: how often the latest leaf is split, which makes chains
  std::uint32_t categories = 40;
  CategoryRule rule = CategoryRule::kFloor;
  bool zeros_missing = false, doubles = false;
};

class RandomForest {
 public:
  RandomForest(const Shape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {
    ensemble_.num_features = shape.features;
    ensemble_.num_outputs = shape.outputs;
    ensemble_.category_rule = shape.rule;
    ensemble_.double_precision = shape.doubles;
    for (std::uint32_t output = 0; output < shape.outputs; ++output) {
      ensemble_.base_margins.push_back(static_cast<float>(random_.Normal()));
    }
    const float special[] = {0.0F, -0.0F, 1e-45F, -1e-45F, 1e-35F, kInfinity, -kInfinity, 3.4e38F, -3.4e38F};
    for (std::size_t i = 0; i < shape.thresholds; ++i) {
      const bool is_special = random_.Below(8) == 0;
      thresholds_.push_back(is_special ? special[random_.Below(9)] : static_cast<float>(random_.Normal()));
    }
    CategorySets sets;
    for (std::size_t tree = 0; tree < shape.trees; ++tree) {
      ensemble_.trees.push_back(MakeTree(sets));
      ensemble_.trees.back().output = static_cast<std::uint32_t>(tree % shape.outputs);
    }
    ensemble_.category_sets = sets.Finish(ensemble_.trees);
  }

  [[nodiscard]] const Ensemble& ensemble() const { return ensemble_; }

  std::vector<float> Rows(std::size_t count) {
    std::vector<float> rows;
    const float special[] = {kNan,   kInfinity, -kInfinity, 0.0F, -0.0F,  1e-45F,        -1e-45F, 1e-35F,   -1e-35F,
                             2e-35F, -0.5F,     -1.0F,      3.7F, 255.0F, 16'777'216.0F, 3.4e38F, -3.4e38F, -kNan};
    for (std::size_t at = 0; at < count * shape_.features; ++at) {
      const float threshold = thresholds_[random_.Below(thresholds_.size())];
      switch (random_.Below(5)) {
        case 0: rows.push_back(special[random_.Below(18)]); break;
        case 1: rows.push_back(threshold); break;
        case 2: rows.push_back(std::nextafter(threshold, random_.Below(2) == 0 ? kInfinity : -kInfinity)); break;
        case 3: rows.push_back(static_cast<float>(random_.Below(shape_.categories + 2))); break;
        default: rows.push_back(static_cast<float>(random_.Normal()));
      }
    }
    return rows;
  }

 private:
  Tree MakeTree(CategorySets& sets) {
    std::vector<RawNode> nodes(1);
    std::vector<std::size_t> leaves = {0}, depths(1);
    const std::size_t splits = random_.Below(10) == 0 ? 0 : random_.Below(shape_.splits + 1);
    for (std::size_t split = 0; split < splits; ++split) {
      const std::size_t chosen = random_.Uniform() < shape_.leaning ? leaves.size() - 1 : random_.Below(leaves.size());
      const std::size_t at = leaves[chosen];
      if (depths[at] == shape_.depth) continue;
      leaves.erase(leaves.begin() + static_cast<std::ptrdiff_t>(chosen));
      Split(nodes[at], sets);
      nodes[at].left = static_cast<std::int64_t>(nodes.size());
      nodes[at].right = nodes[at].left + 1;
      leaves.insert(leaves.end(), {nodes.size(), nodes.size() + 1});
      nodes.resize(nodes.size() + 2);
      depths.resize(nodes.size(), depths[at] + 1);
    }
    for (const std::size_t leaf : leaves) {
      nodes[leaf].leaf = true;
      nodes[leaf].leaf_value = random_.Normal();
      nodes[leaf].node.value = static_cast<float>(nodes[leaf].leaf_value);
    }
    Reached reached;
    TreeBuilder builder(nodes.size(), shape_.doubles, reached);
    return *builder.Build(0, [&](std::size_t place, RawNode& raw) -> Status {
      raw = nodes[place];
      return Ok();
    });
  }

  void Split(RawNode& raw, CategorySets& sets) {
    raw.node.feature = static_cast<std::uint32_t>(random_.Below(shape_.features));
    raw.node.default_left = random_.Below(2) == 0;
    if (random_.Uniform() < shape_.categorical) {
      std::vector<std::int64_t> categories = {static_cast<std::int64_t>(random_.Below(shape_.categories))};
      for (std::uint64_t i = random_.Below(8); i > 0; --i) {
        categories.push_back(static_cast<std::int64_t>(random_.Below(shape_.categories)));
      }
      CategorySet set{raw.node.feature, raw.node.default_left, {}};
      EXPECT_TRUE(FillSet(categories, set).ok());
      raw.node.category_set = sets.Add(std::move(set));
    } else {
      raw.node.value = thresholds_[random_.Below(thresholds_.size())];
      raw.node.zero_is_missing = shape_.zeros_missing && random_.Below(2) == 0;
    }
  }

  const Shape shape_;
  Random random_;
  std::vector<float> thresholds_;
  Ensemble ensemble_;
};

template <typename Sum>
bool SameBits(const std::vector<Sum>& a, const std::vector<Sum>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(Sum)) == 0);
}

/// Returns how many engines fitted.
template <typename Sum>
int ExpectEnginesAgree(RandomForest& forest, std::string_view what) {
  const EngineSet<Sum> engines(forest.ensemble());
  constexpr std::size_t kRows = 150;
  const std::vector<float> rows = forest.Rows(kRows);
  const std::size_t outputs = forest.ensemble().num_outputs, width = forest.ensemble().num_features;
  std::vector<Sum> expected(kRows * outputs);
  engines.Get(Engine::kWalk)->AddUp(rows.data(), kRows, expected.data());
  int fitted = 0;
  for (std::size_t engine = 0; engine < kEngines; ++engine) {
    if (!engines.Fits(static_cast<Engine>(engine))) continue;
    ++fitted;
    std::vector<Sum> found(expected.size());
    engines.Get(static_cast<Engine>(engine))->AddUp(rows.data(), kRows, found.data());
    EXPECT_TRUE(SameBits(found, expected)) << EngineName(static_cast<Engine>(engine)) << " of " << what;
  }
  for (const std::size_t count : {0U, 1U, 3U, 8U, 31U, 33U, 64U, 65U, 129U}) {
    std::vector<Sum> found(count * outputs);
    engines.AddUp(rows.data(), count, found.data());
    const std::vector<Sum> first(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(count * outputs));
    EXPECT_TRUE(SameBits(found, first)) << count << " rows of " << what;
    engines.AddUp(rows.data() + 7 * width, count, found.data());
    EXPECT_TRUE(std::equal(found.begin(), found.end(), expected.begin() + static_cast<std::ptrdiff_t>(7 * outputs)))
        << count << " rows from the eighth on of " << what;
  }
  return fitted;
}

enum class Fitting { kSome, kAllButMasked, kAll };

int Engines(Fitting fitting) {
  int engines = 0;
  for (std::size_t engine = 0; engine < kEngines; ++engine) engines += HasInstructions(static_cast<Engine>(engine));
  const int masked = HasInstructions(Engine::kMaskedAvx2) + HasInstructions(Engine::kMaskedAvx512);
  return engines - (fitting == Fitting::kAll ? 0 : masked);
}

void ExpectAgreement(Shape shape, std::string_view what, Fitting fitting = Fitting::kAllButMasked) {
  for (const bool doubles : {false, true}) {
    shape.doubles = doubles;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      RandomForest forest(shape, seed);
      const std::string name = Cat(what, doubles ? " in doubles" : "", ", seed ", seed);
      const int fitted = doubles ? ExpectEnginesAgree<double>(forest, name) : ExpectEnginesAgree<float>(forest, name);
      EXPECT_GE(fitted, fitting == Fitting::kSome ? 1 : Engines(fitting)) << name;
    }
  }
}

TEST(EngineSet, EnginesAgreeOnTreesOfEveryShape) {
  ExpectAgreement({}, "the usual");
  ExpectAgreement({.splits = 0}, "bare leaves");
  ExpectAgreement({.trees = 0}, "no trees");
  ExpectAgreement({.splits = 3}, "small trees");
  ExpectAgreement({.splits = 200, .categorical = 0}, "large trees");
  ExpectAgreement({.splits = 60, .leaning = 0.95}, "long trees");
  ExpectAgreement({.features = 1, .splits = 10}, "one feature");
  ExpectAgreement({.features = 3, .outputs = 3, .splits = 12}, "three features, three outputs");
  ExpectAgreement({.features = 200, .trees = 50}, "many features");
  ExpectAgreement({.outputs = 7, .trees = 30}, "seven outputs");
}

TEST(EngineSet, EnginesAgreeUnderEveryRuleForCategoriesAndZeros) {
  for (const CategoryRule rule : {CategoryRule::kFloor, CategoryRule::kTruncate, CategoryRule::kExact}) {
    ExpectAgreement({.categorical = 0.7, .rule = rule}, "categories");
    ExpectAgreement({.categorical = 1, .categories = 253, .rule = rule}, "categories alone");
    ExpectAgreement({.rule = rule, .zeros_missing = true}, "zeros missing");
  }
}

TEST(EngineSet, EnginesAgreeOnMoreThresholdsThanAByteHolds) {
  ExpectAgreement({.features = 2, .trees = 60, .splits = 60, .thresholds = 4'000}, "wide bins");
  ExpectAgreement({.features = 2, .trees = 60, .splits = 250, .thresholds = 60'000, .zeros_missing = true},
                  "very wide bins");
  ExpectAgreement({.features = 4, .outputs = 3, .trees = 60, .splits = 60, .thresholds = 2'000, .categorical = 0.5},
                  "wide bins and categories");
}

TEST(EngineSet, EnginesAgreeOnTheDeepestTrees) {
  ExpectAgreement({.trees = 4, .splits = kDepthMax, .leaning = 1}, "chains", Fitting::kSome);
  ExpectAgreement({.trees = 3, .splits = 5'000, .leaning = 0.3}, "trees of thousands of leaves", Fitting::kSome);
  ExpectAgreement({.categorical = 0.5, .categories = 5'000}, "many categories", Fitting::kSome);
}

TEST(EngineSet, EnginesAgreeOnTreesOfSixLevels) {
  for (std::size_t depth = 0; depth <= 6; ++depth) {
    ExpectAgreement({.trees = 12, .splits = 400, .depth = depth, .categorical = 0.1}, Cat(depth, " levels"),
                    Fitting::kAll);
  }
  ExpectAgreement({.splits = 8, .depth = 6}, "few splits", Fitting::kAll);
  ExpectAgreement({.outputs = 7, .splits = 60, .depth = 5, .rule = CategoryRule::kTruncate, .zeros_missing = true},
                  "seven outputs", Fitting::kAll);
  ExpectAgreement({.features = 1, .splits = 60, .depth = 6, .thresholds = 15, .categorical = 0}, "fifteen thresholds",
                  Fitting::kAll);
  ExpectAgreement({.features = 1, .trees = 60, .splits = 60, .depth = 6, .thresholds = 250, .categorical = 0},
                  "as many thresholds as a byte holds", Fitting::kAll);
  ExpectAgreement({.features = 60, .trees = 40, .splits = 60, .depth = 6, .categorical = 0}, "more than 64 planes",
                  Fitting::kAll);
}

/// Adds a last bit to one sum of one row.
class OneBitOff final : public SumEngine<float> {
 public:
  OneBitOff(const SumEngine<float>& true_one, std::size_t wrong) : true_one_(true_one), wrong_(wrong) {}
  void AddUp(const float* rows, std::size_t count, float* sums) const override {
    true_one_.AddUp(rows, count, sums);
    sums[wrong_] = std::nextafter(sums[wrong_], kInfinity);
  }

 private:
  const SumEngine<float>& true_one_;
  std::size_t wrong_;
};

TEST(EngineSet, SeesASumThatIsOneBitOff) {
  const RandomForest forest({.outputs = 2}, 5);
  const WalkEngine<float> walk(forest.ensemble());
  const std::vector<float> rows = SampleRows(forest.ensemble(), 100);
  EXPECT_EQ(FirstOtherSum<float>(walk, walk, rows, 100, 2), 100U);
  EXPECT_EQ(FirstOtherSum<float>(walk, OneBitOff(walk, 0), rows, 100, 2), 0U);
  EXPECT_EQ(FirstOtherSum<float>(walk, OneBitOff(walk, 199), rows, 100, 2), 99U);
}

TEST(EngineSet, LeavesOutEachEngineThatIsWrong) {
  const RandomForest forest({}, 5);
  const WalkEngine<float> walk(forest.ensemble());
  const std::vector<float> rows = SampleRows(forest.ensemble(), 1024);
  const EngineSet<float> sound(forest.ensemble());
  for (std::size_t wrong = 0; wrong < kEngines; ++wrong) {
    if (static_cast<Engine>(wrong) == Engine::kWalk) continue;
    auto engines = EngineSet<float>::EnginesOf(forest.ensemble());
    engines[wrong] = std::make_unique<OneBitOff>(walk, 0);
    const EngineSet<float> set(forest.ensemble(), std::move(engines));
    for (std::size_t engine = 0; engine < kEngines; ++engine) {
      const auto which = static_cast<Engine>(engine);
      EXPECT_EQ(set.Fits(which), engine != wrong && sound.Fits(which)) << EngineName(which);
    }
    for (const std::size_t count : {1U, 8U, 32U, 1024U}) {
      EXPECT_NE(set.EngineFor(count), static_cast<Engine>(wrong));
      std::vector<float> given(count), wanted(count);
      set.AddUp(rows.data(), count, given.data());
      walk.AddUp(rows.data(), count, wanted.data());
      EXPECT_EQ(given, wanted) << EngineName(static_cast<Engine>(wrong));
    }
  }
}

TEST(EngineSet, SaysWhatItMeasured) {
  RandomForest forest({}, 5);
  const EngineSet<float> engines(forest.ensemble());
  const std::string text = engines.Describe();
  for (const char* part : {" (1 row, ", " (8 rows, ", " (32 rows, ", " (1024 rows, "}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  EXPECT_TRUE(engines.Fits(engines.EngineFor(1)));
  EXPECT_EQ(engines.EngineFor(2), engines.EngineFor(1));
  EXPECT_EQ(engines.EngineFor(31), engines.EngineFor(8));
  EXPECT_EQ(engines.EngineFor(1'000'000), engines.EngineFor(1024));
}

}  // namespace
}  // namespace mw::forest
