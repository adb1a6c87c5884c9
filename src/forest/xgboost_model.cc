// The arrays, checked, into trees; base scores and objectives as XGBoost computes with them.
#include "forest/xgboost_model.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"
#include "forest/tree_builder.h"

namespace mw::forest {
namespace {

/// Where sums start, given the base score.
enum class Base : std::uint8_t { kItself, kLogit, kLog };

struct XgboostObjective {
  std::string_view name;
  Objective kind;
  Transform transform;
  Base base = Base::kItself;
  bool classes = false;  ///< a sum for each class
};

constexpr std::array kXgboostObjectives = std::to_array<XgboostObjective>({
    {"binary:logistic", Objective::kLogistic, Transform::kSigmoid, Base::kLogit},
    {"binary:logitraw", Objective::kLogitRaw, Transform::kNone},
    {"binary:hinge", Objective::kSquaredError, Transform::kHinge},
    {"reg:squarederror", Objective::kSquaredError, Transform::kNone},
    {"reg:linear", Objective::kSquaredError, Transform::kNone},
    {"reg:squaredlogerror", Objective::kSquaredError, Transform::kNone},
    {"reg:logistic", Objective::kLogistic, Transform::kSigmoid, Base::kLogit},
    {"reg:pseudohubererror", Objective::kSquaredError, Transform::kNone},
    {"reg:absoluteerror", Objective::kSquaredError, Transform::kNone},
    {"reg:quantileerror", Objective::kSquaredError, Transform::kNone},
    {"reg:expectileerror", Objective::kSquaredError, Transform::kNone},
    {"reg:gamma", Objective::kSquaredError, Transform::kExp, Base::kLog},
    {"reg:tweedie", Objective::kSquaredError, Transform::kExp, Base::kLog},
    {"count:poisson", Objective::kSquaredError, Transform::kExp, Base::kLog},
    {"survival:cox", Objective::kSquaredError, Transform::kExp, Base::kLog},
    {"survival:aft", Objective::kSquaredError, Transform::kExp, Base::kLog},
    {"rank:pairwise", Objective::kSquaredError, Transform::kNone},
    {"rank:ndcg", Objective::kSquaredError, Transform::kNone},
    {"rank:map", Objective::kSquaredError, Transform::kNone},
    {"multi:softprob", Objective::kSoftmax, Transform::kSoftmax, Base::kItself, true},
    {"multi:softmax", Objective::kSquaredError, Transform::kTopClass, Base::kItself, true},
});

Result<const XgboostObjective*> FindObjective(std::string_view name) {
  std::string known;
  for (const XgboostObjective& rule : kXgboostObjectives) {
    if (rule.name == name) return &rule;
    CatTo(known, known.empty() ? "" : ", ", rule.name);
  }
  return Unimplemented("the model's objective is ", Quoted(name), "; evaluated are ", known);
}

Result<float> BaseMargin(const XgboostObjective& rule, float base_score) {
  if (rule.base == Base::kItself) return base_score;
  if (rule.base == Base::kLog) {
    if (base_score > 0.0F) return std::log(base_score);
    return InvalidArgument("the model's base_score is ", base_score, "; ", rule.name, " wants one above 0");
  }
  if (!(base_score > 0.0F && base_score < 1.0F)) {
    return InvalidArgument("the model's base_score is ", base_score, "; ", rule.name,
                           " wants a probability above 0 and below 1");
  }
  return -std::log(1.0F / base_score - 1.0F);
}

/// XGBoost writes its parameters as text. An absent one is `otherwise`.
Result<std::int64_t> Parameter(std::string_view name, const std::string& text, std::int64_t otherwise) {
  if (text.empty()) return otherwise;
  const auto value = ParseInt(text);
  if (!value || *value < 0) return InvalidArgument("the model's ", name, " is ", Quoted(text), ", not a count");
  return *value;
}

/// Version 3 writes one base score for each output, in brackets.
Result<std::vector<float>> BaseScores(const std::string& text) {
  std::string_view digits = text;
  if (digits.starts_with('[') && digits.ends_with(']')) digits = digits.substr(1, digits.size() - 2);
  std::vector<float> scores;
  for (const std::string_view token : Split(digits, ',')) {
    float score = 0;
    const auto parsed = std::from_chars(token.data(), token.data() + token.size(), score);
    if (parsed.ec != std::errc() || parsed.ptr != token.data() + token.size() || !std::isfinite(score)) {
      return InvalidArgument("the model's base_score is ", Quoted(text), ", not a number");
    }
    scores.push_back(score);
  }
  return scores;
}

/// One tree's arrays become nodes.
class XgboostTreeReader {
 public:
  XgboostTreeReader(const XgboostTree& raw, std::uint32_t num_features, float weight, CategorySets& sets,
                    Reached& reached)
      : raw_(raw),
        num_features_(num_features),
        weight_(weight),
        sets_(sets),
        reached_(reached),
        size_(raw.left.size()) {}

