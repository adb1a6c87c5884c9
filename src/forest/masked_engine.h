// One row at a time, every split of a tree compared in one instruction: a register holds the row's bins, each tree
// permutes them to its nodes, compares with its own bins, and the path to the leaf is read off the bits. What a row
// costs does not depend on the data, and a tree is two cache lines and one of its leaves.
//
// For trees of up to six levels over one-byte bins. The processor's instructions are chosen when the engine is made.
// Immutable once made, any thread. Invariant: every offset stays within the arrays, whatever the rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "forest/binned_layout.h"
#include "forest/engine.h"
#include "forest/ensemble.h"
#include "forest/forest.h"
#include "forest/split_inputs.h"

namespace mw::forest {

inline constexpr std::size_t kMaskedLanes = 16;  ///< floats in a register
inline constexpr std::size_t kMaskedPlanesMax = 128;

/// A feature's thresholds are found in two steps: every sixteenth says in which sixteen. NaN behind the last.
struct alignas(64) SixteenThresholds {
  float values[kMaskedLanes];
};

/// Places as in complete_tree.h.
struct alignas(64) MaskedTree {
  std::uint8_t planes[64];  ///< which of the row's bins the node compares
  std::uint8_t bins[64];    ///< goes right above it; less 128, because bytes are compared with their sign
};

template <typename Sum>
struct MaskedLayout {
  /// Nothing when there is no `binned` layout, it has wide bins or more planes, or a tree is deeper.
  static std::shared_ptr<const MaskedLayout> Make(const Ensemble& ensemble, const SplitInputs& inputs,
                                                  std::shared_ptr<const BinnedLayout<Sum>> binned);
  /// Without the binned layout that it shares.
  [[nodiscard]] std::size_t memory_bytes() const {
    return thresholds.size() * sizeof(SixteenThresholds) + trees.size() * sizeof(MaskedTree) +
           leaves.size() * sizeof(Sum);
  }

  std::shared_ptr<const BinnedLayout<Sum>> binned;  ///< features, planes' rules, category sets, outputs, base margins
  std::uint32_t levels = 0;                         ///< of every tree: shorter ones repeat their leaves
  std::vector<SixteenThresholds> thresholds;        ///< of each feature its sixteenths, then sixteen times sixteen
  std::vector<MaskedTree> trees;                    ///< in the binned layout's order
  std::vector<Sum> leaves;                          ///< 2^levels of each tree
};

/// Writes the sums of one row's outputs.
template <typename Sum>
using MaskedRow = void (*)(const MaskedLayout<Sum>& layout, const float* row, Sum* sums);
// Each in a file of its own, to be called where the processor has the instructions.
template <typename Sum>
MaskedRow<Sum> MaskedRowAvx2();
template <typename Sum>
MaskedRow<Sum> MaskedRowAvx512();

template <typename Sum>
class MaskedEngine final : public SumEngine<Sum> {
 public:
  /// `engine` is one of the masked ones. Nothing when there is no layout or the processor lacks the instructions.
  static std::unique_ptr<MaskedEngine> Make(Engine engine, std::shared_ptr<const MaskedLayout<Sum>> layout);

  void AddUp(const float* rows, std::size_t count, Sum* sums) const override;
  [[nodiscard]] std::size_t memory_bytes() const override { return layout_->memory_bytes(); }

 private:
  MaskedEngine(std::shared_ptr<const MaskedLayout<Sum>> layout, MaskedRow<Sum> add_row)
      : layout_(std::move(layout)), add_row_(add_row) {}

  std::shared_ptr<const MaskedLayout<Sum>> layout_;
  MaskedRow<Sum> add_row_;
};

}  // namespace mw::forest
