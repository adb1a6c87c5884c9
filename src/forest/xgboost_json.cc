// Two passes: simdjson's tokens into plain arrays, then the arrays, checked, into trees.
#include "forest/xgboost_json.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "base/text.h"
#include "forest/objective.h"

namespace mw::forest {
namespace {

namespace json = simdjson::ondemand;

/// One tree's arrays, as the file has them.
struct RawTree {
  std::vector<std::int32_t> left, right, split_indices, default_left, split_type;
  std::vector<float> split_conditions, sum_hessian;
  std::vector<std::int32_t> categories, categories_nodes, categories_segments, categories_sizes;
};

/// The members of the file that matter here.
struct RawModel {
  std::string booster, objective, base_score, num_feature, num_class, num_target;
  std::string num_parallel_tree = "1";
  std::string best_iteration;
  std::vector<std::string> feature_names, feature_types;
  std::vector<std::int32_t> tree_info;
  std::vector<RawTree> trees;
  std::size_t num_nodes = 0;
  bool has_learner = false;
};

Error BadJson(std::string_view what, simdjson::error_code code) {
  return InvalidArgument("the model is not XGBoost's JSON: ", what, ": ", simdjson::error_message(code));
}

// Reads one value with simdjson and names it when it is of another kind.
#define MW_READ(what, variable, expression)                   \
  if (const auto error = (expression).get(variable); error) { \
    return BadJson(what, error);                              \
  }

Result<std::string> ReadText(json::value value, std::string_view what) {
  std::string_view text;
  MW_READ(what, text, value.get_string());
  return std::string(text);
}

/// The digits of a number, or a bare word such as NaN.
Result<std::string_view> Token(simdjson::simdjson_result<json::value> element, std::string_view what) {
  std::string_view token;
  MW_READ(what, token, element.raw_json_token());
  return Trim(token);
}

Result<std::int32_t> ReadElement(std::string_view token, std::string_view what, std::int32_t) {
  if (token == "true") return 1;
  if (token == "false") return 0;
  std::int32_t value = 0;
  const auto parsed = std::from_chars(token.data(), token.data() + token.size(), value);
  if (parsed.ec == std::errc() && parsed.ptr == token.data() + token.size()) return value;
  return InvalidArgument("the model's ", what, " has ", Quoted(token), " where a 32-bit whole number belongs");
}

Result<float> ReadElement(std::string_view token, std::string_view what, float) {
  if (token == "NaN") return std::numeric_limits<float>::quiet_NaN();
  float value = 0;
  const auto parsed = std::from_chars(token.data(), token.data() + token.size(), value);
  if (parsed.ec == std::errc() && parsed.ptr == token.data() + token.size()) return value;
  return InvalidArgument("the model's ", what, " has ", Quoted(token), " where a float32 belongs");
}

template <typename T>
Status ReadNumbers(json::value value, std::string_view what, std::vector<T>& out) {
  json::array array;
  MW_READ(what, array, value.get_array());
  for (simdjson::simdjson_result<json::value> element : array) {
    const std::string_view token = TRY(Token(element, what));
    out.push_back(TRY(ReadElement(token, what, T{})));
    if (out.size() > kNodesMax)
      return ResourceExhausted("the model's ", what, " has more than ", kNodesMax, " numbers");
  }
  return Ok();
}

Status ReadTexts(json::value value, std::string_view what, std::vector<std::string>& out) {
  json::array array;
  MW_READ(what, array, value.get_array());
  for (simdjson::simdjson_result<json::value> element : array) {
    json::value text;
    MW_READ(what, text, element);
    out.push_back(TRY(ReadText(text, what)));
    if (out.size() > kFeaturesMax) return ResourceExhausted("the model has more than ", kFeaturesMax, " ", what);
  }
  return Ok();
}

/// Calls `read(key, value)` for every member, to the object's end.
template <typename Read>
Status ForEachMember(json::value value, std::string_view what, const Read& read) {
  json::object object;
  MW_READ(what, object, value.get_object());
  for (simdjson::simdjson_result<json::field> member : object) {
    std::string_view key;
    MW_READ(what, key, member.unescaped_key());
    json::value member_value;
    MW_READ(key, member_value, member.value());
    TRY(read(key, member_value));
  }
  return Ok();
}

/// Assigns the texts of those members that are listed and skips the others.
Status ReadMembers(json::value value, std::string_view what,
                   std::initializer_list<std::pair<std::string_view, std::string*>> wanted) {
  return ForEachMember(value, what, [&](std::string_view key, json::value member) -> Status {
    for (const auto& [name, out] : wanted) {
      if (name == key) *out = TRY(ReadText(member, key));
    }
    return Ok();
  });
}

Status ReadTreeArray(std::string_view key, json::value value, RawTree& tree) {
  if (key == "left_children") return ReadNumbers(value, key, tree.left);
  if (key == "right_children") return ReadNumbers(value, key, tree.right);
  if (key == "split_indices") return ReadNumbers(value, key, tree.split_indices);
  if (key == "split_conditions") return ReadNumbers(value, key, tree.split_conditions);
  if (key == "sum_hessian") return ReadNumbers(value, key, tree.sum_hessian);
  if (key == "default_left") return ReadNumbers(value, key, tree.default_left);
  if (key == "split_type") return ReadNumbers(value, key, tree.split_type);
  if (key == "categories") return ReadNumbers(value, key, tree.categories);
  if (key == "categories_nodes") return ReadNumbers(value, key, tree.categories_nodes);
  if (key == "categories_segments") return ReadNumbers(value, key, tree.categories_segments);
  if (key == "categories_sizes") return ReadNumbers(value, key, tree.categories_sizes);
  return Ok();
}

Status ReadTrees(json::value value, RawModel& model) {
  json::array array;
  MW_READ("trees", array, value.get_array());
  for (simdjson::simdjson_result<json::value> element : array) {
    json::value members;
    MW_READ("trees", members, element);
    RawTree tree;
    TRY(ForEachMember(members, "trees", [&](std::string_view key, json::value member) {
          return ReadTreeArray(key, member, tree);
        }).In(Cat("tree ", model.trees.size())));
    model.num_nodes += tree.left.size();
    if (model.num_nodes > kNodesMax) return ResourceExhausted("the model has more than ", kNodesMax, " nodes");
    model.trees.push_back(std::move(tree));
    if (model.trees.size() > kTreesMax) return ResourceExhausted("the model has more than ", kTreesMax, " trees");
  }
  return Ok();
}

Status ReadBooster(json::value value, RawModel& model) {
  return ForEachMember(value, "gradient_booster", [&](std::string_view key, json::value member) -> Status {
    if (key == "name") {
      model.booster = TRY(ReadText(member, key));
    } else if (key == "model") {
      TRY(ForEachMember(member, key, [&](std::string_view part, json::value content) -> Status {
        if (part == "trees") return ReadTrees(content, model);
        if (part == "tree_info") return ReadNumbers(content, part, model.tree_info);
        if (part != "gbtree_model_param") return Ok();
        return ReadMembers(content, part, {{"num_parallel_tree", &model.num_parallel_tree}});
      }));
    }
    return Ok();
  });
}

Status ReadLearner(std::string_view key, json::value value, RawModel& model) {
  if (key == "gradient_booster") return ReadBooster(value, model);
  if (key == "feature_names") return ReadTexts(value, key, model.feature_names);
  if (key == "feature_types") return ReadTexts(value, key, model.feature_types);
  if (key == "attributes") return ReadMembers(value, key, {{"best_iteration", &model.best_iteration}});
  if (key == "objective") return ReadMembers(value, key, {{"name", &model.objective}});
  if (key == "learner_model_param") {
    return ReadMembers(value, key,
                       {{"base_score", &model.base_score},
                        {"num_feature", &model.num_feature},
                        {"num_class", &model.num_class},
                        {"num_target", &model.num_target}});
  }
  return Ok();
}

Status ReadRoot(json::document& document, RawModel& model) {
  json::value root;
  MW_READ("the file", root, document.get_value());
  TRY(ForEachMember(root, "the file", [&](std::string_view key, json::value value) -> Status {
    if (key != "learner") return Ok();
    model.has_learner = true;
    return ForEachMember(value, key,
                         [&](std::string_view part, json::value content) { return ReadLearner(part, content, model); });
  }));
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return InvalidArgument("the model is not XGBoost's JSON: text follows its end");
  }
  return Ok();
}

Result<RawModel> ReadRaw(std::string_view text) {
  if (text.size() > kModelBytesMax) {
    return ResourceExhausted("the model has ", text.size(), " bytes; at most ", kModelBytesMax);
  }
  const simdjson::padded_string padded(text);
  json::parser parser;
  json::document document;
  MW_READ("the file", document, parser.iterate(padded));
  RawModel model;
  TRY(ReadRoot(document, model));
  if (!model.has_learner) {
    return InvalidArgument(
        "the model is not XGBoost's JSON: it has no \"learner\"; save it with save_model(\"model.json\")");
  }
  return model;
}

#undef MW_READ

/// XGBoost writes its parameters as text. An absent one is `otherwise`.
Result<std::int64_t> Parameter(std::string_view name, const std::string& text, std::int64_t otherwise) {
  if (text.empty()) return otherwise;
  const auto value = ParseInt(text);
  if (!value || *value < 0) return InvalidArgument("the model's ", name, " is ", Quoted(text), ", not a count");
  return *value;
}

/// Newer versions write one base score for each target, in brackets.
Result<float> BaseScore(const std::string& text) {
  std::string_view digits = text;
  if (digits.starts_with('[') && digits.ends_with(']')) digits = digits.substr(1, digits.size() - 2);
  const Result<float> score = ReadElement(digits, "base_score", float{});
  if (!score.ok() || !std::isfinite(*score))
    return InvalidArgument("the model's base_score is ", Quoted(text), ", not a number");
  return *score;
}

/// Collects the distinct category sets; their final numbers are in the order of the sets.
class CategorySets {
 public:
  std::int32_t Add(CategorySet set) {
    return sets_.try_emplace(std::move(set), static_cast<std::int32_t>(sets_.size())).first->second;
  }
  /// Moves the sets out, ordered, and renumbers the nodes that used them.
  std::vector<CategorySet> Finish(std::vector<Tree>& trees) {
    std::vector<std::int32_t> position(sets_.size());
    std::vector<CategorySet> ordered;
    while (!sets_.empty()) {
      auto first = sets_.extract(sets_.begin());
      position[static_cast<std::size_t>(first.mapped())] = static_cast<std::int32_t>(ordered.size());
      ordered.push_back(std::move(first.key()));
    }
    for (Tree& tree : trees) {
      for (Node& node : tree.nodes) {
        if (node.category_set != Node::kNone) node.category_set = position[static_cast<std::size_t>(node.category_set)];
      }
    }
    return ordered;
  }

