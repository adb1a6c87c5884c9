// Arrays side by side become nodes; (tree id, node id) pairs become places.
#include "forest/onnx_trees.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "base/text.h"
#include "forest/limits.h"

namespace mw::forest {
namespace {

// In the order of OnnxMode, which is TreeEnsemble's own.
constexpr std::array<std::string_view, 8> kModes = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                                    "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};
// In the order of OnnxPost, which is TreeEnsemble's own.
constexpr std::array<std::string_view, 5> kPosts = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};

const std::vector<std::int64_t> kNoInts;
const std::vector<float> kNoFloats;

class Attributes {
 public:
  explicit Attributes(const OnnxNode& node) : node_(node) {}

  [[nodiscard]] const std::vector<std::int64_t>& Ints(std::string_view name) const {
    const OnnxAttribute* found = node_.Find(name);
    if (found == nullptr) return kNoInts;
    return found->tensor ? found->tensor->ints : found->ints;
  }
  [[nodiscard]] const std::vector<float>& Floats(std::string_view name) const {
    const OnnxAttribute* found = node_.Find(name);
    if (found == nullptr) return kNoFloats;
    return found->tensor ? found->tensor->floats : found->floats;
  }
  [[nodiscard]] std::int64_t Int(std::string_view name, std::int64_t otherwise) const {
    const OnnxAttribute* found = node_.Find(name);
    return found == nullptr ? otherwise : found->i;
  }
  [[nodiscard]] std::string_view Text(std::string_view name, std::string_view otherwise) const {
    const OnnxAttribute* found = node_.Find(name);
    return found == nullptr ? otherwise : found->s;
  }
  /// Thresholds or weights in doubles would have to be compared and added so.
  [[nodiscard]] Status CheckFloats() const {
    for (const OnnxAttribute& attribute : node_.attributes) {
      const bool is_double =
          attribute.tensor && attribute.tensor->data_type != kOnnxFloat && attribute.tensor->data_type != kOnnxUint8;
      if (is_double || attribute.name.ends_with("_as_tensor")) {
        return Unimplemented(node_.Describe(), " has ", Quoted(attribute.name),
                             ": a double ensemble, which is not evaluated");
      }
    }
    return Ok();
  }
  Status SameLength(std::size_t length, std::initializer_list<std::pair<std::string_view, std::size_t>> others) const {
    for (const auto& [name, size] : others) {
      if (size != length) return InvalidArgument(node_.Describe(), " has ", size, " ", name, " for ", length);
    }
    return Ok();
  }

 private:
  const OnnxNode& node_;
};

/// TreeEnsembleRegressor and TreeEnsembleClassifier.
class TupleReader {
 public:
  explicit TupleReader(const OnnxNode& node) : node_(node), attributes_(node) {}

  Result<OnnxTrees> Read() {
    trees_.classifies = node_.op_type == "TreeEnsembleClassifier";
    TRY(attributes_.CheckFloats());
    TRY(ReadOptions());
    TRY(ReadNodes());
    TRY(ReadVotes());
    return std::move(trees_);
  }

 private:
  Status ReadOptions() {
    const std::string_view post = attributes_.Text("post_transform", "NONE");
    const auto known = std::find(kPosts.begin(), kPosts.end(), post);
    if (known == kPosts.end()) return InvalidArgument(node_.Describe(), " has the post_transform ", Quoted(post));
    trees_.post = static_cast<OnnxPost>(known - kPosts.begin());
    const std::string_view aggregate = attributes_.Text("aggregate_function", "SUM");
    if (aggregate != "SUM" && aggregate != "AVERAGE") {
      return Unimplemented(node_.Describe(), " has the aggregate_function ", Quoted(aggregate),
                           "; evaluated are SUM, AVERAGE");
    }
    trees_.averages = aggregate == "AVERAGE";
    trees_.base_values = attributes_.Floats("base_values");
    if (!trees_.classifies) {
      trees_.num_outputs = attributes_.Int("n_targets", 1);
      return Ok();
    }
    if (const OnnxAttribute* strings = node_.Find("classlabels_strings")) {
      trees_.class_labels.assign(strings->strings.begin(), strings->strings.end());
    }
    for (const std::int64_t label : attributes_.Ints("classlabels_int64s")) trees_.class_labels.push_back(Cat(label));
    trees_.num_outputs = static_cast<std::int64_t>(trees_.class_labels.size());
    return Ok();
  }

