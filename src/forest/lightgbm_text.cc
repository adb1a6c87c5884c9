// Lines of `key=value`: a head, then blocks of one tree each.
#include "forest/lightgbm_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "forest/limits.h"
#include "forest/thresholds.h"
#include "forest/tree_builder.h"

namespace mw::forest {
namespace {

// LightGBM's decision_type.
constexpr int kCategoricalBit = 1, kDefaultLeftBit = 2, kMissingShift = 2, kMissingMask = 3;
constexpr int kMissingNone = 0, kMissingZero = 1, kMissingNan = 2;

/// One line after the other.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  [[nodiscard]] bool AtEnd() const { return at_ >= text_.size(); }
  [[nodiscard]] std::string_view Peek() const {
    std::string_view line = text_.substr(at_, text_.find('\n', at_) - at_);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  std::string_view Next() {
    const std::string_view line = Peek();
    const std::size_t end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end + 1;
    return line;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

struct KeyValue {
  std::string_view key, value;
};

/// A line without "=" is a key alone.
KeyValue SplitLine(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return {line, {}};
  return {line.substr(0, equals), line.substr(equals + 1)};
}

template <typename T>
Status ReadNumbers(std::string_view key, std::string_view text, std::vector<T>& out) {
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    T value{};
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + at, end, value);
    if (parsed.ec != std::errc() || (parsed.ptr != end && *parsed.ptr != ' ')) {
      return InvalidArgument(key, " has ", Quoted(text.substr(at, 24)), " where a number belongs");
    }
    out.push_back(value);
    at = static_cast<std::size_t>(parsed.ptr - text.data());
  }
  return Ok();
}

/// One tree's arrays, as the file has them.
struct RawTree {
  std::vector<std::int32_t> num_leaves, num_cat, is_linear, split_feature, decision_type, left, right;
  std::vector<double> threshold, leaf_value, leaf_count, internal_count;
  std::vector<std::int64_t> cat_boundaries, cat_threshold;
};

Status ReadTreeLine(const KeyValue& line, RawTree& tree) {
  const auto numbers = [&](auto& out) { return ReadNumbers(line.key, line.value, out); };
  if (line.key == "num_leaves") return numbers(tree.num_leaves);
  if (line.key == "num_cat") return numbers(tree.num_cat);
  if (line.key == "is_linear") return numbers(tree.is_linear);
  if (line.key == "split_feature") return numbers(tree.split_feature);
  if (line.key == "decision_type") return numbers(tree.decision_type);
  if (line.key == "left_child") return numbers(tree.left);
  if (line.key == "right_child") return numbers(tree.right);
  if (line.key == "threshold") return numbers(tree.threshold);
  if (line.key == "leaf_value") return numbers(tree.leaf_value);
  if (line.key == "leaf_count") return numbers(tree.leaf_count);
  if (line.key == "internal_count") return numbers(tree.internal_count);
  if (line.key == "cat_boundaries") return numbers(tree.cat_boundaries);
  if (line.key == "cat_threshold") return numbers(tree.cat_threshold);
  return Ok();
}

/// One tree's arrays become nodes: its splits first, then its leaves.
class LightgbmTreeReader {
 public:
  LightgbmTreeReader(const RawTree& raw, std::uint32_t num_features, CategorySets& sets, Reached& reached,
                     std::size_t& categories_read)
      : raw_(raw),
        num_features_(num_features),
        sets_(sets),
        reached_(reached),
        categories_read_(categories_read),
        splits_(raw.split_feature.size()) {}

  Result<Tree> Read() {
    TRY(CheckSizes());
    TreeBuilder builder(splits_ + raw_.leaf_value.size(), true, reached_);
    const std::int64_t root = splits_ > 0 ? 0 : PlaceOf(-1);
    Tree tree = TRY(builder.Build(root, [this](std::size_t place, RawNode& node) { return Describe(place, node); }));
    if (raw_.leaf_count.size() != raw_.leaf_value.size() || raw_.internal_count.size() != splits_) return tree;
    for (const std::size_t place : builder.order()) {
      tree.covers.push_back(
          static_cast<float>(place < splits_ ? raw_.internal_count[place] : raw_.leaf_count[place - splits_]));
    }
    return tree;
  }