 private:
  std::map<CategorySet, std::int32_t> sets_;
};

/// Turns one tree's arrays into nodes, level by level from the root; what the root does not reach
/// (nodes that pruning deleted) is left out.
class TreeBuilder {
 public:
  TreeBuilder(const RawTree& raw, std::uint32_t num_features, CategorySets& sets)
      : raw_(raw), num_features_(num_features), sets_(sets), size_(raw.left.size()) {}

  Result<Tree> Build() {
    TRY(CheckSizes());
    TRY(FindCategories());
    reached_.assign(size_, false);
    TRY(Reach(0));
    // order_ grows while its nodes are appended: children come behind their parents.
    for (std::size_t at = 0; at < order_.size(); ++at) {
      if (at == level_end_) TRY(NextLevel());
      TRY(AddNode(order_[at]));
    }
    return std::move(tree_);
  }

 private:
  Status CheckSizes() const {
    if (size_ == 0) return InvalidArgument("it has no nodes");
    const bool same = raw_.right.size() == size_ && raw_.split_indices.size() == size_ &&
                      raw_.split_conditions.size() == size_ && raw_.default_left.size() == size_ &&
                      (raw_.split_type.empty() || raw_.split_type.size() == size_) &&
                      (raw_.sum_hessian.empty() || raw_.sum_hessian.size() == size_);
    if (!same) return InvalidArgument("its arrays have different lengths; left_children has ", size_);
    const std::size_t splits = raw_.categories_nodes.size();
    if (raw_.categories_segments.size() != splits || raw_.categories_sizes.size() != splits) {
      return InvalidArgument("its categories_ arrays have different lengths; categories_nodes has ", splits);
    }
    return Ok();
  }

