// Model files that are not what they say: each refused with the reason and the place.
#include "forest/xgboost_json.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/test_paths.h"
#include "base/text.h"

namespace mw::forest {
namespace {

/// The members of a small model that a case replaces: node 0 splits the number, node 1 the categories.
struct XgboostParts {
  std::string booster = "gbtree";
  std::string objective = "binary:logistic";
  std::string attributes = "{}";
  std::string names = "[]";
  std::string parameters = R"({"base_score":"5E-1","num_class":"0","num_feature":"2","num_target":"1"})";
  std::string tree_info = "[0]";
  std::string left = "[1,3,-1,-1,-1]";
  std::string right = "[2,4,-1,-1,-1]";
  std::string features = "[0,1,0,0,0]";
  std::string conditions = "[1.5E0,NaN,-1E0,1E0,2E0]";
  std::string default_left = "[1,0,0,0,0]";
  std::string types = "[0,1,0,0,0]";
  std::string categories =
      R"("categories":[7,2,7],"categories_nodes":[1],"categories_segments":[0],"categories_sizes":[3])";
};

std::string XgboostFile(const XgboostParts& parts) {
  return Cat(
      R"({"learner":{"attributes":)", parts.attributes, R"(,"feature_names":)", parts.names,
      R"(,"feature_types":[],"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1"},"tree_info":)",
      parts.tree_info, R"(,"trees":[{"id":0,"left_children":)", parts.left, R"(,"right_children":)", parts.right,
      R"(,"split_indices":)", parts.features, R"(,"split_conditions":)", parts.conditions, R"(,"default_left":)",
      parts.default_left, R"(,"split_type":)", parts.types, ",", parts.categories, R"(}]},"name":")", parts.booster,
      R"("},"learner_model_param":)", parts.parameters, R"(,"objective":{"name":")", parts.objective,
      R"("}},"version":[1,7,4]})");
}

TEST(XgboostJson, ReadsATree) {
  const auto ensemble = ParseXgboostJson(XgboostFile({}));
  ASSERT_TRUE(ensemble.ok()) << ensemble.error().ToString();
  ASSERT_EQ(ensemble->trees.size(), 1U);
  const Tree& tree = ensemble->trees[0];
  EXPECT_EQ(tree.depth, 2U);
  ASSERT_EQ(tree.nodes.size(), 5U);
  EXPECT_EQ(tree.nodes[0].value, 1.5F);
  EXPECT_TRUE(tree.nodes[0].default_left);
  EXPECT_EQ(tree.nodes[1].left, 3);
  EXPECT_EQ(tree.nodes[2].value, -1.0F);
  ASSERT_EQ(ensemble->category_sets.size(), 1U);
  EXPECT_EQ(ensemble->category_sets[0], (CategorySet{1, false, {2, 7}}));
}

TEST(XgboostJson, LeavesDeletedNodesOutAndPutsChildrenSideBySide) {
  // Node 1 was pruned to a leaf; 3 and 4 are left over. The right child stands before the left one.
  const auto ensemble = ParseXgboostJson(XgboostFile({.left = "[2,-1,-1,-1,-1]", .right = "[1,-1,-1,-1,-1]"}));
  ASSERT_FALSE(ensemble.ok());  // a categorical node that became a leaf has no finite value
  const auto pruned = ParseXgboostJson(
      XgboostFile({.left = "[2,-1,-1,-1,-1]", .right = "[1,-1,-1,-1,-1]", .conditions = "[1.5E0,3E0,-1E0,NaN,NaN]"}));
  ASSERT_TRUE(pruned.ok()) << pruned.error().ToString();
  ASSERT_EQ(pruned->trees[0].nodes.size(), 3U);
  EXPECT_EQ(pruned->trees[0].nodes[1].value, -1.0F);
  EXPECT_EQ(pruned->trees[0].nodes[2].value, 3.0F);
}