 private:
  Status CheckSizes() const {
    if (!raw_.is_linear.empty() && raw_.is_linear[0] != 0) {
      return Unimplemented("it is a linear tree (linear_tree=true); only constant leaves are evaluated");
    }
    if (raw_.num_leaves.size() != 1 || raw_.leaf_value.size() != static_cast<std::size_t>(raw_.num_leaves[0])) {
      return InvalidArgument("it has ", raw_.leaf_value.size(), " leaf values, which is not its num_leaves");
    }
    const bool same = splits_ + 1 == raw_.leaf_value.size() && raw_.threshold.size() == splits_ &&
                      raw_.left.size() == splits_ && raw_.right.size() == splits_ &&
                      (raw_.decision_type.size() == splits_ || raw_.decision_type.empty());
    if (!same) return InvalidArgument("its arrays have different lengths; split_feature has ", splits_);
    return Ok();
  }

  /// Children count splits from 0 on and leaves from -1 downwards.
  [[nodiscard]] std::int64_t PlaceOf(std::int64_t child) const {
    return child >= 0 ? child : static_cast<std::int64_t>(splits_) - 1 - child;
  }

  Status Describe(std::size_t place, RawNode& node) {
    node.leaf = place >= splits_;
    if (node.leaf) {
      node.leaf_value = raw_.leaf_value[place - splits_];
      node.node.value = static_cast<float>(node.leaf_value);
      return Ok();
    }
    if (raw_.left[place] >= static_cast<std::int64_t>(splits_) ||
        raw_.right[place] >= static_cast<std::int64_t>(splits_)) {
      return InvalidArgument("split ", place, " has a child beyond the ", splits_, " splits");
    }
    node.left = PlaceOf(raw_.left[place]);
    node.right = PlaceOf(raw_.right[place]);
    return DescribeSplit(place, node).In(Cat("split ", place));
  }

  Status DescribeSplit(std::size_t place, RawNode& node) {
    const std::int32_t feature = raw_.split_feature[place];
    if (feature < 0 || static_cast<std::uint32_t>(feature) >= num_features_) {
      return InvalidArgument("it splits feature ", feature, "; the model has ", num_features_, " features");
    }
    node.node.feature = static_cast<std::uint32_t>(feature);
    const int type = raw_.decision_type.empty() ? 0 : raw_.decision_type[place];
    if ((type & kCategoricalBit) != 0) return AddCategories(place, node);
    return AddThreshold(raw_.threshold[place], type, node.node);
  }

  static Status AddThreshold(double threshold, int type, Node& node) {
    // Infinity parts the rows that have a value from those that lack it. (A value that is infinite itself would go
    // right here and left in LightGBM; no row of a request holds one.)
    if (std::isnan(threshold)) return InvalidArgument("its threshold is ", threshold);
    const int missing = (type >> kMissingShift) & kMissingMask;
    if (missing > kMissingNan) return InvalidArgument("its decision_type ", type, " has no missing type");
    node.value = BelowForAtOrBelow(threshold);
    // Without a missing type NaN counts as 0.
    node.default_left = missing == kMissingNone ? 0.0 <= threshold : (type & kDefaultLeftBit) != 0;
    node.zero_is_missing = missing == kMissingZero;
    return Ok();
  }

  /// The bits that are set go left in the file, everything else right, missing values too: both sides change places.
  Status AddCategories(std::size_t place, RawNode& node) {
    const double set_number = raw_.threshold[place];
    const auto num_sets = static_cast<double>(raw_.cat_boundaries.size()) - 1;
    if (!(set_number >= 0 && set_number < num_sets)) return InvalidArgument("there is no category set ", set_number);
    const auto set = static_cast<std::size_t>(set_number);
    const std::int64_t begin = raw_.cat_boundaries[set], end = raw_.cat_boundaries[set + 1];
    if (begin < 0 || end < begin || end > static_cast<std::int64_t>(raw_.cat_threshold.size())) {
      return InvalidArgument("category set ", set, " is words ", begin, " to ", end, " of ", raw_.cat_threshold.size());
    }
    std::vector<std::int64_t> categories;
    for (std::int64_t word = begin; word < end; ++word) {
      const std::int64_t bits = raw_.cat_threshold[static_cast<std::size_t>(word)];
      if (bits < 0 || bits > 0xFFFFFFFFLL) return InvalidArgument("a category word is ", bits);
      for (auto left = static_cast<std::uint32_t>(bits); left != 0; left &= left - 1) {
        categories.push_back((word - begin) * 32 + std::countr_zero(left));
      }
      if (categories_read_ + categories.size() > kCategoriesMax) {
        return ResourceExhausted("the model lists more than ", kCategoriesMax, " categories");
      }
    }
    categories_read_ += categories.size();
    CategorySet added{node.node.feature, true, {}};
    TRY(FillSet(categories, added));
    node.node.category_set = sets_.Add(std::move(added));
    node.node.default_left = true;
    std::swap(node.left, node.right);
    return Ok();
  }

