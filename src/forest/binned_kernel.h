// The binned kernels' common part, a template over the register at hand (Isa). Included by one file for each
// instruction set, which defines MW_TARGET first; plain pointers and loops only, so that no other inline function is
// compiled for instructions that the processor may lack. Pure, any thread.
//
// Isa, for R rows in a register of bins:
//   Vec, Mask               bins; where a row goes right
//   kRows, Bin
//   Load, Store, Splat(bin repeated in a word)
//   Right(value, bin)       value > bin, with their sign
//   Select(mask, right, left)
//   Next(index, mask)       2 * index + mask
//   Bins<level>(tables, index, masks)   each row's bin of the nodes [2^level, 2^(level+1))
//   Count(level, num_levels, column)    how many thresholds are at or below each value
//   WithMissing(count, column, rule)    a plane: bins where values are there, the rule's end where not, biased
//   SetPlane(codes, bits)   a plane from 256 bits, biased
//   AddLeaves<levels>(leaves, index, sums)
#pragma once

#include <immintrin.h>

#include "forest/binned_engine.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes its own _mm512_undefined for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define MW_KERNEL MW_TARGET __attribute__((always_inline)) inline

namespace mw::forest {
namespace {

/// A tree's bins in the forms that registers want.
struct BinTables {
  const std::uint8_t* bytes;
  const std::uint16_t* words;
  const std::uint8_t* low;
  const std::uint8_t* high;
};

/// R rows of a group's columns, one column after the other. Rows beyond `count` repeat the last one.
template <std::size_t kRows>
MW_KERNEL void LoadColumns(const ColumnGroup& group, const float* rows, std::size_t stride, std::size_t count,
                           float* columns) {
  const float* from = rows + group.first_column;
  const std::size_t last = count - 1;
  if (group.num_columns == 1) {
    for (std::size_t row = 0; row < kRows; ++row) columns[row] = from[(row < last ? row : last) * stride];
    return;
  }
  for (std::size_t row = 0; row < kRows; row += 4) {
    __m128 r0 = _mm_loadu_ps(from + (row < last ? row : last) * stride);
    __m128 r1 = _mm_loadu_ps(from + (row + 1 < last ? row + 1 : last) * stride);
    __m128 r2 = _mm_loadu_ps(from + (row + 2 < last ? row + 2 : last) * stride);
    __m128 r3 = _mm_loadu_ps(from + (row + 3 < last ? row + 3 : last) * stride);
    _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
    _mm_store_ps(columns + row, r0);
    _mm_store_ps(columns + kRows + row, r1);
    _mm_store_ps(columns + 2 * kRows + row, r2);
    _mm_store_ps(columns + 3 * kRows + row, r3);
  }
}

template <typename Isa, typename Sum>
MW_TARGET void FillNumeric(const BinnedLayout<Sum>& layout, const float* rows, std::size_t count, char* planes) {
  alignas(64) float columns[4 * Isa::kRows];
  const float* thresholds = layout.thresholds.data();
  const BinnedFeature* features = layout.features.data();
  const PlaneRule* rules = layout.plane_rules.data();
  const ColumnGroup* groups = layout.groups.data();
  for (std::size_t g = 0, num_groups = layout.groups.size(); g < num_groups; ++g) {
    LoadColumns<Isa::kRows>(groups[g], rows, layout.num_features, count, columns);
    for (std::uint32_t f = groups[g].first_feature; f < groups[g].first_feature + groups[g].num_features; ++f) {
      const BinnedFeature& feature = features[f];
      const float* column = columns + (feature.column - groups[g].first_column) * Isa::kRows;
      const typename Isa::Vec bins = Isa::Count(thresholds + feature.first_threshold, feature.num_levels, column);
      for (std::uint32_t plane = feature.first_plane; plane < feature.first_plane + feature.num_planes; ++plane) {
        Isa::Store(planes + plane * kPlaneBytes, Isa::WithMissing(bins, column, rules[plane]));
      }
    }
  }
}

template <typename Isa, typename Sum>
MW_TARGET void FillSets(const BinnedLayout<Sum>& layout, const float* rows, std::size_t count, char* planes) {
  alignas(64) std::uint8_t codes[64] = {};
  char* plane = planes + layout.plane_rules.size() * kPlaneBytes;
  const CategoryFeature* categorical = layout.categorical.data();
  const CodeBits* bits = layout.set_bits.data();
  for (std::size_t f = 0, num_features = layout.categorical.size(); f < num_features; ++f) {
    const CategoryFeature& feature = categorical[f];
    for (std::size_t row = 0; row < count; ++row) {
      const float value = rows[row * layout.num_features + feature.feature];
      codes[row] = static_cast<std::uint8_t>(feature.TableRow(value, layout.category_rule));
    }
    for (std::size_t set = 0; set < feature.count; ++set, plane += kPlaneBytes, ++bits) {
      Isa::Store(plane, Isa::SetPlane(codes, bits->bytes));
    }
  }
}

/// What the node that each row's path reaches compares with, of the 2^kLevels nodes from `first` on; masks[0] is the
/// outermost decision among them.
template <typename Isa, int kLevels>
MW_KERNEL typename Isa::Vec Value(const std::uint32_t* node_planes, const char* planes, std::size_t first,
                                  const typename Isa::Mask* masks) {
  if constexpr (kLevels == 0) {
    return Isa::Load(planes + node_planes[first]);
  } else {
    const auto left = Value<Isa, kLevels - 1>(node_planes, planes, first, masks + 1);
    const auto right =
        Value<Isa, kLevels - 1>(node_planes, planes, first + (std::size_t{1} << (kLevels - 1)), masks + 1);
    return Isa::Select(masks[0], right, left);
  }
}

template <typename Isa, int kDepth, int kLevel>
MW_KERNEL void DecideFrom(const std::uint32_t* node_planes, const BinTables& tables, const char* planes,
                          typename Isa::Mask* masks, typename Isa::Vec& index) {
  if constexpr (kLevel < kDepth) {
    const auto value = Value<Isa, kLevel>(node_planes, planes, std::size_t{1} << kLevel, masks);
    masks[kLevel] = Isa::Right(value, Isa::template Bins<kLevel>(tables, index, masks));
    index = Isa::Next(index, masks[kLevel]);
    DecideFrom<Isa, kDepth, kLevel + 1>(node_planes, tables, planes, masks, index);
  }
}

/// The numbers of the leaves that the rows reach in a complete tree.
template <typename Isa, int kDepth>
MW_TARGET __attribute__((noinline)) typename Isa::Vec CompleteIndex(const std::uint32_t* node_planes,
                                                                    const BinTables& tables, const char* planes) {
  typename Isa::Mask masks[kDepth];
  typename Isa::Vec index = Isa::Splat(0);
  DecideFrom<Isa, kDepth, 0>(node_planes, tables, planes, masks, index);
  return index;
}

/// The same in a tree in steps. The last step is the root.
template <typename Isa>
MW_KERNEL typename Isa::Vec StepsIndex(const BinnedStep* steps, std::uint32_t count, const char* planes, char* slots,
                                       std::uint32_t leaves_max) {
  char* slot = slots + leaves_max * kPlaneBytes;
  typename Isa::Vec chosen = Isa::Splat(0);
  for (std::uint32_t at = 0; at < count; ++at, slot += kPlaneBytes) {
    const BinnedStep& step = steps[at];
    const auto right = Isa::Right(Isa::Load(planes + step.plane), Isa::Splat(step.bin));
    chosen = Isa::Select(right, Isa::Load(slots + step.right), Isa::Load(slots + step.left));
    Isa::Store(slot, chosen);
  }
  return chosen;
}

template <typename Isa, typename Sum>
MW_KERNEL typename Isa::Vec IndexOf(const BinnedLayout<Sum>& layout, const BinnedTree& tree, const char* planes,
                                    char* slots) {
  if (tree.num_steps > 0) {
    return StepsIndex<Isa>(layout.steps.data() + tree.first_node, tree.num_steps, planes, slots, layout.leaves_max);
  }
  const std::uint32_t* nodes = layout.planes.data() + tree.first_node;
  const std::size_t at = tree.first_node;
  BinTables tables{};
  if constexpr (sizeof(typename Isa::Bin) == 1) {
    tables.bytes = layout.bins.data() + at;
  } else {
    tables = {nullptr, layout.words.data() + at, layout.low_halves.data() + at, layout.high_halves.data() + at};
  }
  switch (tree.levels) {
    case 8: return CompleteIndex<Isa, 8>(nodes, tables, planes);
    case 7: return CompleteIndex<Isa, 7>(nodes, tables, planes);
    case 6: return CompleteIndex<Isa, 6>(nodes, tables, planes);
    case 5: return CompleteIndex<Isa, 5>(nodes, tables, planes);
    case 4: return CompleteIndex<Isa, 4>(nodes, tables, planes);
    case 3: return CompleteIndex<Isa, 3>(nodes, tables, planes);
    case 2: return CompleteIndex<Isa, 2>(nodes, tables, planes);
    case 1: return CompleteIndex<Isa, 1>(nodes, tables, planes);
    default: return Isa::Splat(0);
  }
}

template <typename Isa, typename Sum>
MW_KERNEL void AddTree(const BinnedLayout<Sum>& layout, const BinnedTree& tree, const char* planes, char* slots,
                       Sum* sums) {
  const typename Isa::Vec index = IndexOf<Isa>(layout, tree, planes, slots);
  const Sum* leaves = layout.leaves.data() + tree.first_leaf;
  switch (tree.levels) {
    case 0: return Isa::template AddLeaves<0>(leaves, index, sums);
    case 1:
    case 2:
    case 3: return Isa::template AddLeaves<3>(leaves, index, sums);
    case 4: return Isa::template AddLeaves<4>(leaves, index, sums);
    case 5: return Isa::template AddLeaves<5>(leaves, index, sums);
    case 6: return Isa::template AddLeaves<6>(leaves, index, sums);
    case 7: return Isa::template AddLeaves<7>(leaves, index, sums);
    default: return Isa::template AddLeaves<8>(leaves, index, sums);
  }
}

/// Leaves one by one, whatever the register.
template <typename Index, std::size_t kRows, typename Sum>
MW_KERNEL void AddEachLeaf(const Sum* leaves, const Index* index, Sum* sums) {
#pragma GCC unroll 8
  for (std::size_t row = 0; row < kRows; ++row) sums[row] += leaves[index[row]];
}

template <typename Isa, typename Sum>
MW_TARGET void RunBlock(const BinnedLayout<Sum>& layout, const float* rows, std::size_t count, char* planes,
                        char* slots, Sum* out) {
  FillNumeric<Isa>(layout, rows, count, planes);
  FillSets<Isa>(layout, rows, count, planes);
  const std::size_t num_outputs = layout.outputs.size();
  const BinnedTree* trees = layout.trees.data();
  for (std::size_t output = 0; output < num_outputs; ++output) {
    alignas(64) Sum sums[Isa::kRows];
    for (std::size_t row = 0; row < Isa::kRows; ++row) sums[row] = layout.base_margins.data()[output];
    const BinnedOutput& range = layout.outputs.data()[output];
    for (std::uint32_t tree = range.first_tree; tree < range.first_tree + range.num_trees; ++tree) {
      AddTree<Isa>(layout, trees[tree], planes, slots, sums);
    }
    for (std::size_t row = 0; row < count; ++row) out[row * num_outputs + output] = sums[row];
  }
}

/// The first slots hold the numbers of the leaves.
template <typename Isa, typename Sum>
MW_TARGET void PrepareSlots(const BinnedLayout<Sum>& layout, char* slots) {
  for (std::uint32_t leaf = 0; leaf < layout.leaves_max; ++leaf) {
    Isa::Store(slots + leaf * kPlaneBytes, Isa::Splat(leaf * (sizeof(typename Isa::Bin) == 1 ? 0x1010101U : 0x10001U)));
  }
}

template <typename Isa, typename Sum>
BinnedKernel<Sum> MakeKernel() {
  return {&PrepareSlots<Isa, Sum>, &RunBlock<Isa, Sum>, Isa::kRows};
}

}  // namespace
}  // namespace mw::forest
