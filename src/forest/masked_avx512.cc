// 64 nodes in a register, sixteen thresholds in another; bytes are permuted across the whole register.
#define MW_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,popcnt,bmi2")))
#include "forest/masked_kernel.h"

namespace mw::forest {
namespace {

struct Avx512 {
  MW_KERNEL static std::uint32_t CountAtOrBelow(const SixteenThresholds& thresholds, float value) {
    const __m512 values = _mm512_set1_ps(value);
    const __mmask16 below = _mm512_cmp_ps_mask(_mm512_load_ps(thresholds.values), values, _CMP_LE_OQ);
    return static_cast<std::uint32_t>(__builtin_popcount(below));
  }

  template <int kParts>
  struct Row {
    MW_KERNEL explicit Row(const std::uint8_t* bins)
        : low(_mm512_load_si512(bins)), high(_mm512_load_si512(bins + 64)) {}
    MW_KERNEL std::uint64_t Decide(const MaskedTree& tree) const {
      const __m512i planes = _mm512_load_si512(tree.planes);
      const __m512i values =
          kParts > 4 ? _mm512_permutex2var_epi8(low, planes, high) : _mm512_permutexvar_epi8(planes, low);
      return _mm512_cmpgt_epi8_mask(values, _mm512_load_si512(tree.bins));
    }
    __m512i low, high;
  };
};

}  // namespace

template <typename Sum>
MaskedRow<Sum> MaskedRowAvx512() {
  return &AddRow<Avx512, Sum>;
}

template MaskedRow<float> MaskedRowAvx512();
template MaskedRow<double> MaskedRowAvx512();

}  // namespace mw::forest
