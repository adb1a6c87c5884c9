// The graph around the trees, then trees of one output each, then how ONNX Runtime ends its sums.
#include "forest/onnx_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <span>
#include <utility>

#include "base/text.h"
#include "forest/limits.h"
#include "forest/onnx_graph.h"
#include "forest/onnx_trees.h"
#include "forest/thresholds.h"
#include "forest/tree_builder.h"

namespace mw::forest {
namespace {

/// What is known of the graph's values while walking its nodes in order.
struct Surroundings {
  const OnnxNode* trees = nullptr;
  std::string_view rows;    ///< what the trees may be asked with
  std::string_view label;   ///< the current name of the classifier's label; empty for none
  std::string_view scores;  ///< the current name of what is predicted
  bool l1_normalised = false;
};

bool IsOnes(const OnnxGraph& graph, std::string_view name) {
  const auto found = std::find_if(graph.initializers.begin(), graph.initializers.end(),
                                  [&](const OnnxTensor& tensor) { return tensor.name == name; });
  return found != graph.initializers.end() && !found->floats.empty() &&
         std::all_of(found->floats.begin(), found->floats.end(), [](float value) { return value == 1.0F; });
}

/// Whether a node leaves numbers as they are.
bool PassesNumbers(const OnnxGraph& graph, const OnnxNode& node) {
  if (node.op_type == "Identity" || node.op_type == "ZipMap") return true;
  const OnnxAttribute* to = node.Find("to");
  if (node.op_type == "Cast") return to != nullptr && to->i == kOnnxFloat;
  return node.op_type == "Mul" && node.inputs.size() == 2 && IsOnes(graph, node.inputs[1]);
}

Status AddTreeNode(const OnnxNode& node, Surroundings& around) {
  const std::size_t outputs = node.op_type == "TreeEnsembleClassifier" ? 2 : 1;
  if (node.inputs.size() != 1 || node.inputs[0] != around.rows || node.outputs.size() != outputs) {
    return Unimplemented(node.Describe(), " does not take the graph's input");
  }
  around.trees = &node;
  around.label = outputs == 2 ? node.outputs[0] : std::string_view();
  around.scores = node.outputs.back();
  return Ok();
}

Status Follow(const OnnxGraph& graph, const OnnxNode& node, Surroundings& around) {
  if (around.trees == nullptr && IsTreeOperator(node)) return AddTreeNode(node, around);
  const std::string_view input = node.inputs.empty() ? std::string_view() : node.inputs[0];
  const bool one_output = node.outputs.size() == 1 && !input.empty();
  const OnnxAttribute* norm = node.Find("norm");
  if (one_output && input == around.scores && PassesNumbers(graph, node)) {
    around.scores = node.outputs[0];
  } else if (one_output && input == around.scores && node.op_type == "Normalizer" && norm != nullptr &&
             norm->s == "L1" && !around.l1_normalised) {
    around.scores = node.outputs[0];
    around.l1_normalised = true;
  } else if (one_output && input == around.label && (node.op_type == "Cast" || node.op_type == "Identity")) {
    around.label = node.outputs[0];
  } else if (one_output && around.trees == nullptr && input == around.rows && node.op_type != "Mul" &&
             PassesNumbers(graph, node)) {
    around.rows = node.outputs[0];
  } else {
    return Unimplemented("the graph is more than a tree ensemble: ", node.Describe());
  }
  return Ok();
}

Status CheckOutputs(const OnnxGraph& graph, const Surroundings& around) {
  for (const OnnxValue& output : graph.outputs) {
    if (output.name != around.label && output.name != around.scores) {
      return Unimplemented("the graph's output ", Quoted(output.name), " is not what its tree ensemble predicts");
    }
  }
  return Ok();
}

Result<Surroundings> FindTrees(const OnnxGraph& graph) {
  if (graph.inputs.size() != 1) {
    return Unimplemented("the graph has ", graph.inputs.size(), " inputs; a tree ensemble of one matrix is evaluated");
  }
  const OnnxValue& input = graph.inputs[0];
  if (input.element_type != kOnnxFloat || input.shape.size() != 2 || input.shape[1] < 1) {
    return Unimplemented("the graph's input ", Quoted(input.name), " is ",
                         input.element_type == kOnnxDouble ? "of doubles, " : "",
                         "not a float matrix [rows, a fixed number of features]");
  }
  if (static_cast<std::uint64_t>(input.shape[1]) > kFeaturesMax) {
    return ResourceExhausted("the graph's input has ", input.shape[1], " features; at most ", kFeaturesMax);
  }
  Surroundings around;
  around.rows = input.name;
  for (const OnnxNode& node : graph.nodes) TRY(Follow(graph, node, around));
  if (around.trees == nullptr) return Unimplemented("the graph has no tree ensemble");
  TRY(CheckOutputs(graph, around));
  return around;
}

bool IsWhole(float value) { return value >= 0.0F && value < kCategoryEnd && value == std::floor(value); }

/// Turns one OnnxSplit into a node whose left child is below the threshold, or outside the set.
class SplitReader {
 public:
  SplitReader(const OnnxTrees& trees, std::uint32_t num_features, CategorySets& sets)
      : trees_(trees), num_features_(num_features), sets_(sets) {}