  Result<Tree> Read() {
    TRY(CheckSizes());
    TRY(FindCategories());
    TreeBuilder builder(size_, false, reached_);
    Tree tree = TRY(builder.Build(0, [this](std::size_t place, RawNode& node) { return Describe(place, node); }));
    if (raw_.sum_hessian.empty()) return tree;
    for (const std::size_t place : builder.order()) tree.covers.push_back(raw_.sum_hessian[place]);
    return tree;
  }

 private:
  Status CheckSizes() const {
    if (size_ == 0) return InvalidArgument("it has no nodes");
    const std::int64_t leaf_size = TRY(Parameter("size_leaf_vector", raw_.size_leaf_vector, 0));
    if (leaf_size > 1) {
      return Unimplemented("its leaves hold ", leaf_size,
                           " values (multi_strategy multi_output_tree); only one_output_per_tree is evaluated");
    }
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
    const auto all = static_cast<std::int64_t>(raw_.categories.size());
    for (std::size_t split = 0; split < raw_.categories_nodes.size(); ++split) {
      const std::int32_t node = raw_.categories_nodes[split];
      const std::int64_t begin = raw_.categories_segments[split], size = raw_.categories_sizes[split];
      if (node < 0 || static_cast<std::size_t>(node) >= size_) {
        return InvalidArgument("categories_nodes names node ", node, "; it has ", size_);
      }
      if (begin < 0 || size <= 0 || begin > all || size > all - begin) {
        return InvalidArgument("node ", node, ": ", size, " categories from ", begin, " on, of ", all);
      }
      segment_[static_cast<std::size_t>(node)] = static_cast<std::int32_t>(split);
    }
    return Ok();
  }

  Status Describe(std::size_t place, RawNode& node) {
    node.node.value = raw_.split_conditions[place];
    node.leaf = raw_.left[place] == -1;
    if (node.leaf) {
      node.node.value *= weight_;
      return Ok();
    }
    node.left = raw_.left[place];
    node.right = raw_.right[place];
    return DescribeSplit(place, node.node).In(Cat("node ", place));
  }

  Status DescribeSplit(std::size_t place, Node& node) {
    const std::int32_t feature = raw_.split_indices[place];
    if (feature < 0 || static_cast<std::uint32_t>(feature) >= num_features_) {
      return InvalidArgument("it splits feature ", feature, "; the model has ", num_features_, " features");
    }
    node.feature = static_cast<std::uint32_t>(feature);
    node.default_left = raw_.default_left[place] != 0;
    if (!raw_.split_type.empty() && raw_.split_type[place] != 0) return AddCategories(place, node);
    if (!std::isfinite(node.value)) return InvalidArgument("its threshold is ", node.value);
    return Ok();
  }

  Status AddCategories(std::size_t place, Node& node) {
    std::vector<std::int64_t> categories;
    if (segment_[place] != Node::kNone) {
      const auto split = static_cast<std::size_t>(segment_[place]);
      const auto begin = raw_.categories.begin() + raw_.categories_segments[split];
      categories.assign(begin, begin + raw_.categories_sizes[split]);
      categories_read_ += categories.size();
      if (categories_read_ > kCategoriesMax) return ResourceExhausted("it lists more than ", kCategoriesMax);
    }
    CategorySet set{node.feature, node.default_left, {}};
    TRY(FillSet(categories, set));
    node.category_set = sets_.Add(std::move(set));
    node.value = 0;
    return Ok();
  }