TEST(XgboostJson, ReadsOtherVersionsWays) {
  // Version 1.0 wrote booleans and had no categories; version 3 writes the base score in brackets.
  const auto old = ParseXgboostJson(XgboostFile({.conditions = "[1.5,2,-1,1,2]",
                                                 .default_left = "[true,false,false,false,false]",
                                                 .types = "[]",
                                                 .categories = "\"leaf_child_counts\":[{\"x\":[]}]"}));
  ASSERT_TRUE(old.ok()) << old.error().ToString();
  EXPECT_TRUE(old->trees[0].nodes[0].default_left);
  const auto bracket = ParseXgboostJson(XgboostFile({.parameters = R"({"base_score":"[2E-1]","num_feature":"2"})"}));
  ASSERT_TRUE(bracket.ok()) << bracket.error().ToString();
  EXPECT_EQ(bracket->base_score, 0.2F);
}

TEST(XgboostJson, ReadsFloatsFromTheirDigits) {
  // Just above the middle of two floats: by way of a double it would round down to 1.
  const auto ensemble =
      ParseXgboostJson(XgboostFile({.conditions = "[1.00000005960464477540,NaN,-1,1E-45,3.4028235E38]"}));
  ASSERT_TRUE(ensemble.ok()) << ensemble.error().ToString();
  EXPECT_EQ(ensemble->trees[0].nodes[0].value, 1.00000012F);
  EXPECT_EQ(ensemble->trees[0].nodes[3].value, 1e-45F);
  EXPECT_EQ(ensemble->trees[0].nodes[4].value, 3.40282347e38F);
}

TEST(XgboostJson, KeepsTheCoversInTheOrderOfTheNodes) {
  const auto read = [](const char* covers) {
    return ParseXgboostJson(XgboostFile(
        {.left = "[1,4,-1,-1,-1]", .right = "[2,3,-1,-1,-1]", .types = Cat("[0,1,0,0,0],\"sum_hessian\":", covers)}));
  };
  const auto ensemble = read("[10,6,4,1.5E0,4.5]");
  ASSERT_TRUE(ensemble.ok()) << ensemble.error().ToString();
  EXPECT_EQ(ensemble->trees[0].covers, (std::vector<float>{10, 6, 4, 4.5F, 1.5F}));
  EXPECT_TRUE(ParseXgboostJson(XgboostFile({}))->trees[0].covers.empty());
  EXPECT_EQ(read("[10,6]").error().code, Code::kInvalidArgument);
}

struct BadXgboostModel {
  XgboostParts parts;
  Code code;
  std::string_view says;
};