  Status Read(const OnnxSplit& split, RawNode& raw) {
    if (split.feature < 0 || split.feature >= num_features_) {
      return InvalidArgument("it splits feature ", split.feature, "; the input has ", num_features_, " features");
    }
    raw.node.feature = static_cast<std::uint32_t>(split.feature);
    const bool true_is_left =
        split.mode == OnnxMode::kLeq || split.mode == OnnxMode::kLt || split.mode == OnnxMode::kNeq;
    raw.left = true_is_left ? split.if_true : split.if_false;
    raw.right = true_is_left ? split.if_false : split.if_true;
    // A comparison with NaN is false, but for "not equal".
    raw.node.default_left = split.mode == OnnxMode::kNeq || split.missing_true == true_is_left;
    switch (split.mode) {
      case OnnxMode::kEq:
      case OnnxMode::kNeq: return AddSet(std::span(&split.value, 1), raw.node);
      case OnnxMode::kMember:
        return AddSet(std::span(trees_.members).subspan(split.first_member, split.num_members), raw.node);
      case OnnxMode::kLt:
      case OnnxMode::kGte: raw.node.value = split.value; return Ok();
      default: return AddInclusive(split.value, raw.node);
    }
  }

 private:
  static Status AddInclusive(float threshold, Node& node) {
    if (std::isnan(threshold) || threshold == std::numeric_limits<float>::infinity()) {
      return Unimplemented("its threshold is ", threshold, ", which is not evaluated");
    }
    node.value = BelowForAtOrBelow(static_cast<double>(threshold));
    return Ok();
  }

  Status AddSet(std::span<const float> members, Node& node) {
    std::vector<std::int64_t> categories;
    for (const float member : members) {
      if (!IsWhole(member)) {
        return Unimplemented("it asks whether feature ", node.feature, " equals ", member,
                             "; only whole numbers from 0 on are evaluated");
      }
      categories.push_back(static_cast<std::int64_t>(member));
    }
    CategorySet set{node.feature, node.default_left, {}};
    TRY(FillSet(categories, set));
    node.category_set = sets_.Add(std::move(set));
    return Ok();
  }

  const OnnxTrees& trees_;
  const std::int64_t num_features_;
  CategorySets& sets_;
};

class EnsembleMaker {
 public:
  EnsembleMaker(const OnnxTrees& trees, std::uint32_t num_features) : trees_(trees) {
    ensemble_.category_rule = CategoryRule::kExact;
    ensemble_.num_features = num_features;
    ensemble_.base_score = 0;
  }