  const XgboostTree& raw_;
  const std::uint32_t num_features_;
  const float weight_;  ///< dart's
  CategorySets& sets_;
  Reached& reached_;
  const std::size_t size_;
  std::vector<std::int32_t> segment_;  ///< node -> position in categories_nodes
  std::size_t categories_read_ = 0;
};

Status CheckBooster(const XgboostModel& raw) {
  if (raw.booster != "gbtree" && raw.booster != "dart") {
    return Unimplemented("the model's booster is ", Quoted(raw.booster), "; only gbtree and dart are evaluated");
  }
  if (raw.booster == "dart" && raw.weight_drop.size() != raw.trees.size()) {
    return InvalidArgument("the model has ", raw.trees.size(), " trees and weight_drop for ", raw.weight_drop.size());
  }
  return Ok();
}

/// One for each class, or each target, else 1; every tree names one of them.
Result<std::uint32_t> OutputsOf(const XgboostModel& raw, const XgboostObjective& rule) {
  const std::int64_t classes = TRY(Parameter("num_class", raw.num_class, 0));
  const std::int64_t targets = std::max<std::int64_t>(TRY(Parameter("num_target", raw.num_target, 1)), 1);
  const auto most = static_cast<std::int64_t>(kOutputsMax);
  if (rule.classes ? classes < 2 || classes > most : classes > 1) {
    return InvalidArgument("the model has the objective ", rule.name, " and ", classes, " classes; ",
                           rule.classes ? Cat("2 to ", most, " are read") : std::string("it has one output"));
  }
  if (targets > most || (rule.classes && targets > 1)) {
    return Unimplemented("the model has ", targets, " targets", rule.classes ? " of several classes each" : "",
                         "; evaluated are ", rule.classes ? 1 : most);
  }
  const std::int64_t outputs = rule.classes ? classes : targets;
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
Result<std::size_t> TreesUsed(const XgboostModel& raw, std::int64_t outputs) {
  const auto all = static_cast<std::int64_t>(raw.trees.size());
  const std::int64_t parallel = TRY(Parameter("num_parallel_tree", raw.num_parallel_tree, 1));
  const std::int64_t best = TRY(Parameter("best_iteration", raw.best_iteration, all));
  if (parallel == 0 || best >= all) return raw.trees.size();
  // Both are below 2^31 here unless parallel is absurd; then every tree counts.
  return parallel > all ? raw.trees.size() : static_cast<std::size_t>(std::min((best + 1) * parallel * outputs, all));
}

Status CheckNames(const XgboostModel& raw, std::size_t num_features) {
  for (const auto& [what, names] :
       {std::pair{"feature_names", &raw.feature_names}, {"feature_types", &raw.feature_types}}) {
    if (!names->empty() && names->size() != num_features) {
      return InvalidArgument("the model has ", num_features, " features and ", names->size(), " ", what);
    }
  }
  return Ok();
}

Status FillBase(const XgboostModel& raw, const XgboostObjective& rule, Ensemble& ensemble) {
  const std::vector<float> scores = TRY(BaseScores(raw.base_score));
  if (scores.size() != 1 && scores.size() != ensemble.num_outputs) {
    return InvalidArgument("the model has ", scores.size(), " base scores for ", ensemble.num_outputs, " outputs");
  }
  ensemble.base_score = scores[0];
  ensemble.base_margin = TRY(BaseMargin(rule, scores[0]));
  if (std::all_of(scores.begin(), scores.end(), [&](float score) { return score == scores[0]; })) return Ok();
  for (const float score : scores) ensemble.base_margins.push_back(TRY(BaseMargin(rule, score)));
  return Ok();
}

Status FillHead(XgboostModel& raw, Ensemble& ensemble) {
  TRY(CheckBooster(raw));
  const XgboostObjective* rule = TRY(FindObjective(raw.objective));
  ensemble.objective = rule->kind;
  ensemble.objective_name = rule->name;
  for (const std::int32_t part : raw.version) {
    CatTo(ensemble.library_version, ensemble.library_version.empty() ? "" : ".", part);
  }
  ensemble.epilogue.transform = rule->transform;
  ensemble.num_outputs = TRY(OutputsOf(raw, *rule));
  const std::int64_t features = TRY(Parameter("num_feature", raw.num_feature, 0));
  if (features < 1 || static_cast<std::size_t>(features) > kFeaturesMax) {
    return InvalidArgument("the model's num_feature is ", features, "; 1 to ", kFeaturesMax, " are read");
  }
  ensemble.num_features = static_cast<std::uint32_t>(features);
  TRY(CheckNames(raw, ensemble.num_features));
  ensemble.feature_names = std::move(raw.feature_names);
  ensemble.feature_types = std::move(raw.feature_types);
  return FillBase(raw, *rule, ensemble);
}

}  // namespace

Result<Ensemble> BuildXgboost(XgboostModel raw) {
  Ensemble ensemble;
  TRY(FillHead(raw, ensemble));
  CategorySets sets;
  Reached reached;
  const std::size_t used = TRY(TreesUsed(raw, ensemble.num_outputs));
  for (std::size_t tree = 0; tree < used; ++tree) {
    const float weight = raw.weight_drop.empty() ? 1.0F : raw.weight_drop[tree];
    XgboostTreeReader reader(raw.trees[tree], ensemble.num_features, weight, sets, reached);
    ensemble.trees.push_back(TRY(reader.Read().In(Cat("tree ", tree))));
    ensemble.trees.back().output = static_cast<std::uint32_t>(raw.tree_info[tree]);
    raw.trees[tree] = {};
  }
  ensemble.category_sets = sets.Finish(ensemble.trees);
  return ensemble;
}

}  // namespace mw::forest