TEST(XgboostJson, RefusesWithTheReasonAndThePlace) {
  const BadXgboostModel cases[] = {
      {{.booster = "dart"}, Code::kInvalidArgument, "1 trees and weight_drop for 0"},
      {{.booster = "gbtree2"}, Code::kUnimplemented, R"(booster is "gbtree2"; only gbtree and dart are evaluated)"},
      {{.booster = "gblinear"}, Code::kUnimplemented, "gblinear"},
      {{.objective = "multi:more"},
       Code::kUnimplemented,
       R"(objective is "multi:more"; evaluated are binary:logistic, binary:logitraw, binary:hinge)"},
      {{.objective = ""}, Code::kUnimplemented, "objective"},
      {{.parameters = R"({"base_score":"5E-1","num_class":"3","num_feature":"2"})"},
       Code::kInvalidArgument,
       "3 classes"},
      {{.parameters = R"({"base_score":"5E-1","num_feature":"2","num_target":"2000"})"},
       Code::kUnimplemented,
       "2000 targets"},
      {{.parameters = R"({"base_score":"[5E-1,1E-1]","num_feature":"2"})"},
       Code::kInvalidArgument,
       "2 base scores for 1 outputs"},
      {{.parameters = R"({"base_score":"[5E-1,]","num_feature":"2"})"}, Code::kInvalidArgument, "base_score"},
      {{.parameters = R"({"base_score":"5E-1","num_feature":"0"})"}, Code::kInvalidArgument, "num_feature is 0"},
      {{.parameters = R"({"base_score":"5E-1","num_feature":"70000"})"}, Code::kInvalidArgument, "1 to 65536"},
      {{.parameters = R"({"base_score":"5E-1","num_feature":"-2"})"}, Code::kInvalidArgument, "not a count"},
      {{.parameters = R"({"base_score":"5E-1","num_feature":2})"}, Code::kInvalidArgument, "num_feature"},
      {{.parameters = R"({"base_score":"","num_feature":"2"})"}, Code::kInvalidArgument, "base_score"},
      {{.parameters = R"({"base_score":"NaN","num_feature":"2"})"}, Code::kInvalidArgument, "base_score"},
      {{.parameters = R"({"base_score":"1","num_feature":"2"})"}, Code::kInvalidArgument, "above 0 and below 1"},
      {{.names = R"(["a","b","c"])"}, Code::kInvalidArgument, "2 features and 3 feature_names"},
      {{.tree_info = "[]"}, Code::kInvalidArgument, "1 trees and tree_info for 0"},
      {{.tree_info = "[1]"}, Code::kInvalidArgument, "output 1"},
      {{.left = "[1,3,-1,-1]"},
       Code::kInvalidArgument,
       "tree 0: its arrays have different lengths; left_children has 4"},
      {{.left = "[]"}, Code::kInvalidArgument, "tree 0: it has no nodes"},
      {{.left = "[1,5,-1,-1,-1]"}, Code::kInvalidArgument, "tree 0: node 5 is named as a child; it has 5 nodes"},
      {{.left = "[1,-7,-1,-1,-1]"}, Code::kInvalidArgument, "node -7 is named as a child"},
      {{.left = "[0,3,-1,-1,-1]"}, Code::kInvalidArgument, "node 0 is reached twice"},
      {{.left = "[1,2,-1,-1,-1]"}, Code::kInvalidArgument, "node 2 is reached twice"},
      {{.left = "[1,3,-1,-1,99999999999]"}, Code::kInvalidArgument, R"(left_children has "99999999999")"},
      {{.left = "[1,3,-1,-1,1.5]"}, Code::kInvalidArgument, R"(left_children has "1.5")"},
      {{.left = R"([1,3,-1,-1,"x"])"}, Code::kInvalidArgument, "left_children"},
      {{.left = "3"}, Code::kInvalidArgument, "left_children"},
      {{.features = "[2,1,0,0,0]"},
       Code::kInvalidArgument,
       "tree 0: node 0: it splits feature 2; the model has 2 features"},
      {{.features = "[-1,1,0,0,0]"}, Code::kInvalidArgument, "feature -1"},
      {{.conditions = "[NaN,NaN,-1,1,2]"}, Code::kInvalidArgument, "tree 0: node 0: its threshold is nan"},
      {{.conditions = "[1,NaN,-1,1,NaN]"}, Code::kInvalidArgument, "tree 0: leaf 4 is nan; the training diverged"},
      {{.conditions = "[1e39,NaN,-1,1,2]"}, Code::kInvalidArgument, ""},
      {{.types = "[0,1]"}, Code::kInvalidArgument, "different lengths"},
      {{.categories = R"("categories":[1])"}, Code::kInvalidArgument, "node 1: it splits by categories and lists none"},
      {{.categories = R"("categories":[1],"categories_nodes":[1],"categories_segments":[0],"categories_sizes":[2])"},
       Code::kInvalidArgument,
       "node 1: 2 categories from 0 on, of 1"},
      {{.categories = R"("categories":[1],"categories_nodes":[1],"categories_segments":[-1],"categories_sizes":[1])"},
       Code::kInvalidArgument,
       "1 categories from -1 on"},
      {{.categories = R"("categories":[1],"categories_nodes":[1],"categories_segments":[0],"categories_sizes":[0])"},
       Code::kInvalidArgument,
       "0 categories from 0 on"},
      {{.categories = R"("categories":[1],"categories_nodes":[5],"categories_segments":[0],"categories_sizes":[1])"},
       Code::kInvalidArgument,
       "names node 5"},
      {{.categories = R"("categories":[1],"categories_nodes":[1],"categories_segments":[],"categories_sizes":[1])"},
       Code::kInvalidArgument,
       "categories_nodes has 1"},
      {{.categories = R"("categories":[-1],"categories_nodes":[1],"categories_segments":[0],"categories_sizes":[1])"},
       Code::kInvalidArgument,
       "the category -1"},
      {{.categories =
            R"("categories":[16777216],"categories_nodes":[1],"categories_segments":[0],"categories_sizes":[1])"},
       Code::kInvalidArgument,
       "the category 16777216"},
  };
  for (const BadXgboostModel& bad : cases) {
    const auto ensemble = ParseXgboostJson(XgboostFile(bad.parts));
    ASSERT_FALSE(ensemble.ok()) << bad.says << "\n" << XgboostFile(bad.parts);
    EXPECT_EQ(ensemble.error().code, bad.code) << ensemble.error().ToString();
    EXPECT_NE(ensemble.error().ToString().find(bad.says), std::string::npos) << ensemble.error().ToString();
  }
}

