// One row through eight trees at a time, without a branch that depends on the data: each step loads a
// node, compares, and adds the outcome to the index of the left child. Eight independent chains keep the
// processor busy where one would wait for memory.
//
// Values are compared as integers of the same order, which is quicker. A leaf points at itself and
// compares with an input that is never greater, so short trees simply stay where they are until the
// deepest of the eight is done. Immutable after Make, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "forest/engine.h"
#include "forest/ensemble.h"
#include "forest/split_inputs.h"

namespace mw::forest {

template <typename Sum>
class InterleavedEngine final : public SumEngine<Sum> {
 public:
  /// Nothing when a tree has more than 65,536 nodes, the forest more than 65,535 inputs, or its category
  /// tables would take more than 16 MiB.
  static std::unique_ptr<InterleavedEngine> Make(const Ensemble& ensemble, const SplitInputs& inputs);

  void AddUp(const float* rows, std::size_t count, Sum* sums) const override;
  [[nodiscard]] std::size_t memory_bytes() const override;

 private:
  static constexpr std::size_t kTreesAtOnce = 8;

  struct PackedNode {
    std::int32_t value;   ///< goes right above it; leaves: the bits of their value, or their place in leaves_
    std::uint16_t input;  ///< leaves: the last one, the least of all integers
    std::uint16_t left;   ///< so many nodes further on; leaves: 0
  };
  /// Eight trees of one output: where each begins in nodes_, how deep the deepest is, and how many are real.
  struct Group {
    std::uint32_t begin[kTreesAtOnce];
    std::uint32_t depth;
    std::uint32_t count;
    std::uint32_t output;
  };
  /// One categorical feature: a row of 0s and 1s (1 goes right) for each of its sets, by CategoryFeature::TableRow.
  struct CategoryTable {
    CategoryFeature feature;
    std::size_t first_input;
    std::vector<std::int32_t> outcomes;
  };

  InterleavedEngine() = default;
  void AddTree(const Tree& tree, const SplitInputs& inputs);
  PackedNode Packed(const Tree& tree, std::size_t at, const SplitInputs& inputs);
  void AddTable(const Ensemble& ensemble, const CategoryFeature& feature);
  void FillInputs(const float* row, std::int32_t* inputs) const;
  void AddGroups(const std::int32_t* inputs, Sum* sums) const;
  [[nodiscard]] Sum LeafValue(std::size_t node) const;

  std::size_t num_features_ = 0;
  CategoryRule category_rule_ = CategoryRule::kFloor;
  std::vector<Sum> base_margins_;  ///< of each output
  std::vector<NumericInput> numeric_;
  std::vector<CategoryTable> tables_;
  std::size_t num_inputs_ = 0;  ///< with the leaves' input at the end
  std::vector<PackedNode> nodes_;
  std::vector<double> leaves_;  ///< where sums are doubles
  std::vector<Group> groups_;
};

}  // namespace mw::forest