  /// Which part of `categories` belongs to which node.
  Status FindCategories() {
    segment_.assign(size_, Node::kNone);
    for (std::size_t split = 0; split < raw_.categories_nodes.size(); ++split) {
      const std::int32_t node = raw_.categories_nodes[split];
      const std::int64_t begin = raw_.categories_segments[split];
      const std::int64_t end = begin + raw_.categories_sizes[split];
      if (node < 0 || static_cast<std::size_t>(node) >= size_) {
        return InvalidArgument("categories_nodes names node ", node, "; it has ", size_);
      }
      if (begin < 0 || end <= begin || end > static_cast<std::int64_t>(raw_.categories.size())) {
        return InvalidArgument("node ", node, ": categories ", begin, " to ", end, " of ", raw_.categories.size());
      }
      segment_[static_cast<std::size_t>(node)] = static_cast<std::int32_t>(split);
    }
    return Ok();
  }

  Status Reach(std::int32_t index) {
    if (index < 0 || static_cast<std::size_t>(index) >= size_) {
      return InvalidArgument("node ", index, " is named as a child; it has ", size_, " nodes");
    }
    const auto node = static_cast<std::size_t>(index);
    if (reached_[node]) return InvalidArgument("node ", index, " is reached twice: that is no tree");
    reached_[node] = true;
    order_.push_back(node);
    return Ok();
  }

