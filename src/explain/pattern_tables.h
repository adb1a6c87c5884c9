// The fast way to the Shapley values of a tree: all answers beforehand. Neighbouring leaves form a group
// (a small subtree and the path to it); which way a row goes at the group's conditions is a pattern of at
// most 8 bits, and a table holds for each pattern what the group adds to each of its features. A row then
// costs one look-up for each group, for a tree of depth 6 sixteen of seven numbers. Rows come in blocks of
// 64: conditions are evaluated for all of them at once, and a group's table is read while it is in cache.
//
// Owner: TreeShap. Immutable after the last Add, any thread (each with a Scratch of its own).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "explain/path_game.h"
#include "forest/ensemble.h"

namespace mw::explain {

class PatternTables {
 public:
  static constexpr std::size_t kRowsAtOnce = 64;
  static constexpr std::size_t kBitsMax = 8;
  static constexpr std::size_t kSplitsMax = 1'023;    ///< of one tree
  static constexpr std::size_t kCategoryMax = 4'094;  ///< the greatest that a set may list

  /// A byte for each row of a block: 0 or 255.
  struct alignas(64) Mask {
    std::uint8_t rows[kRowsAtOnce];
  };
  struct Scratch {
    std::vector<float> columns;
    std::vector<std::uint16_t> codes;
    std::vector<Mask> masks;
  };

  /// Tables for one tree of the ensemble, whose covers are good (cover.h); `game` is able to play its paths. False, and
  /// nothing added, when the tree exceeds the limits above or all tables together would exceed `bytes_max`.
  bool Add(const forest::Ensemble& ensemble, const forest::Tree& tree, const PathGame& game, std::size_t bytes_max);

  /// Adds the values of all trees to `phi`: `count` <= kRowsAtOnce rows of `width` numbers.
  void AddValues(const float* rows, std::size_t count, std::size_t num_features, Scratch& scratch, double* phi,
                 std::size_t width) const;

  [[nodiscard]] std::size_t num_trees() const { return trees_.size(); }
  [[nodiscard]] std::size_t bytes() const { return table_.size() * sizeof(double); }

 private:
  struct Split {
    std::uint32_t column = 0;  ///< in Scratch::columns, or in Scratch::codes for a category set
    float threshold = 0;
    bool default_left = false;
    bool by_category = false;
    std::size_t first_code = 0;  ///< in code_left_
    std::uint32_t num_codes = 0;
  };
  /// One bit of a pattern is set when all its literals hold: masks of the tree, 2 * split + (1 for "goes right").
  struct Bit {
    std::uint32_t first_literal = 0;
    std::uint32_t num_literals = 0;
  };
  struct Group {
    std::size_t table = 0;  ///< 2^num_bits rows of num_features numbers
    std::uint32_t first_bit = 0;
    std::uint8_t num_bits = 0;
    std::uint8_t num_features = 0;
    std::uint32_t features[kBitsMax] = {};
  };
  struct TabledTree {
    std::size_t first_split = 0, num_splits = 0;
    std::size_t first_group = 0, num_groups = 0;
  };

  void AddSplit(const forest::Ensemble& ensemble, const forest::Node& node);
  void LoadBlock(const float* rows, std::size_t count, std::size_t num_features, Scratch& scratch) const;
  // For the first kLanes rows of a block: all of them, or fewer when there are only a few.
  template <std::size_t kLanes>
  void AddTrees(Scratch& scratch, std::size_t count, double* phi, std::size_t width) const;
  template <std::size_t kLanes>
  void Evaluate(const Split& split, const Scratch& scratch, Mask* masks) const;
  template <std::size_t kLanes>
  void AddGroup(const Group& group, const Mask* masks, std::size_t count, double* phi, std::size_t width) const;

  std::vector<std::uint32_t> number_columns_, category_columns_;  ///< column -> feature
  std::vector<std::uint8_t> code_left_;  ///< by code: 255 when it goes left. Code 0 is missing, 1 + c category c
  std::vector<Split> splits_;
  std::vector<std::uint32_t> literals_;
  std::vector<Bit> bits_;
  std::vector<Group> groups_;
  std::vector<TabledTree> trees_;
  std::vector<double> table_;
};

}  // namespace mw::explain