  Result<Ensemble> Make() {
    if (trees_.num_outputs < 1 || trees_.num_outputs > static_cast<std::int64_t>(kOutputsMax)) {
      return InvalidArgument("the tree ensemble has ", trees_.num_outputs, " outputs; 1 to ", kOutputsMax, " are read");
    }
    for (const OnnxVote& vote : trees_.votes) {
      if (vote.output < 0 || vote.output >= trees_.num_outputs) {
        return InvalidArgument("a leaf votes for output ", vote.output, " of ", trees_.num_outputs);
      }
      voted_.insert(vote.output);
      all_positive_ = all_positive_ && !(vote.weight < 0);
    }
    TRY(trees_.classifies ? EndAsClassifier() : EndAsRegressor());
    TRY(AddTrees());
    ensemble_.category_sets = sets_.Finish(ensemble_.trees);
    return std::move(ensemble_);
  }

 private:
  Status EndAsRegressor() {
    const auto outputs = static_cast<std::size_t>(trees_.num_outputs);
    ensemble_.num_outputs = static_cast<std::uint32_t>(outputs);
    ensemble_.objective = Objective::kSquaredError;
    // With one target the runtime applies no other transform.
    const bool applies = outputs > 1 || trees_.post == OnnxPost::kProbit;
    if (applies) TRY(SetTransform());
    if (trees_.averages) ensemble_.epilogue.divisor = static_cast<double>(trees_.roots.size());
    if (trees_.base_values.size() == outputs) ensemble_.epilogue.addends = trees_.base_values;
    if (!trees_.base_values.empty() && trees_.base_values.size() != outputs) {
      return InvalidArgument("the tree ensemble has ", trees_.base_values.size(), " base_values for ", outputs,
                             " targets");
    }
    return Ok();
  }

  /// Of two classes the runtime takes one sum for both when only the first is voted for.
  Status EndAsClassifier() {
    const std::size_t classes = trees_.class_labels.size(), bases = trees_.base_values.size();
    ensemble_.class_labels = trees_.class_labels;
    if (trees_.post == OnnxPost::kProbit || trees_.averages) {
      return Unimplemented("a classifier with PROBIT or AVERAGE is not evaluated");
    }
    const bool of_one = classes == 2 && voted_.size() <= 1;
    if (classes < 2 || (of_one ? voted_.count(1) > 0 || bases > 1 : bases != 0 && (classes == 2 || bases != classes))) {
      return Unimplemented("a classifier of ", classes, " classes, ", voted_.size(), " of them voted for, with ", bases,
                           " base_values is not evaluated");
    }
    ensemble_.num_outputs = of_one ? 1 : static_cast<std::uint32_t>(classes);
    ensemble_.epilogue.addends = trees_.base_values;
    ensemble_.objective =
        all_positive_ || trees_.post != OnnxPost::kNone ? Objective::kSoftmax : Objective::kSquaredError;
    if (!of_one) return SetTransform();
    ensemble_.epilogue.second_class = all_positive_ ? SecondClass::kComplement : SecondClass::kMirrored;
    if (trees_.post == OnnxPost::kLogistic) ensemble_.epilogue.transform = Transform::kOnnxLogistic;
    return Ok();
  }

  Status SetTransform() {
    switch (trees_.post) {
      case OnnxPost::kNone: break;
      case OnnxPost::kSoftmax: ensemble_.epilogue.transform = Transform::kOnnxSoftmax; break;
      case OnnxPost::kLogistic: ensemble_.epilogue.transform = Transform::kOnnxLogistic; break;
      case OnnxPost::kSoftmaxZero: ensemble_.epilogue.transform = Transform::kOnnxSoftmaxZero; break;
      case OnnxPost::kProbit: ensemble_.epilogue.transform = Transform::kOnnxProbit; break;
    }
    return Ok();
  }

  Status AddTrees() {
    if (trees_.roots.size() > kTreesMax) return ResourceExhausted("the model has more than ", kTreesMax, " trees");
    for (std::size_t tree = 0; tree < trees_.roots.size(); ++tree)
      TRY(AddTree(trees_.roots[tree]).In(Cat("tree ", tree)));
    return Ok();
  }