  const RawTree& raw_;
  const std::uint32_t num_features_;
  CategorySets& sets_;
  Reached& reached_;
  std::size_t& categories_read_;
  const std::size_t splits_;
};

struct LightgbmObjective {
  std::string_view name;
  Objective kind;
  Transform transform;
};

constexpr std::array kLightgbmObjectives = std::to_array<LightgbmObjective>({
    {"", Objective::kSquaredError, Transform::kNone},
    {"custom", Objective::kSquaredError, Transform::kNone},
    {"regression", Objective::kSquaredError, Transform::kNone},
    {"regression_l1", Objective::kSquaredError, Transform::kNone},
    {"huber", Objective::kSquaredError, Transform::kNone},
    {"fair", Objective::kSquaredError, Transform::kNone},
    {"quantile", Objective::kSquaredError, Transform::kNone},
    {"mape", Objective::kSquaredError, Transform::kNone},
    {"poisson", Objective::kSquaredError, Transform::kExp},
    {"gamma", Objective::kSquaredError, Transform::kExp},
    {"tweedie", Objective::kSquaredError, Transform::kExp},
    {"binary", Objective::kLogistic, Transform::kSteepSigmoid},
    {"multiclass", Objective::kSoftmax, Transform::kLightgbmSoftmax},
    {"multiclassova", Objective::kSoftmax, Transform::kSteepSigmoid},
    {"cross_entropy", Objective::kLogistic, Transform::kSteepSigmoid},
    {"cross_entropy_lambda", Objective::kSquaredError, Transform::kLogOnePlusExp},
    {"lambdarank", Objective::kSquaredError, Transform::kNone},
    {"rank_xendcg", Objective::kSquaredError, Transform::kNone},
});

Status SetObjective(std::string_view text, Ensemble& ensemble) {
  const std::vector<std::string_view> words = Split(Trim(text), ' ');
  const auto rule = std::find_if(kLightgbmObjectives.begin(), kLightgbmObjectives.end(),
                                 [&](const LightgbmObjective& known) { return known.name == words[0]; });
  if (rule == kLightgbmObjectives.end()) {
    return Unimplemented("the model's objective is ", Quoted(words[0]), ", which is not evaluated");
  }
  ensemble.objective = rule->kind;
  ensemble.objective_name = Trim(text);
  ensemble.epilogue.transform = rule->transform;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "sqrt") ensemble.epilogue.transform = Transform::kSignedSquare;
    if (!words[i].starts_with("sigmoid:")) continue;
    const auto steepness = ParseDouble(words[i].substr(8));
    if (!steepness || !(*steepness > 0)) return InvalidArgument("the objective has ", Quoted(words[i]));
    ensemble.epilogue.steepness = *steepness;
  }
  return Ok();
}

class ModelReader {
 public:
  explicit ModelReader(std::string_view text) : lines_(text) {}

  Result<Ensemble> Read() {
    if (Trim(lines_.Next()) != "tree") {
      return InvalidArgument("the model is not LightGBM's text: its first line is not \"tree\"");
    }
    ensemble_.double_precision = true;
    ensemble_.category_rule = CategoryRule::kTruncate;
    ensemble_.base_score = 0;
    TRY(ReadHead());
    TRY(ReadTrees());
    if (ensemble_.trees.size() % ensemble_.num_outputs != 0) {
      return InvalidArgument("the model has ", ensemble_.trees.size(), " trees for ", ensemble_.num_outputs,
                             " outputs");
    }
    if (average_) {
      ensemble_.epilogue.divisor = static_cast<double>(ensemble_.trees.size() / ensemble_.num_outputs);
      ensemble_.epilogue.divide_margins = false;
    }
    ensemble_.category_sets = sets_.Finish(ensemble_.trees);
    return std::move(ensemble_);
  }