  Status NextLevel() {
    level_end_ = order_.size();
    if (++tree_.depth > kDepthMax) return ResourceExhausted("it is deeper than ", kDepthMax);
    return Ok();
  }

  Status AddNode(std::size_t raw) {
    Node node;
    node.value = raw_.split_conditions[raw];
    if (raw_.left[raw] == -1) {
      if (!std::isfinite(node.value))
        return InvalidArgument("leaf ", raw, " is ", node.value, "; the training diverged");
    } else {
      TRY(AddSplit(raw, node).In(Cat("node ", raw)));
    }
    tree_.nodes.push_back(node);
    if (!raw_.sum_hessian.empty()) tree_.covers.push_back(raw_.sum_hessian[raw]);
    return Ok();
  }

  Status AddSplit(std::size_t raw, Node& node) {
    const std::int32_t feature = raw_.split_indices[raw];
    if (feature < 0 || static_cast<std::uint32_t>(feature) >= num_features_) {
      return InvalidArgument("it splits feature ", feature, "; the model has ", num_features_, " features");
    }
    node.feature = static_cast<std::uint32_t>(feature);
    node.default_left = raw_.default_left[raw] != 0;
    if (!raw_.split_type.empty() && raw_.split_type[raw] != 0) {
      TRY(AddCategories(raw, node));
    } else if (!std::isfinite(node.value)) {
      return InvalidArgument("its threshold is ", node.value);
    }
    node.left = static_cast<std::int32_t>(order_.size());
    TRY(Reach(raw_.left[raw]));
    return Reach(raw_.right[raw]);
  }

  Status AddCategories(std::size_t raw, Node& node) {
    if (segment_[raw] == Node::kNone) return InvalidArgument("it splits by categories and lists none");
    const auto split = static_cast<std::size_t>(segment_[raw]);
    const auto begin = raw_.categories.begin() + raw_.categories_segments[split];
    CategorySet set{node.feature, node.default_left, {}};
    for (auto category = begin; category != begin + raw_.categories_sizes[split]; ++category) {
      if (*category < 0 || !IsCategory(static_cast<float>(*category)))
        return InvalidArgument("it lists the category ", *category);
      set.right.push_back(static_cast<std::uint32_t>(*category));
    }
    std::sort(set.right.begin(), set.right.end());
    set.right.erase(std::unique(set.right.begin(), set.right.end()), set.right.end());
    node.category_set = sets_.Add(std::move(set));
    node.value = 0;
    return Ok();
  }

