// LightGBM's text: thresholds as floats, and files that are not what they say, each refused with the reason.
#include "forest/lightgbm_text.h"

#include <gtest/gtest.h>

#include "forest/test_answers.h"
#include "forest/thresholds.h"

namespace mw::forest {
namespace {

/// The members of a small model that a case replaces: split 0 a number, split 1 the categories 1 and 33.
struct LightgbmParts {
  std::string head = "max_feature_idx=1\nobjective=binary sigmoid:1\nfeature_names=a b\n";
  std::string per_iteration = "num_tree_per_iteration=1\n";
  std::string num_leaves = "3";
  std::string features = "0 1";
  std::string thresholds = "0.5 0";
  std::string decisions = "10 1";
  std::string left = "1 -1";
  std::string right = "-3 -2";
  std::string leaves = "0.1 0.2 -0.3";
  std::string boundaries = "0 2";
  std::string words = "2 2";
  std::string more = {};
  std::string end = "end of trees\n";
};

std::string LightgbmFile(const LightgbmParts& parts) {
  return Cat("tree\nversion=v4\n", parts.per_iteration, parts.head, "\nTree=0\nnum_leaves=", parts.num_leaves,
             "\nnum_cat=1\nsplit_feature=", parts.features, "\nthreshold=", parts.thresholds,
             "\ndecision_type=", parts.decisions, "\nleft_child=", parts.left, "\nright_child=", parts.right,
             "\nleaf_value=", parts.leaves, "\ncat_boundaries=", parts.boundaries, "\ncat_threshold=", parts.words,
             "\n", parts.more, "shrinkage=1\n\n\n", parts.end);
}

TEST(LightgbmText, ReadsATree) {
  const auto ensemble = ParseLightgbmText(LightgbmFile({}));
  ASSERT_TRUE(ensemble.ok()) << ensemble.error().ToString();
  EXPECT_TRUE(ensemble->double_precision);
  EXPECT_EQ(ensemble->feature_names, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(ensemble->trees.size(), 1U);
  const Tree& tree = ensemble->trees[0];
  EXPECT_EQ(tree.depth, 2U);
  EXPECT_EQ(tree.nodes[0].value, std::nextafter(0.5F, 1.0F));
  EXPECT_TRUE(tree.nodes[0].default_left);
  ASSERT_EQ(ensemble->category_sets.size(), 1U);
  EXPECT_EQ(ensemble->category_sets[0], (CategorySet{1, true, {1, 33}}));
  // Members went left in the file and go right here.
  EXPECT_EQ(tree.leaf_values, (std::vector<double>{0, 0, -0.3, 0.2, 0.1}));
}

TEST(LightgbmText, TurnsThresholdsIntoFloatsThatSplitAlike) {
  const float infinity = std::numeric_limits<float>::infinity();
  const double thresholds[] = {0.5,    0.1,         -0.1, 1e-35F, -1e-35F,      1.0000000180025095e-35,
                               1e300,  -1e300,      0.0,  -0.0,   3.4028235e38, 1e-46,
                               -1e-46, 16'777'217.0};
  for (const double threshold : thresholds) {
    const float below = BelowForAtOrBelow(threshold);
    const float near = static_cast<float>(threshold);
    for (const float value : {near, std::nextafter(near, infinity), std::nextafter(near, -infinity), infinity,
                              -infinity, 0.0F, -0.0F, 1e-45F, -1e-45F}) {
      EXPECT_EQ(value < below, static_cast<double>(value) <= threshold) << value << " at " << threshold;
    }
  }
}

struct BadLightgbmModel {
  LightgbmParts parts;
  Code code;
  std::string_view says;
};

TEST(LightgbmText, RefusesWithTheReasonAndThePlace) {
  const BadLightgbmModel cases[] = {
      {{.head = "feature_names=a b\n"}, Code::kInvalidArgument, "no max_feature_idx"},
      {{.head = "max_feature_idx=70000\n"}, Code::kInvalidArgument, "0 to 65535 are read"},
      {{.head = "max_feature_idx=1\nfeature_names=a\n"}, Code::kInvalidArgument, "2 features and 1 feature_names"},
      {{.head = "max_feature_idx=1\nobjective=mine\nfeature_names=a b\n"}, Code::kUnimplemented, R"("mine")"},
      {{.per_iteration = "num_tree_per_iteration=0\n"}, Code::kInvalidArgument, "num_tree_per_iteration"},
      {{.per_iteration = "num_tree_per_iteration=2\n"}, Code::kInvalidArgument, "1 trees for 2 outputs"},
      {{.num_leaves = "4"}, Code::kInvalidArgument, "not its num_leaves"},
      {{.num_leaves = ""}, Code::kInvalidArgument, "not its num_leaves"},
      {{.features = "0 2"}, Code::kInvalidArgument, "split 1: it splits feature 2; the model has 2 features"},
      {{.features = "0"}, Code::kInvalidArgument, "different lengths"},
      {{.thresholds = "nan 0"}, Code::kInvalidArgument, "threshold is nan"},
      {{.thresholds = "0.5 1"}, Code::kInvalidArgument, "no category set 1"},
      {{.thresholds = "0.5 -1"}, Code::kInvalidArgument, "no category set -1"},
      {{.thresholds = "0.5 1e400"}, Code::kInvalidArgument, "a number belongs"},
      {{.decisions = "14 1"}, Code::kInvalidArgument, "no missing type"},
      {{.left = "0 -1"}, Code::kInvalidArgument, "reached twice"},
      {{.left = "2 -1"}, Code::kInvalidArgument, "beyond the 2 splits"},
      {{.left = "1 -9"}, Code::kInvalidArgument, "named as a child"},
      {{.left = "1 -2147483648"}, Code::kInvalidArgument, "named as a child"},
      {{.leaves = "0.1 0.2 inf"}, Code::kInvalidArgument, "training diverged"},
      {{.boundaries = "0 3"}, Code::kInvalidArgument, "words 0 to 3 of 2"},
      {{.boundaries = "-1 2"}, Code::kInvalidArgument, "words -1 to 2"},
      {{.boundaries = ""}, Code::kInvalidArgument, "no category set"},
      {{.words = "0 0"}, Code::kInvalidArgument, "lists none"},
      {{.words = "2 4294967296"}, Code::kInvalidArgument, "category word"},
      {{.more = "is_linear=1\n"}, Code::kUnimplemented, "linear tree"},
      {{.end = ""}, Code::kInvalidArgument, "cut off"},
  };
  for (const BadLightgbmModel& bad : cases) {
    const auto ensemble = ParseLightgbmText(LightgbmFile(bad.parts));
    ASSERT_FALSE(ensemble.ok()) << bad.says << "\n" << LightgbmFile(bad.parts);
    EXPECT_EQ(ensemble.error().code, bad.code) << ensemble.error().ToString();
    EXPECT_NE(ensemble.error().ToString().find(bad.says), std::string::npos) << ensemble.error().ToString();
  }
}

TEST(LightgbmText, RefusesEveryTruncation) {
  const std::string whole = LightgbmFile({});
  for (std::size_t size = 0; size + 1 < whole.size(); ++size) {
    EXPECT_FALSE(ParseLightgbmText(std::string_view(whole).substr(0, size)).ok()) << size;
  }
}

}  // namespace
}  // namespace mw::forest
