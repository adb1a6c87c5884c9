// The masked engine's common part, a template over the register at hand (Isa). Included by one file for each
// instruction set, which defines MW_TARGET first; plain pointers and loops only, so that no other inline function is
// compiled for instructions that the processor may lack. Pure, any thread.
//
// Isa:
//   CountAtOrBelow(thresholds, value)     of sixteen
//   Row<parts>(bins)                      the row's bins, 16 in each part
//   Row::Decide(tree)                     which nodes send the row right, a bit for each
#pragma once

#include <immintrin.h>

#include "forest/masked_engine.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes its own _mm512_undefined for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define MW_KERNEL MW_TARGET __attribute__((always_inline)) inline

namespace mw::forest {
namespace {

constexpr std::uint8_t kSign = 0x80;

template <typename Isa, typename Sum>
MW_TARGET void FillNumeric(const MaskedLayout<Sum>& layout, const float* row, std::uint8_t* bins) {
  const BinnedFeature* feature = layout.binned->features.data();
  const BinnedFeature* const end = feature + layout.binned->features.size();
  const PlaneRule* const rules = layout.binned->plane_rules.data();
  const SixteenThresholds* thresholds = layout.thresholds.data();
  for (; feature != end; ++feature, thresholds += 1 + kMaskedLanes) {
    const float value = row[feature->column];
    const std::uint32_t part = Isa::CountAtOrBelow(thresholds[0], value);
    const std::uint32_t bin = 16 * part + Isa::CountAtOrBelow(thresholds[1 + part], value);
    for (std::uint32_t plane = feature->first_plane; plane < feature->first_plane + feature->num_planes; ++plane) {
      const PlaneRule& rule = rules[plane];
      const std::uint32_t missing = rule.left ? 0 : 255;
      bins[plane] = static_cast<std::uint8_t>((__builtin_fabsf(value) > rule.missing_max ? bin : missing) ^ kSign);
    }
  }
}

template <typename Sum>
MW_TARGET void FillSets(const MaskedLayout<Sum>& layout, const float* row, std::uint8_t* bins) {
  const CategoryFeature* feature = layout.binned->categorical.data();
  const CategoryFeature* const end = feature + layout.binned->categorical.size();
  const CodeBits* set = layout.binned->set_bits.data();
  for (; feature != end; ++feature) {
    const std::uint32_t code = feature->TableRow(row[feature->feature], layout.binned->category_rule);
    for (std::size_t at = 0; at < feature->count; ++at, ++set) {
      const bool right = (set->bytes[code / 8] >> (code % 8) & 1) != 0;
      *bins++ = right ? std::uint8_t{255} ^ kSign : kSign;
    }
  }
}

template <typename Isa, int kLevels, int kParts, typename Sum>
MW_TARGET void AddTrees(const MaskedLayout<Sum>& layout, const std::uint8_t* bins, Sum* sums) {
  const typename Isa::template Row<kParts> row(bins);
  const BinnedLayout<Sum>& binned = *layout.binned;
  const BinnedOutput* const outputs = binned.outputs.data();
  for (std::size_t output = 0, num_outputs = binned.outputs.size(); output < num_outputs; ++output) {
    Sum sum = binned.base_margins.data()[output];
    const std::size_t first = outputs[output].first_tree;
    const MaskedTree* tree = layout.trees.data() + first;
    const MaskedTree* const end = tree + outputs[output].num_trees;
    // The root is node 1, so the leaves begin at 2^levels.
    const Sum* leaves = layout.leaves.data() + (first << kLevels);
    for (; tree != end; ++tree, leaves += std::size_t{1} << kLevels) {
      const std::uint64_t right = row.Decide(*tree);
      std::uint64_t node = 1;
#pragma GCC unroll 6
      for (int level = 0; level < kLevels; ++level) node = 2 * node + (right >> node & 1);
      sum += leaves[node - (std::uint64_t{1} << kLevels)];
    }
    sums[output] = sum;
  }
}

template <typename Isa, int kParts, typename Sum>
MW_TARGET void AddOfLevels(const MaskedLayout<Sum>& layout, const std::uint8_t* bins, Sum* sums) {
  switch (layout.levels) {
    case 6: return AddTrees<Isa, 6, kParts>(layout, bins, sums);
    case 5: return AddTrees<Isa, 5, kParts>(layout, bins, sums);
    case 4: return AddTrees<Isa, 4, kParts>(layout, bins, sums);
    case 3: return AddTrees<Isa, 3, kParts>(layout, bins, sums);
    case 2: return AddTrees<Isa, 2, kParts>(layout, bins, sums);
    case 1: return AddTrees<Isa, 1, kParts>(layout, bins, sums);
    default: return AddTrees<Isa, 0, kParts>(layout, bins, sums);
  }
}

template <typename Isa, typename Sum>
MW_TARGET void AddRow(const MaskedLayout<Sum>& layout, const float* row, Sum* sums) {
  alignas(64) std::uint8_t bins[kMaskedPlanesMax];
  FillNumeric<Isa>(layout, row, bins);
  FillSets(layout, row, bins + layout.binned->plane_rules.size());
  if (layout.binned->num_planes <= 32) {
    AddOfLevels<Isa, 2>(layout, bins, sums);
  } else if (layout.binned->num_planes <= 64) {
    AddOfLevels<Isa, 4>(layout, bins, sums);
  } else {
    AddOfLevels<Isa, 8>(layout, bins, sums);
  }
}

}  // namespace
}  // namespace mw::forest