 private:
  [[nodiscard]] bool AtTree() const { return lines_.Peek().starts_with("Tree="); }
  [[nodiscard]] bool AtEndOfTrees() const { return lines_.AtEnd() || lines_.Peek() == "end of trees"; }

  Status ReadHead() {
    std::string_view names, objective;
    while (!AtEndOfTrees() && !AtTree()) {
      const KeyValue line = SplitLine(lines_.Next());
      if (line.key == "feature_names") names = line.value;
      if (line.key == "objective") objective = line.value;
      if (line.key == "average_output") average_ = true;
      if (line.key == "max_feature_idx") TRY(ReadCount(line, 0, kFeaturesMax - 1, ensemble_.num_features));
      if (line.key == "num_tree_per_iteration") TRY(ReadCount(line, 1, kOutputsMax, ensemble_.num_outputs));
      has_features_ |= line.key == "max_feature_idx";
    }
    if (!has_features_) return InvalidArgument("the model is not LightGBM's text: it has no max_feature_idx");
    ++ensemble_.num_features;
    TRY(SetObjective(objective, ensemble_));
    for (const std::string_view name : Split(Trim(names), ' ')) ensemble_.feature_names.emplace_back(name);
    if (ensemble_.feature_names.size() != ensemble_.num_features) {
      return InvalidArgument("the model has ", ensemble_.num_features, " features and ", ensemble_.feature_names.size(),
                             " feature_names");
    }
    return Ok();
  }

  static Status ReadCount(const KeyValue& line, std::uint64_t least, std::uint64_t most, std::uint32_t& out) {
    const auto value = ParseInt(line.value);
    if (!value || *value < static_cast<std::int64_t>(least) || *value > static_cast<std::int64_t>(most)) {
      return InvalidArgument("the model's ", line.key, " is ", Quoted(line.value), "; ", least, " to ", most,
                             " are read");
    }
    out = static_cast<std::uint32_t>(*value);
    return Ok();
  }

  Status ReadTrees() {
    while (!AtEndOfTrees()) {
      if (!AtTree()) {
        lines_.Next();
        continue;
      }
      const std::size_t number = ensemble_.trees.size();
      if (number == kTreesMax) return ResourceExhausted("the model has more than ", kTreesMax, " trees");
      TRY(ReadTree().In(Cat("tree ", number)));
      ensemble_.trees.back().output = static_cast<std::uint32_t>(number % ensemble_.num_outputs);
    }
    if (lines_.AtEnd()) return InvalidArgument("the model ends without \"end of trees\": it was cut off");
    return Ok();
  }

  Status ReadTree() {
    lines_.Next();
    RawTree raw;
    while (!AtEndOfTrees() && !AtTree()) TRY(ReadTreeLine(SplitLine(lines_.Next()), raw));
    num_nodes_ += raw.leaf_value.size() + raw.split_feature.size();
    if (num_nodes_ > kNodesMax) return ResourceExhausted("the model has more than ", kNodesMax, " nodes");
    LightgbmTreeReader reader(raw, ensemble_.num_features, sets_, reached_, categories_read_);
    ensemble_.trees.push_back(TRY(reader.Read()));
    return Ok();
  }

  Lines lines_;
  Ensemble ensemble_;
  CategorySets sets_;
  Reached reached_;
  std::size_t num_nodes_ = 0;
  std::size_t categories_read_ = 0;
  bool average_ = false;
  bool has_features_ = false;
};

}  // namespace

Result<Ensemble> ParseLightgbmText(std::string_view text) {
  if (text.size() > kModelBytesMax) {
    return ResourceExhausted("the model has ", text.size(), " bytes; at most ", kModelBytesMax);
  }
  return ModelReader(text).Read();
}

}  // namespace mw::forest
