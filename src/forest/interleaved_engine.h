// One row through eight trees at a time, without a branch that depends on the data: each step loads a
// node, compares, and adds the outcome to the index of the left child. Eight independent chains keep the
// processor busy where one would wait for memory.
//
// Values are compared as integers of the same order, which is quicker. A leaf points at itself and
// compares with an input that is never greater, so short trees simply stay where they are until the
// deepest of the eight is done. Immutable after Make, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "forest/ensemble.h"
#include "forest/split_inputs.h"

namespace mw::forest {

class InterleavedEngine {
 public:
  /// Nothing when a tree has more than 65,536 nodes, the forest more than 65,535 inputs, or its category
  /// tables would take more than 16 MiB.
  static std::optional<InterleavedEngine> Make(const Ensemble& ensemble, const SplitInputs& inputs);

  /// `rows`: count x num_features. Writes `count` margins.
  void Margins(const float* rows, std::size_t count, float* margins) const;

 private:
  struct PackedNode {
    std::int32_t value;   ///< goes right above it; leaves: the bits of their value
    std::uint16_t input;  ///< leaves: the last one, the least of all integers
    std::uint16_t left;   ///< so many nodes further on; leaves: 0
  };
  /// Eight trees: where each begins in nodes_, how deep the deepest is, and how many are real.
  struct Group {
    std::uint32_t begin[8];
    std::uint32_t depth;
    std::uint32_t count;
  };
  /// One categorical feature: a row of 0s and 1s (1 goes right) for each of its sets, by category.
  struct CategoryTable {
    std::uint32_t feature;
    std::uint32_t num_codes;  ///< rows [0, num_codes) are categories; then "anything else", then "missing"
    std::size_t first_input;
    std::size_t num_sets;
    std::vector<std::int32_t> outcomes;  ///< (num_codes + 2) x num_sets

    [[nodiscard]] const std::int32_t* Outcomes(float value) const;
  };

  InterleavedEngine() = default;
  void AddTree(const Tree& tree, const SplitInputs& inputs);
  void AddTable(const Ensemble& ensemble, const CategoryFeature& feature);
  void FillInputs(const float* row, std::int32_t* inputs) const;
  float Margin(const std::int32_t* inputs) const;

  std::size_t num_features_ = 0;
  float base_margin_ = 0;
  std::vector<NumericInput> numeric_;
  std::vector<CategoryTable> tables_;
  std::size_t num_inputs_ = 0;  ///< with the leaves' input at the end
  std::vector<PackedNode> nodes_;
  std::vector<Group> groups_;
};

}  // namespace mw::forest
