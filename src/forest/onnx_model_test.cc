// ONNX files that are not what they say, or more than a tree ensemble: each refused with the reason, or by name.
#include "forest/onnx_model.h"

#include <gtest/gtest.h>

#include "forest/test_answers.h"

namespace mw::forest {
namespace {

std::string Varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<char>(value | 0x80U));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string Bytes(unsigned number, std::string_view bytes) {
  return Cat(Varint(number << 3U | 2U), Varint(bytes.size()), bytes);
}
std::string Whole(unsigned number, std::int64_t value) {
  return Varint(number << 3U) + Varint(static_cast<std::uint64_t>(value));
}

std::string Ints(std::string_view name, const std::vector<std::int64_t>& values) {
  std::string packed;
  for (const std::int64_t value : values) packed += Varint(static_cast<std::uint64_t>(value));
  return Bytes(5, Bytes(1, name) + Bytes(8, packed));
}
std::string Floats(std::string_view name, const std::vector<float>& values) {
  const std::string_view packed(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return Bytes(5, Bytes(1, name) + Bytes(7, packed));
}
std::string Texts(std::string_view name, const std::vector<std::string>& values) {
  std::string all = Bytes(1, name);
  for (const std::string& value : values) all += Bytes(9, value);
  return Bytes(5, all);
}

/// The members of a small regressor that a case replaces: one split, two leaves.
struct OnnxParts {
  std::string op = "TreeEnsembleRegressor";
  std::vector<std::int64_t> tree_ids = {0, 0, 0}, node_ids = {0, 1, 2}, features = {1, 0, 0};
  std::vector<std::int64_t> if_true = {1, 0, 0}, if_false = {2, 0, 0};
  std::vector<float> values = {0.5F, 0, 0};
  std::vector<std::string> modes = {"BRANCH_LEQ", "LEAF", "LEAF"};
  std::vector<std::int64_t> voters = {1, 2}, outputs = {0, 0};
  std::vector<float> weights = {1.5F, -2.0F};
  std::string more = {};     ///< attributes
  std::string around = {};   ///< nodes behind
  std::string output = "Y";  ///< the graph's
  std::int64_t element_type = 1, width = 2;
};

std::string Value(std::string_view name, std::int64_t type, std::int64_t width) {
  const std::string shape = Bytes(1, "") + Bytes(1, Whole(1, width));
  return Bytes(1, name) + Bytes(2, Bytes(1, Whole(1, type) + Bytes(2, shape)));
}

std::string Model(const OnnxParts& parts) {
  const std::string trees =
      Cat(Bytes(1, "X"), Bytes(2, "Y"), Bytes(3, "the trees"), Bytes(4, parts.op), Bytes(7, "ai.onnx.ml"),
          Ints("nodes_treeids", parts.tree_ids), Ints("nodes_nodeids", parts.node_ids),
          Ints("nodes_featureids", parts.features), Ints("nodes_truenodeids", parts.if_true),
          Ints("nodes_falsenodeids", parts.if_false), Floats("nodes_values", parts.values),
          Texts("nodes_modes", parts.modes), Ints("target_treeids", {0, 0}), Ints("target_nodeids", parts.voters),
          Ints("target_ids", parts.outputs), Floats("target_weights", parts.weights), parts.more);
  const std::string graph = Cat(Bytes(1, trees), parts.around, Bytes(11, Value("X", parts.element_type, parts.width)),
                                Bytes(12, Value(parts.output, 1, 1)));
  return Whole(1, 8) + Bytes(7, graph);
}

std::string NodeOf(std::string_view op, std::string_view input, std::string_view output) {
  return Bytes(1, Cat(Bytes(1, input), Bytes(2, output), Bytes(3, "the other"), Bytes(4, op)));
}

TEST(OnnxModel, ReadsATree) {
  const auto ensemble = ParseOnnxModel(Model({}));
  ASSERT_TRUE(ensemble.ok()) << ensemble.error().ToString();
  EXPECT_EQ(ensemble->num_features, 2U);
  EXPECT_EQ(ensemble->objective_name, "TreeEnsembleRegressor");
  EXPECT_EQ(ensemble->output_names, (std::vector<std::string>{"Y"}));
  ASSERT_EQ(ensemble->trees.size(), 1U);
  EXPECT_EQ(ensemble->trees[0].nodes[0].value, std::nextafter(0.5F, 1.0F));
  EXPECT_EQ(ensemble->trees[0].nodes[1].value, 1.5F);
  EXPECT_FALSE(ensemble->trees[0].nodes[0].default_left);
  const auto renamed = ParseOnnxModel(Model({.around = NodeOf("Identity", "Y", "Z"), .output = "Z"}));
  ASSERT_TRUE(renamed.ok()) << renamed.error().ToString();
  EXPECT_EQ(renamed->output_names, (std::vector<std::string>{"Z"}));
}

TEST(OnnxModel, SaysWhatAClassifierCarries) {
  const auto forest = Forest::Load(*ReadFile(TestData("onnxruntime-1.31.1/forest_classes.onnx")), Format::kOnnx);
  ASSERT_TRUE(forest.ok());
  EXPECT_EQ(forest->class_labels(), (std::vector<std::string>{"low", "mid", "top"}));
  EXPECT_EQ(forest->output_names(), (std::vector<std::string>{"label", "probabilities"}));
  EXPECT_EQ(forest->objective_name(), "TreeEnsembleClassifier");
  EXPECT_EQ(forest->objective(), Objective::kSoftmax);
  EXPECT_EQ(forest->num_outputs(), 3U);
  EXPECT_EQ(forest->num_trees(), 9U);
}

struct BadOnnxModel {
  OnnxParts parts;
  Code code;
  std::string_view says;
};

TEST(OnnxModel, RefusesWithTheReason) {
  const float infinity = std::numeric_limits<float>::infinity();
  const BadOnnxModel cases[] = {
      {{.op = "SVMRegressor"}, Code::kUnimplemented, R"(node "the trees" ("SVMRegressor"))"},
      {{.tree_ids = {0, 0}}, Code::kInvalidArgument, "nodes_nodeids for 2"},
      {{.node_ids = {0, 1, 1}}, Code::kInvalidArgument, "node 1 of tree 0 twice"},
      {{.features = {2, 0, 0}}, Code::kInvalidArgument, "splits feature 2; the input has 2 features"},
      {{.features = {-1, 0, 0}}, Code::kInvalidArgument, "splits feature -1"},
      {{.if_true = {0, 0, 0}}, Code::kInvalidArgument, "reached twice"},
      {{.if_true = {2, 0, 0}}, Code::kInvalidArgument, "reached twice"},
      {{.if_false = {7, 0, 0}}, Code::kInvalidArgument, "no node 7 in tree 0"},
      {{.values = {std::nanf(""), 0, 0}}, Code::kUnimplemented, "threshold is nan"},
      {{.values = {infinity, 0, 0}}, Code::kUnimplemented, "threshold is inf"},
      {{.modes = {"BRANCH_MEMBER", "LEAF", "LEAF"}}, Code::kInvalidArgument, R"(mode "BRANCH_MEMBER")"},
      {{.modes = {"BRANCH_EQ", "LEAF", "LEAF"}}, Code::kUnimplemented, "equals 0.5"},
      {{.voters = {1, 9}}, Code::kInvalidArgument, "no node 9"},
      {{.voters = {1, 1}}, Code::kUnimplemented, "votes twice"},
      {{.outputs = {0, 1}}, Code::kInvalidArgument, "votes for output 1 of 1"},
      {{.outputs = {0, -1}}, Code::kInvalidArgument, "votes for output -1"},
      {{.weights = {1, infinity}}, Code::kInvalidArgument, "training diverged"},
      {{.weights = {1}}, Code::kInvalidArgument, "1 target_weights for 2"},
      {{.more = Bytes(5, Bytes(1, "n_targets") + Whole(3, 1'000'000))}, Code::kInvalidArgument, "1 to 1000 are read"},
      {{.more = Bytes(5, Bytes(1, "aggregate_function") + Bytes(4, "MIN"))}, Code::kUnimplemented, R"("MIN")"},
      {{.more = Bytes(5, Bytes(1, "post_transform") + Bytes(4, "MORE"))}, Code::kInvalidArgument, R"("MORE")"},
      {{.more = Floats("base_values", {1, 2})}, Code::kInvalidArgument, "2 base_values for 1 targets"},
      {{.more = Bytes(5, Bytes(1, "nodes_values_as_tensor") + Bytes(5, Whole(2, 11)))}, Code::kUnimplemented, "double"},
      {{.more = Bytes(5, Bytes(1, "t") + Bytes(5, Bytes(8, "w") + Bytes(13, "location")))},
       Code::kUnimplemented,
       R"(tensor "w" keeps its data outside)"},
      {{.around = NodeOf("Exp", "Y", "Z"), .output = "Z"}, Code::kUnimplemented, R"(node "the other" ("Exp"))"},
      {{.output = "Z"}, Code::kUnimplemented, R"(output "Z")"},
      {{.element_type = 11}, Code::kUnimplemented, "of doubles"},
      {{.width = -1}, Code::kUnimplemented, "fixed number of features"},
      {{.width = 1'000'000}, Code::kResourceExhausted, "at most 65536"},
  };
  for (const BadOnnxModel& bad : cases) {
    const auto ensemble = ParseOnnxModel(Model(bad.parts));
    ASSERT_FALSE(ensemble.ok()) << bad.says;
    EXPECT_EQ(ensemble.error().code, bad.code) << ensemble.error().ToString();
    EXPECT_NE(ensemble.error().ToString().find(bad.says), std::string::npos) << ensemble.error().ToString();
  }
}

TEST(OnnxModel, RefusesEveryTruncationAndWhatIsNoModel) {
  const std::string whole = Model({});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ParseOnnxModel(std::string_view(whole).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(ParseOnnxModel("\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f").ok());
  EXPECT_FALSE(ParseOnnxModel("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").ok());
  EXPECT_FALSE(ParseOnnxModel("no model").ok());
}

TEST(DetectFormat, LooksAtTheBytesThenAtTheName) {
  EXPECT_EQ(DetectFormat("  {\"learner\"", "x.onnx"), Format::kXgboostJson);
  EXPECT_EQ(DetectFormat("tree\nversion=v4", ""), Format::kLightgbm);
  EXPECT_EQ(DetectFormat("??", "a/model.ubj"), Format::kXgboostUbj);
  EXPECT_EQ(DetectFormat("", "model.onnx"), Format::kOnnx);
  EXPECT_EQ(DetectFormat(Model({}), ""), Format::kOnnx);
  EXPECT_FALSE(DetectFormat("binf", "model.bin").has_value());
}

}  // namespace
}  // namespace mw::forest
