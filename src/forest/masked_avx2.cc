// 64 nodes in two registers, sixteen thresholds in two others; bytes are permuted sixteen at a time.
#define MW_TARGET __attribute__((target("avx2,popcnt,bmi2")))
#include "forest/masked_kernel.h"

namespace mw::forest {
namespace {

struct Avx2 {
  MW_KERNEL static std::uint32_t CountAtOrBelow(const SixteenThresholds& thresholds, float value) {
    const __m256 values = _mm256_set1_ps(value);
    const auto below = [&](const float* eight) MW_TARGET {
      return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_load_ps(eight), values, _CMP_LE_OQ)));
    };
    return static_cast<std::uint32_t>(
        __builtin_popcount(below(thresholds.values) | below(thresholds.values + 8) << 8U));
  }

  template <int kParts>
  struct Row {
    MW_KERNEL explicit Row(const std::uint8_t* bins) {
      for (int part = 0; part < kParts; ++part) {
        parts[part] = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bins) + part));
      }
    }
    MW_KERNEL std::uint64_t Decide(const MaskedTree& tree) const {
      return DecideHalf(tree.planes, tree.bins) | DecideHalf(tree.planes + 32, tree.bins + 32) << 32U;
    }
    MW_KERNEL std::uint64_t DecideHalf(const std::uint8_t* node_planes, const std::uint8_t* node_bins) const {
      const __m256i planes = _mm256_load_si256(reinterpret_cast<const __m256i*>(node_planes));
      __m256i values = _mm256_setzero_si256();
#pragma GCC unroll 8
      for (int part = 0; part < kParts; ++part) {
        // Planes of other parts get the highest bit, and are given nothing for it.
        const __m256i own = _mm256_add_epi8(_mm256_xor_si256(planes, _mm256_set1_epi8(static_cast<char>(16 * part))),
                                            _mm256_set1_epi8(0x70));
        values = _mm256_or_si256(values, _mm256_shuffle_epi8(parts[part], own));
      }
      const __m256i bins = _mm256_load_si256(reinterpret_cast<const __m256i*>(node_bins));
      return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpgt_epi8(values, bins)));
    }
    __m256i parts[kParts];
  };
};

}  // namespace

template <typename Sum>
MaskedRow<Sum> MaskedRowAvx2() {
  return &AddRow<Avx2, Sum>;
}

template MaskedRow<float> MaskedRowAvx2();
template MaskedRow<double> MaskedRowAvx2();

}  // namespace mw::forest
