// The trees of a model as plain values: what the parser makes and the engines lay out anew.
//
// Owner: Forest. Immutable once parsed, any thread.
// Invariant: every tree is a tree (node 0 its root, children adjacent and behind their parent, no node
// reached twice), every feature is in [0, num_features), every category set and every output exists,
// thresholds and leaf values are finite.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "forest/forest.h"

namespace mw::forest {

/// The categories that go right; everything else goes left, also a value that is no category (see
/// IsCategory). Only missing values follow default_left.
struct CategorySet {
  std::uint32_t feature = 0;
  bool default_left = false;
  std::vector<std::uint32_t> right;  ///< sorted, no doubles

  auto operator<=>(const CategorySet&) const = default;
};

struct Node {
  static constexpr std::int32_t kNone = -1;

  float value = 0;  ///< a leaf's value, or a split's threshold: below it goes left
  std::uint32_t feature = 0;
  std::int32_t left = kNone;          ///< kNone for a leaf; the right child is left + 1
  std::int32_t category_set = kNone;  ///< kNone for a numeric split
  bool default_left = false;

  [[nodiscard]] bool IsLeaf() const { return left == kNone; }
};

struct Tree {
  std::vector<Node> nodes;  ///< level by level
  /// For each node the second derivatives of the training rows that reached it, summed: how often a split goes either
  /// way. Empty when the file has none; as the file has them otherwise, unchecked.
  std::vector<float> covers;
  std::uint32_t depth = 0;   ///< 0 for a single leaf
  std::uint32_t output = 0;  ///< which sum its leaves belong to: the class, for several
};

struct Ensemble {
  std::vector<Tree> trees;
  std::vector<CategorySet> category_sets;  ///< ordered by feature, no doubles
  std::uint32_t num_features = 0;
  std::uint32_t num_outputs = 1;  ///< sums of leaves for each row; more than one for several classes
  std::vector<std::string> feature_names;
  std::vector<std::string> feature_types;
  Objective objective = Objective::kLogistic;
  float base_score = 0.5F;
  float base_margin = 0;  ///< base_score before the objective's transformation: where sums start
};

/// The trees of one output with the category sets that they use: an ensemble of its own, whose margins are that
/// output's bit by bit.
Ensemble OneOutput(const Ensemble& all, std::uint32_t output);

/// Values from here on are no category for XGBoost, nor are negative ones; fractions are cut off.
inline constexpr float kCategoryEnd = 16'777'216.0F;

inline bool IsCategory(float value) { return value >= 0.0F && value < kCategoryEnd; }

}  // namespace mw::forest