TEST(XgboostJson, RefusesEveryTruncation) {
  const std::string whole = XgboostFile({});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseXgboostJson(std::string_view(whole).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(ParseXgboostJson(whole + "{}").ok());
  EXPECT_TRUE(ParseXgboostJson(whole + " \n").ok());
}

TEST(XgboostJson, RefusesWhatIsNoModel) {
  for (const char* text :
       {"", " ", "null", "3", "[]", "{}", "\"learner\"", R"({"learner":3})", R"({"learner":{}})", "\xff\xfe"}) {
    EXPECT_FALSE(ParseXgboostJson(text).ok()) << text;
  }
  EXPECT_NE(ParseXgboostJson("{}").error().message.find("has no \"learner\""), std::string::npos);
}

/// A path of `depth` splits, each with a leaf on the left.
std::string Chain(std::size_t depth) {
  std::string left = "[", right = "[", zeros = "[";
  for (std::size_t node = 0; node <= 2 * depth; ++node) {
    const bool splits = node % 2 == 0 && node < 2 * depth;
    CatTo(left, node > 0 ? "," : "", splits ? static_cast<long long>(node + 1) : -1LL);
    CatTo(right, node > 0 ? "," : "", splits ? static_cast<long long>(node + 2) : -1LL);
    CatTo(zeros, node > 0 ? ",0" : "0");
  }
  zeros += "]";
  return XgboostFile({.left = left + "]",
                      .right = right + "]",
                      .features = zeros,
                      .conditions = zeros,
                      .default_left = zeros,
                      .types = zeros,
                      .categories = "\"categories\":[]"});
}

TEST(XgboostJson, BoundsTheDepth) {
  EXPECT_EQ(ParseXgboostJson(Chain(kDepthMax))->trees[0].depth, kDepthMax);
  const auto deeper = ParseXgboostJson(Chain(kDepthMax + 1));
  ASSERT_FALSE(deeper.ok());
  EXPECT_EQ(deeper.error().code, Code::kResourceExhausted);
}

TEST(XgboostJson, ReadsTheSeedsOfTheFuzzer) {
  const std::string corpus = Cat(kSourceDirectory, "/fuzz/corpus/xgboost_json/");
  EXPECT_TRUE(ParseXgboostJson(*ReadFile(corpus + "categories.json")).ok());
  EXPECT_TRUE(ParseXgboostJson(*ReadFile(corpus + "numbers.json")).ok());
  EXPECT_EQ(ParseXgboostJson(*ReadFile(corpus + "classes.json"))->num_outputs, 3U);
  EXPECT_TRUE(ParseXgboostJson(*ReadFile(corpus + "dart.json")).ok());
  EXPECT_EQ(ParseXgboostJson(*ReadFile(corpus + "linear.json")).error().code, Code::kUnimplemented);
}

}  // namespace
}  // namespace mw::forest