  const RawTree& raw_;
  const std::uint32_t num_features_;
  CategorySets& sets_;
  const std::size_t size_;
  std::vector<std::int32_t> segment_;  ///< node -> position in categories_nodes
  std::vector<bool> reached_;
  std::vector<std::size_t> order_;
  std::size_t level_end_ = 1;
  Tree tree_;
};

Status CheckKind(const RawModel& raw) {
  if (raw.booster != "gbtree") {
    return Unimplemented("the model's booster is ", Quoted(raw.booster), "; only gbtree is evaluated");
  }
  const std::int64_t targets = TRY(Parameter("num_target", raw.num_target, 1));
  if (targets > 1) return Unimplemented("the model has ", targets, " targets; only models with one are evaluated");
  return Ok();
}

/// One for each class of a model of several, else 1; every tree names one of them.
Result<std::uint32_t> OutputsOf(const RawModel& raw, Objective objective) {
  const std::int64_t classes = TRY(Parameter("num_class", raw.num_class, 0));
  const bool several = objective == Objective::kSoftmax;
  if (several ? classes < 2 || static_cast<std::size_t>(classes) > kOutputsMax : classes > 1) {
    return InvalidArgument("the model has the objective ", ObjectiveName(objective), " and ", classes, " classes; ",
                           several ? Cat("2 to ", kOutputsMax, " are read") : std::string("it has one output"));
  }
  const std::int64_t outputs = several ? classes : 1;
  if (raw.tree_info.size() != raw.trees.size()) {
    return InvalidArgument("the model has ", raw.trees.size(), " trees and tree_info for ", raw.tree_info.size());
  }
  for (const std::int32_t output : raw.tree_info) {
    if (output < 0 || output >= outputs) {
      return InvalidArgument("the model's tree_info names output ", output, "; it has ", outputs);
    }
  }
  return static_cast<std::uint32_t>(outputs);
}

/// How many trees count: all, or those up to the best iteration of early stopping.
Result<std::size_t> TreesUsed(const RawModel& raw, std::int64_t outputs) {
  const auto all = static_cast<std::int64_t>(raw.trees.size());
  const std::int64_t parallel = TRY(Parameter("num_parallel_tree", raw.num_parallel_tree, 1));
  const std::int64_t best = TRY(Parameter("best_iteration", raw.best_iteration, all));
  if (parallel == 0 || best >= all) return raw.trees.size();
  // Both are below 2^31 here unless parallel is absurd; then every tree counts.
  return parallel > all ? raw.trees.size() : static_cast<std::size_t>(std::min((best + 1) * parallel * outputs, all));
}

Status CheckNames(const RawModel& raw, std::size_t num_features) {
  for (const auto& [what, names] :
       {std::pair{"feature_names", &raw.feature_names}, {"feature_types", &raw.feature_types}}) {
    if (!names->empty() && names->size() != num_features) {
      return InvalidArgument("the model has ", num_features, " features and ", names->size(), " ", what);
    }
  }
  return Ok();
}

Status FillHead(RawModel& raw, Ensemble& ensemble) {
  TRY(CheckKind(raw));
  ensemble.objective = TRY(ObjectiveFromName(raw.objective));
  ensemble.num_outputs = TRY(OutputsOf(raw, ensemble.objective));
  const std::int64_t features = TRY(Parameter("num_feature", raw.num_feature, 0));
  if (features < 1 || static_cast<std::size_t>(features) > kFeaturesMax) {
    return InvalidArgument("the model's num_feature is ", features, "; 1 to ", kFeaturesMax, " are read");
  }
  ensemble.num_features = static_cast<std::uint32_t>(features);
  TRY(CheckNames(raw, ensemble.num_features));
  ensemble.feature_names = std::move(raw.feature_names);
  ensemble.feature_types = std::move(raw.feature_types);
  ensemble.base_score = TRY(BaseScore(raw.base_score));
  ensemble.base_margin = TRY(BaseMargin(ensemble.objective, ensemble.base_score));
  return Ok();
}

}  // namespace

Result<Ensemble> ParseXgboostJson(std::string_view text) {
  RawModel raw = TRY(ReadRaw(text));
  Ensemble ensemble;
  TRY(FillHead(raw, ensemble));
  CategorySets sets;
  const std::size_t used = TRY(TreesUsed(raw, ensemble.num_outputs));
  for (std::size_t tree = 0; tree < used; ++tree) {
    ensemble.trees.push_back(
        TRY(TreeBuilder(raw.trees[tree], ensemble.num_features, sets).Build().In(Cat("tree ", tree))));
    ensemble.trees.back().output = static_cast<std::uint32_t>(raw.tree_info[tree]);
  }
  ensemble.category_sets = sets.Finish(ensemble.trees);
  return ensemble;
}

}  // namespace mw::forest
