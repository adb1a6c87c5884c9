// 64 nodes in a register, 16 thresholds in another. Plain pointers and loops only, so that no other inline function is
// compiled for instructions that the processor may lack.
#include <immintrin.h>

#include "forest/masked_engine.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes its own _mm512_undefined for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define MW_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,popcnt,bmi2")))
#define MW_KERNEL MW_TARGET __attribute__((always_inline)) inline

namespace mw::forest {
namespace {

constexpr std::uint8_t kSign = 0x80;

MW_KERNEL std::uint32_t CountAtOrBelow(const SixteenThresholds& thresholds, __m512 value) {
  const __mmask16 below = _mm512_cmp_ps_mask(_mm512_load_ps(thresholds.values), value, _CMP_LE_OQ);
  return static_cast<std::uint32_t>(__builtin_popcount(below));
}

template <typename Sum>
MW_KERNEL void FillNumeric(const MaskedLayout<Sum>& layout, const float* row, std::uint8_t* bins) {
  const BinnedFeature* feature = layout.binned->features.data();
  const BinnedFeature* const end = feature + layout.binned->features.size();
  const PlaneRule* const rules = layout.binned->plane_rules.data();
  const SixteenThresholds* thresholds = layout.thresholds.data();
  for (; feature != end; ++feature, thresholds += 1 + kMaskedLanes) {
    const float value = row[feature->column];
    const __m512 values = _mm512_set1_ps(value);
    const std::uint32_t part = CountAtOrBelow(thresholds[0], values);
    const std::uint32_t bin = 16 * part + CountAtOrBelow(thresholds[1 + part], values);
    for (std::uint32_t plane = feature->first_plane; plane < feature->first_plane + feature->num_planes; ++plane) {
      const PlaneRule& rule = rules[plane];
      const std::uint32_t missing = rule.left ? 0 : 255;
      bins[plane] = static_cast<std::uint8_t>((__builtin_fabsf(value) > rule.missing_max ? bin : missing) ^ kSign);
    }
  }
}

template <typename Sum>
MW_KERNEL void FillSets(const MaskedLayout<Sum>& layout, const float* row, std::uint8_t* bins) {
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

/// Which nodes send the row right, a bit for each.
template <bool kManyPlanes>
MW_KERNEL std::uint64_t Decide(const MaskedTree& tree, __m512i low, __m512i high) {
  const __m512i planes = _mm512_load_si512(tree.planes);
  const __m512i values =
      kManyPlanes ? _mm512_permutex2var_epi8(low, planes, high) : _mm512_permutexvar_epi8(planes, low);
  return _mm512_cmpgt_epi8_mask(values, _mm512_load_si512(tree.bins));
}

template <int kLevels, bool kManyPlanes, typename Sum>
MW_TARGET void AddTrees(const MaskedLayout<Sum>& layout, const std::uint8_t* bins, Sum* sums) {
  const __m512i low = _mm512_load_si512(bins);
  const __m512i high = _mm512_load_si512(bins + 64);
  const BinnedLayout<Sum>& binned = *layout.binned;
  const BinnedOutput* const outputs = binned.outputs.data();
  for (std::size_t output = 0, num_outputs = binned.outputs.size(); output < num_outputs; ++output) {
    Sum sum = binned.base_margins.data()[output];
    const std::size_t first = outputs[output].first_tree;
    const MaskedTree* tree = layout.trees.data() + first;
    const MaskedTree* const end = tree + outputs[output].num_trees;
    // The root is node 1, so the leaves begin at 2^levels.
    const Sum* leaves = layout.leaves.data() + (first << kLevels) - (std::size_t{1} << kLevels);
    for (; tree != end; ++tree, leaves += std::size_t{1} << kLevels) {
      const std::uint64_t right = Decide<kManyPlanes>(*tree, low, high);
      std::uint64_t node = 1;
#pragma GCC unroll 6
      for (int level = 0; level < kLevels; ++level) node = 2 * node + (right >> node & 1);
      sum += leaves[node];
    }
    sums[output] = sum;
  }
}

template <bool kManyPlanes, typename Sum>
MW_KERNEL void AddOfLevels(const MaskedLayout<Sum>& layout, const std::uint8_t* bins, Sum* sums) {
  switch (layout.levels) {
    case 6: return AddTrees<6, kManyPlanes>(layout, bins, sums);
    case 5: return AddTrees<5, kManyPlanes>(layout, bins, sums);
    case 4: return AddTrees<4, kManyPlanes>(layout, bins, sums);
    case 3: return AddTrees<3, kManyPlanes>(layout, bins, sums);
    case 2: return AddTrees<2, kManyPlanes>(layout, bins, sums);
    case 1: return AddTrees<1, kManyPlanes>(layout, bins, sums);
    default: return AddTrees<0, kManyPlanes>(layout, bins, sums);
  }
}

template <typename Sum>
MW_TARGET void AddRow(const MaskedLayout<Sum>& layout, const float* row, Sum* sums) {
  alignas(64) std::uint8_t bins[kMaskedPlanesMax];
  FillNumeric(layout, row, bins);
  FillSets(layout, row, bins + layout.binned->plane_rules.size());
  if (layout.binned->num_planes > 64) {
    AddOfLevels<true>(layout, bins, sums);
  } else {
    AddOfLevels<false>(layout, bins, sums);
  }
}

}  // namespace

template <typename Sum>
MaskedRow<Sum> MaskedRowAvx512() {
  return &AddRow<Sum>;
}

template MaskedRow<float> MaskedRowAvx512();
template MaskedRow<double> MaskedRowAvx512();

}  // namespace mw::forest
