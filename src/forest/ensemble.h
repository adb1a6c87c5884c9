// The trees of a model as plain values: what the parsers make and the engines lay out anew.
//
// Owner: Forest. Immutable once parsed, any thread.
// Invariant: every tree is a tree (node 0 its root, children adjacent and behind their parent, no node
// reached twice), every feature is in [0, num_features), every category set and every output exists, no
// threshold is NaN, leaf values are finite.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "forest/forest.h"
#include "forest/transform.h"

namespace mw::forest {

/// Which category a value stands for.
enum class CategoryRule : std::uint8_t {
  kFloor,     ///< XGBoost: its fraction is cut off; negative values and those from 2^24 on are none
  kTruncate,  ///< LightGBM: its fraction is cut off, so that -0.5 is category 0
  kExact,     ///< ONNX: equal to it, or none
};

/// The categories that go right; everything else goes left, also a value that is no category. Only missing
/// values follow default_left.
struct CategorySet {
  std::uint32_t feature = 0;
  bool default_left = false;
  std::vector<std::uint32_t> right;  ///< sorted, no doubles, not empty, below kCategoryEnd

  auto operator<=>(const CategorySet&) const = default;
};

struct Node {
  static constexpr std::int32_t kNone = -1;

  float value = 0;  ///< a leaf's value, or a split's threshold: below it goes left
  std::uint32_t feature = 0;
  std::int32_t left = kNone;          ///< kNone for a leaf; the right child is left + 1
  std::int32_t category_set = kNone;  ///< kNone for a numeric split
  bool default_left = false;
  bool zero_is_missing = false;  ///< numeric splits of LightGBM: values within kZeroMax of 0 follow default_left too

  [[nodiscard]] bool IsLeaf() const { return left == kNone; }
};

/// LightGBM's zero.
inline constexpr float kZeroMax = 1e-35F;

struct Tree {
  std::vector<Node> nodes;  ///< level by level
  /// The leaves' values by node where sums are doubles (Node::value is then the nearest float); else empty.
  std::vector<double> leaf_values;
  /// For each node the second derivatives of the training rows that reached it, summed: how often a split goes either
  /// way. Empty when the file has none; as the file has them otherwise, unchecked.
  std::vector<float> covers;
  std::uint32_t depth = 0;   ///< 0 for a single leaf
  std::uint32_t output = 0;  ///< which sum its leaves belong to: the class, for several

  template <typename Sum>
  [[nodiscard]] Sum LeafValue(std::size_t node) const {
    if constexpr (std::is_same_v<Sum, double>) return leaf_values[node];
    return nodes[node].value;
  }
};

struct Ensemble {
  std::vector<Tree> trees;
  std::vector<CategorySet> category_sets;  ///< ordered by feature, no doubles
  CategoryRule category_rule = CategoryRule::kFloor;
  bool double_precision = false;  ///< sums and predictions are doubles
  std::uint32_t num_features = 0;
  std::uint32_t num_outputs = 1;  ///< sums of leaves for each row; more than one for several classes or targets
  std::vector<std::string> feature_names;
  std::vector<std::string> feature_types;
  std::vector<std::string> class_labels;  ///< empty when the file names none
  std::vector<std::string> output_names;  ///< of the predictions' tensor; empty when the file names none
  Objective objective = Objective::kLogistic;
  std::string objective_name;
  std::string library_version;  ///< "2.1.4"; empty when the file does not say
  float base_score = 0.5F;
  float base_margin = 0;                 ///< where sums start
  std::vector<float> base_margins = {};  ///< the same for each output where they differ; else empty
  Epilogue epilogue;                     ///< what becomes of the sums

  [[nodiscard]] float BaseMargin(std::size_t output) const {
    return base_margins.empty() ? base_margin : base_margins[output];
  }
};

/// The trees of one output with the category sets that they use: an ensemble of its own, whose sums are that
/// output's bit by bit.
Ensemble OneOutput(const Ensemble& all, std::uint32_t output);

/// Values from here on are no category.
inline constexpr float kCategoryEnd = 16'777'216.0F;

inline bool IsCategory(float value, CategoryRule rule = CategoryRule::kFloor) {
  switch (rule) {
    case CategoryRule::kFloor: return value >= 0.0F && value < kCategoryEnd;
    case CategoryRule::kTruncate: return value > -1.0F && value < kCategoryEnd;
    case CategoryRule::kExact:
      return value >= 0.0F && value < kCategoryEnd && value == static_cast<float>(static_cast<std::uint32_t>(value));
  }
  return false;
}
/// The category of a value for which IsCategory holds.
inline std::uint32_t CategoryOf(float value) { return static_cast<std::uint32_t>(static_cast<std::int32_t>(value)); }

}  // namespace mw::forest
