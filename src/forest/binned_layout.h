// The trees as the binned kernels read them. A feature's value is exactly replaced by the number of its thresholds at
// or below it: its bin, one or two bytes. Every input becomes a plane of bins for a block of rows; a tree is then
// selections between planes and few comparisons, the same for all rows of the block.
//
//   missing   an input of its own for each rule: bin 0 (goes left) or the greatest (goes right)
//   category  an input for each set, by look-up of the category's bit: 0 or the greatest
//
// Trees take one of two forms. Complete (complete_tree.h): what a level compares is selected from its
// 2^l planes, then compared once. Steps: one comparison and one selection for each split, children first, for trees
// that are deep or sparse, as leaf-wise growth makes them.
//
// Immutable once made, any thread. Invariant: every offset stays within the arrays, whatever the rows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "forest/ensemble.h"
#include "forest/split_inputs.h"

namespace mw::forest {

/// Bytes between planes: the widest register.
inline constexpr std::size_t kPlaneBytes = 64;

/// One numeric feature: its thresholds as a search tree, level by level, and its planes.
struct BinnedFeature {
  std::uint32_t column = 0;
  std::uint32_t num_levels = 0;  ///< 2^num_levels - 1 thresholds, the last ones infinite
  /// In BinnedLayout::thresholds. A level has 2^level of them, the first four are filled up to 16.
  std::size_t first_threshold = 0;
  std::uint32_t first_plane = 0, num_planes = 0;
};

struct PlaneRule {
  float missing_max = -1;  ///< a value is there when its size is above this
  bool left = false;       ///< where it goes when missing
};

/// Columns that are read together: four neighbours, or one.
struct ColumnGroup {
  std::uint32_t first_column = 0, num_columns = 1;
  std::uint32_t first_feature = 0, num_features = 0;
};

/// Bit c of 256 says whether code c goes right.
struct CodeBits {
  std::uint8_t bytes[32];
};

/// One comparison and selection of a tree in steps.
struct BinnedStep {
  std::uint32_t plane = 0;            ///< in bytes from the first plane
  std::uint32_t left = 0, right = 0;  ///< slots in bytes: leaf numbers come first, then earlier steps
  std::uint32_t bin = 0;              ///< goes right above it, repeated to fill the word
};

struct BinnedTree {
  std::uint32_t levels = 0;      ///< 2^levels leaves; complete trees: the depth
  std::uint32_t num_steps = 0;   ///< 0 for a complete tree
  std::uint32_t first_node = 0;  ///< in planes, bins and their halves; or in steps
  std::uint32_t first_leaf = 0;
};

/// Each feature's thresholds, ascending and distinct.
std::vector<std::vector<float>> SortedThresholds(const Ensemble& ensemble);
/// How many thresholds of its feature are below the split's: a bin above that goes right. 0 for a category set.
std::uint32_t RankOf(const Node& split, const std::vector<std::vector<float>>& sorted);

struct BinnedOutput {
  std::uint32_t first_tree = 0, num_trees = 0;
};

template <typename Sum>
struct BinnedLayout {
  static constexpr std::uint32_t kDepthMax = 8;
  static constexpr std::size_t kLeavesMax = 256;  ///< of a tree in steps
  static constexpr std::size_t kThresholdsMax = 65'534;
  static constexpr std::size_t kThresholdsOfByteMax = 254;
  static constexpr std::uint32_t kCategoryMax = 253;

  /// Nothing when a tree is deeper than kDepthMax and has more leaves than kLeavesMax, a feature has more thresholds,
  /// or a category is greater than the limits above.
  static std::shared_ptr<const BinnedLayout> Make(const Ensemble& ensemble, const SplitInputs& inputs);

  bool wide_bins = false;  ///< two bytes
  CategoryRule category_rule = CategoryRule::kFloor;
  std::size_t num_features = 0;
  std::size_t num_planes = 0;
  std::uint32_t slots_max = 0;   ///< of all trees in steps
  std::uint32_t leaves_max = 0;  ///< the same
  std::vector<ColumnGroup> groups;
  std::vector<BinnedFeature> features;
  std::vector<PlaneRule> plane_rules;
  std::vector<float> thresholds;
  std::vector<CategoryFeature> categorical;
  std::vector<CodeBits> set_bits;
  std::vector<BinnedTree> trees;
  std::vector<BinnedOutput> outputs;
  std::vector<Sum> base_margins;      ///< of each output
  std::vector<std::uint32_t> planes;  ///< complete trees: in bytes from the first plane
  std::vector<std::uint8_t> bins;     ///< less 128, because bytes are compared with their sign
  std::vector<std::uint16_t> words;   ///< wide bins, less 2^15, and their halves
  std::vector<std::uint8_t> low_halves, high_halves;
  std::vector<BinnedStep> steps;
  std::vector<Sum> leaves;

  [[nodiscard]] std::size_t memory_bytes() const {
    const auto bytes = [](const auto&... of) { return (... + (of.capacity() * sizeof(of[0]))); };
    return bytes(groups, features, plane_rules, thresholds, categorical, set_bits, trees, planes, bins, words,
                 low_halves, high_halves, steps, leaves);
  }
};

}  // namespace mw::forest