  Status ReadNodes() {
    const auto& tree_ids = attributes_.Ints("nodes_treeids");
    const auto& node_ids = attributes_.Ints("nodes_nodeids");
    const auto& features = attributes_.Ints("nodes_featureids");
    const auto& if_true = attributes_.Ints("nodes_truenodeids");
    const auto& if_false = attributes_.Ints("nodes_falsenodeids");
    const auto& values = attributes_.Floats("nodes_values");
    const auto& missing = attributes_.Ints("nodes_missing_value_tracks_true");
    const OnnxAttribute* modes = node_.Find("nodes_modes");
    const std::size_t count = tree_ids.size();
    TRY(attributes_.SameLength(count, {{"nodes_nodeids", node_ids.size()},
                                       {"nodes_featureids", features.size()},
                                       {"nodes_truenodeids", if_true.size()},
                                       {"nodes_falsenodeids", if_false.size()},
                                       {"nodes_values", values.size()},
                                       {"nodes_modes", modes == nullptr ? 0 : modes->strings.size()},
                                       {"nodes_missing_value_tracks_true", missing.empty() ? count : missing.size()}}));
    for (std::size_t at = 0; at < count; ++at) {
      if (!places_.try_emplace({tree_ids[at], node_ids[at]}, at).second) {
        return InvalidArgument(node_.Describe(), " has node ", node_ids[at], " of tree ", tree_ids[at], " twice");
      }
      if (at == 0 || tree_ids[at] != tree_ids[at - 1]) trees_.roots.push_back(static_cast<std::int64_t>(at));
    }
    for (std::size_t at = 0; at < count; ++at) {
      OnnxSplit& split = trees_.nodes.emplace_back();
      const auto mode = std::find(kModes.begin(), kModes.end(), modes->strings[at]);
      if (mode == kModes.end() || *mode == "BRANCH_MEMBER") {
        return InvalidArgument(node_.Describe(), " has the node mode ", Quoted(modes->strings[at]));
      }
      split.mode = static_cast<OnnxMode>(mode - kModes.begin());
      split.feature = features[at];
      split.value = values[at];
      split.missing_true = !missing.empty() && missing[at] == 1;
      if (split.mode == OnnxMode::kLeaf) continue;
      split.if_true = TRY(PlaceOf(tree_ids[at], if_true[at]));
      split.if_false = TRY(PlaceOf(tree_ids[at], if_false[at]));
    }
    return Ok();
  }

  [[nodiscard]] Result<std::int64_t> PlaceOf(std::int64_t tree, std::int64_t id) const {
    const auto found = places_.find({tree, id});
    if (found != places_.end()) return static_cast<std::int64_t>(found->second);
    return InvalidArgument(node_.Describe(), " has no node ", id, " in tree ", tree);
  }

  /// Votes in the file's order, collected leaf by leaf.
  Status ReadVotes() {
    const std::string_view prefix = trees_.classifies ? "class" : "target";
    const auto& tree_ids = attributes_.Ints(Cat(prefix, "_treeids"));
    const auto& node_ids = attributes_.Ints(Cat(prefix, "_nodeids"));
    const auto& outputs = attributes_.Ints(Cat(prefix, "_ids"));
    const auto& weights = attributes_.Floats(Cat(prefix, "_weights"));
    TRY(attributes_.SameLength(tree_ids.size(), {{Cat(prefix, "_nodeids"), node_ids.size()},
                                                 {Cat(prefix, "_ids"), outputs.size()},
                                                 {Cat(prefix, "_weights"), weights.size()}}));
    std::vector<std::pair<std::int64_t, std::size_t>> of_leaves;
    for (std::size_t at = 0; at < tree_ids.size(); ++at) {
      of_leaves.emplace_back(TRY(PlaceOf(tree_ids[at], node_ids[at])), at);
    }
    std::sort(of_leaves.begin(), of_leaves.end());
    for (const auto& [place, at] : of_leaves) {
      OnnxSplit& leaf = trees_.nodes[static_cast<std::size_t>(place)];
      if (leaf.num_votes++ == 0) leaf.first_vote = static_cast<std::uint32_t>(trees_.votes.size());
      trees_.votes.push_back({outputs[at], weights[at]});
    }
    return Ok();
  }

  const OnnxNode& node_;
  const Attributes attributes_;
  OnnxTrees trees_;
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> places_;
};

/// TreeEnsemble, version 5 of the domain: splits alone are nodes, leaves are named by them.
class EnsembleReader {
 public:
  explicit EnsembleReader(const OnnxNode& node) : node_(node), attributes_(node) {}

  Result<OnnxTrees> Read() {
    TRY(attributes_.CheckFloats());
    TRY(ReadOptions());
    TRY(ReadNodes());
    TRY(ReadMembers());
    for (const std::int64_t root : attributes_.Ints("tree_roots")) trees_.roots.push_back(root);
    return std::move(trees_);
  }