  /// A tree for each output that its leaves vote for.
  Status AddTree(std::int64_t root) {
    const std::vector<std::int64_t> outputs = TRY(VotedBy(root));
    for (const std::int64_t output : outputs) {
      TreeBuilder builder(trees_.nodes.size(), false, reached_);
      Tree tree =
          TRY(builder.Build(root, [&](std::size_t place, RawNode& raw) { return Describe(place, output, raw); }));
      tree.output = static_cast<std::uint32_t>(output);
      if (ensemble_.trees.size() == kTreesMax) {
        return ResourceExhausted("with a tree for each class the model has more than ", kTreesMax, " trees");
      }
      TRY(Count(tree));
      ensemble_.trees.push_back(std::move(tree));
    }
    return Ok();
  }

  Result<std::vector<std::int64_t>> VotedBy(std::int64_t root) {
    std::set<std::int64_t> outputs;
    TreeBuilder builder(trees_.nodes.size(), false, reached_);
    const Tree tree = TRY(builder.Build(root, [&](std::size_t place, RawNode& raw) -> Status {
      const OnnxSplit& split = trees_.nodes[place];
      for (std::uint32_t vote = 0; vote < split.num_votes; ++vote)
        outputs.insert(trees_.votes[split.first_vote + vote].output);
      raw.leaf = split.mode == OnnxMode::kLeaf;
      raw.left = split.if_true;
      raw.right = split.if_false;
      return Ok();
    }));
    TRY(Count(tree));
    return std::vector<std::int64_t>(outputs.begin(), outputs.end());
  }

  /// Trees may share nodes in the file: the work is bounded, not only the file.
  Status Count(const Tree& tree) {
    num_nodes_ += tree.nodes.size();
    if (num_nodes_ <= 2 * kNodesMax) return Ok();
    return ResourceExhausted("with a tree for each class the model has more than ", kNodesMax, " nodes");
  }

  Status Describe(std::size_t place, std::int64_t output, RawNode& raw) {
    const OnnxSplit& split = trees_.nodes[place];
    raw.leaf = split.mode == OnnxMode::kLeaf;
    if (!raw.leaf) return SplitReader(trees_, ensemble_.num_features, sets_).Read(split, raw).In(Cat("node ", place));
    bool voted = false;
    for (std::uint32_t at = split.first_vote; at < split.first_vote + split.num_votes; ++at) {
      if (trees_.votes[at].output != output) continue;
      if (std::exchange(voted, true)) return Unimplemented("leaf ", place, " votes twice for output ", output);
      raw.node.value = trees_.votes[at].weight;
    }
    return Ok();
  }

  const OnnxTrees& trees_;
  Ensemble ensemble_;
  CategorySets sets_;
  Reached reached_;
  std::set<std::int64_t> voted_;
  bool all_positive_ = true;
  std::size_t num_nodes_ = 0;
};

/// "TreeEnsembleClassifier LOGISTIC".
std::string ObjectiveText(const OnnxNode& node, OnnxPost post) {
  switch (post) {
    case OnnxPost::kNone: return std::string(node.op_type);
    case OnnxPost::kSoftmax: return Cat(node.op_type, " SOFTMAX");
    case OnnxPost::kLogistic: return Cat(node.op_type, " LOGISTIC");
    case OnnxPost::kSoftmaxZero: return Cat(node.op_type, " SOFTMAX_ZERO");
    case OnnxPost::kProbit: return Cat(node.op_type, " PROBIT");
  }
  return "";
}

}  // namespace

Result<Ensemble> ParseOnnxModel(std::string_view bytes) {
  const OnnxGraph graph = TRY(ReadOnnxGraph(bytes));
  const Surroundings around = TRY(FindTrees(graph));
  const OnnxTrees trees = TRY(ReadOnnxTrees(*around.trees));
  Ensemble ensemble = TRY(EnsembleMaker(trees, static_cast<std::uint32_t>(graph.inputs[0].shape[1])).Make());
  ensemble.objective_name = ObjectiveText(*around.trees, trees.post);
  ensemble.epilogue.l1_normalised = around.l1_normalised;
  if (!around.label.empty()) ensemble.output_names.emplace_back(around.label);
  ensemble.output_names.emplace_back(around.scores);
  return ensemble;
}

}  // namespace mw::forest