 private:
  Status ReadOptions() {
    constexpr std::int64_t kAverage = 0, kSum = 1;
    const std::int64_t aggregate = attributes_.Int("aggregate_function", kSum);
    if (aggregate != kAverage && aggregate != kSum) {
      return Unimplemented(node_.Describe(), " has the aggregate_function ", aggregate, "; evaluated are AVERAGE, SUM");
    }
    trees_.averages = aggregate == kAverage;
    trees_.num_outputs = attributes_.Int("n_targets", 1);
    const std::int64_t post = attributes_.Int("post_transform", 0);
    if (post < 0 || post >= static_cast<std::int64_t>(kPosts.size())) {
      return InvalidArgument(node_.Describe(), " has the post_transform ", post);
    }
    trees_.post = static_cast<OnnxPost>(post);
    return Ok();
  }

  Status ReadNodes() {
    const auto& features = attributes_.Ints("nodes_featureids");
    const auto& modes = attributes_.Ints("nodes_modes");
    const auto& values = attributes_.Floats("nodes_splits");
    const auto& if_true = attributes_.Ints("nodes_truenodeids");
    const auto& if_false = attributes_.Ints("nodes_falsenodeids");
    const auto& true_leaf = attributes_.Ints("nodes_trueleafs");
    const auto& false_leaf = attributes_.Ints("nodes_falseleafs");
    const auto& missing = attributes_.Ints("nodes_missing_value_tracks_true");
    const std::size_t count = features.size();
    TRY(attributes_.SameLength(count, {{"nodes_modes", modes.size()},
                                       {"nodes_splits", values.size()},
                                       {"nodes_truenodeids", if_true.size()},
                                       {"nodes_falsenodeids", if_false.size()},
                                       {"nodes_trueleafs", true_leaf.size()},
                                       {"nodes_falseleafs", false_leaf.size()},
                                       {"nodes_missing_value_tracks_true", missing.empty() ? count : missing.size()}}));
    trees_.nodes.resize(count);
    for (std::size_t at = 0; at < count; ++at) {
      OnnxSplit split;
      if (modes[at] < 0 || modes[at] > static_cast<std::int64_t>(OnnxMode::kMember)) {
        return InvalidArgument(node_.Describe(), " has the node mode ", modes[at]);
      }
      split.mode = static_cast<OnnxMode>(modes[at]);
      split.feature = features[at];
      split.value = values[at];
      split.missing_true = !missing.empty() && missing[at] == 1;
      split.if_true = TRY(ChildOf(if_true[at], true_leaf[at] != 0, count));
      split.if_false = TRY(ChildOf(if_false[at], false_leaf[at] != 0, count));
      trees_.nodes[at] = split;
    }
    return Ok();
  }

  /// Every mention of a leaf becomes a leaf of its own.
  Result<std::int64_t> ChildOf(std::int64_t id, bool is_leaf, std::size_t num_splits) {
    if (!is_leaf) {
      if (id >= 0 && static_cast<std::size_t>(id) < num_splits) return id;
      return InvalidArgument(node_.Describe(), " names node ", id, " of ", num_splits);
    }
    const auto& outputs = attributes_.Ints("leaf_targetids");
    const auto& weights = attributes_.Floats("leaf_weights");
    if (id < 0 || static_cast<std::size_t>(id) >= outputs.size() || outputs.size() != weights.size()) {
      return InvalidArgument(node_.Describe(), " names leaf ", id, " of ", outputs.size(), " with ", weights.size(),
                             " weights");
    }
    OnnxSplit& leaf = trees_.nodes.emplace_back();
    leaf.first_vote = static_cast<std::uint32_t>(trees_.votes.size());
    leaf.num_votes = 1;
    trees_.votes.push_back({outputs[static_cast<std::size_t>(id)], weights[static_cast<std::size_t>(id)]});
    return static_cast<std::int64_t>(trees_.nodes.size() - 1);
  }

  /// The sets of BRANCH_MEMBER nodes, in the nodes' order, each ended by NaN.
  Status ReadMembers() {
    trees_.members = attributes_.Floats("membership_values");
    std::uint32_t at = 0;
    for (OnnxSplit& split : trees_.nodes) {
      if (split.mode != OnnxMode::kMember) continue;
      split.first_member = at;
      while (at < trees_.members.size() && !std::isnan(trees_.members[at])) ++at;
      split.num_members = at - split.first_member;
      at = std::min(at + 1, static_cast<std::uint32_t>(trees_.members.size()));
    }
    return Ok();
  }

  const OnnxNode& node_;
  const Attributes attributes_;
  OnnxTrees trees_;
};

}  // namespace

bool IsTreeOperator(const OnnxNode& node) {
  return node.domain == "ai.onnx.ml" && (node.op_type == "TreeEnsembleRegressor" ||
                                         node.op_type == "TreeEnsembleClassifier" || node.op_type == "TreeEnsemble");
}

Result<OnnxTrees> ReadOnnxTrees(const OnnxNode& node) {
  return node.op_type == "TreeEnsemble" ? EnsembleReader(node).Read() : TupleReader(node).Read();
}

}  // namespace mw::forest
