// 16 rows in a register (8 with wide bins), for processors without AVX2. Thresholds are counted one value at a time.
#define MW_TARGET __attribute__((target("ssse3,sse4.1")))
#include "forest/binned_kernel.h"

namespace mw::forest {
namespace {

struct SseBytes {
  using Vec = __m128i;
  using Mask = __m128i;
  using Bin = std::uint8_t;
  static constexpr std::size_t kRows = 16;

  MW_KERNEL static Vec Load(const void* from) { return _mm_load_si128(static_cast<const __m128i*>(from)); }
  MW_KERNEL static void Store(void* to, Vec value) { _mm_store_si128(static_cast<__m128i*>(to), value); }
  MW_KERNEL static Vec Splat(std::uint32_t word) { return _mm_set1_epi32(static_cast<int>(word)); }
  MW_KERNEL static Mask Right(Vec value, Vec bin) { return _mm_cmpgt_epi8(value, bin); }
  MW_KERNEL static Vec Select(Mask mask, Vec right, Vec left) { return _mm_blendv_epi8(left, right, mask); }
  MW_KERNEL static Vec Next(Vec index, Mask right) { return _mm_sub_epi8(_mm_add_epi8(index, index), right); }

  template <int kLevel>
  MW_KERNEL static Vec Bins(const BinTables& tables, Vec index, const Mask* masks) {
    if constexpr (kLevel <= 4) {
      const auto* table = reinterpret_cast<const __m128i*>(tables.bytes + (1 << kLevel));
      return _mm_shuffle_epi8(_mm_loadu_si128(table), index);
    } else {
      return Parts<kLevel - 4>(tables.bytes + (1 << kLevel), index, masks);
    }
  }
  /// 2^kParts tables of 16, chosen by the decisions from the root on.
  template <int kParts>
  MW_KERNEL static Vec Parts(const std::uint8_t* table, Vec index, const Mask* masks) {
    if constexpr (kParts == 0) {
      return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)), index);
    } else {
      const Vec left = Parts<kParts - 1>(table, index, masks + 1);
      const Vec right = Parts<kParts - 1>(table + (16 << (kParts - 1)), index, masks + 1);
      return Select(masks[0], right, left);
    }
  }

  MW_KERNEL static Vec Count(const float* thresholds, std::uint32_t num_levels, const float* column);
  MW_KERNEL static Vec WithMissing(Vec count, const float* column, const PlaneRule& rule);
  MW_KERNEL static Vec SetPlane(const std::uint8_t* codes, const std::uint8_t* bits) {
    const Vec code = Load(codes);
    const Vec byte = _mm_and_si128(_mm_srli_epi16(code, 3), _mm_set1_epi8(15));
    const Vec powers = _mm_set1_epi64x(static_cast<long long>(0x8040201008040201U));
    const Vec bit = _mm_shuffle_epi8(powers, _mm_and_si128(code, _mm_set1_epi8(7)));
    const Vec low = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bits)), byte);
    const Vec high = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bits + 16)), byte);
    const Vec found = _mm_and_si128(_mm_blendv_epi8(low, high, code), bit);
    return _mm_xor_si128(_mm_cmpeq_epi8(found, bit), _mm_set1_epi8(-128));
  }
  template <int kLevels, typename Sum>
  MW_KERNEL static void AddLeaves(const Sum* leaves, Vec index, Sum* sums) {
    alignas(16) Bin numbers[kRows];
    Store(numbers, index);
    AddEachLeaf<Bin, kRows>(leaves, numbers, sums);
  }
};

/// One value's way down the search tree.
MW_KERNEL std::uint32_t CountOne(const float* level, std::uint32_t num_levels, float value) {
  std::uint32_t count = 0;
  for (std::uint32_t depth = 0; depth < num_levels; ++depth) {
    count = 2 * count + (level[count] <= value ? 1U : 0U);
    level += depth < 4 ? 16 : std::size_t{1} << depth;
  }
  return count;
}

template <typename Isa>
MW_KERNEL __m128i CountEach(const float* thresholds, std::uint32_t num_levels, const float* column) {
  alignas(16) typename Isa::Bin counts[Isa::kRows];
  for (std::size_t row = 0; row < Isa::kRows; ++row) {
    counts[row] = static_cast<typename Isa::Bin>(CountOne(thresholds, num_levels, column[row]));
  }
  return Isa::Load(counts);
}

/// All ones in the four lanes whose values are not there.
MW_KERNEL __m128i Missing(const float* values, float missing_max) {
  const __m128 size = _mm_andnot_ps(_mm_set1_ps(-0.0F), _mm_load_ps(values));
  return _mm_castps_si128(_mm_cmpngt_ps(size, _mm_set1_ps(missing_max)));
}

MW_KERNEL __m128i MissingWords(const float* column, float missing_max) {
  return _mm_packs_epi32(Missing(column, missing_max), Missing(column + 4, missing_max));
}

MW_KERNEL __m128i Settled(__m128i count, __m128i missing, bool left, __m128i bias) {
  const __m128i bins = left ? _mm_andnot_si128(missing, count) : _mm_or_si128(missing, count);
  return _mm_xor_si128(bins, bias);
}

MW_KERNEL __m128i SseBytes::Count(const float* thresholds, std::uint32_t num_levels, const float* column) {
  return CountEach<SseBytes>(thresholds, num_levels, column);
}

MW_KERNEL __m128i SseBytes::WithMissing(Vec count, const float* column, const PlaneRule& rule) {
  const Vec missing =
      _mm_packs_epi16(MissingWords(column, rule.missing_max), MissingWords(column + 8, rule.missing_max));
  return Settled(count, missing, rule.left, _mm_set1_epi8(-128));
}

struct SseWords {
  using Vec = __m128i;
  using Mask = __m128i;
  using Bin = std::uint16_t;
  static constexpr std::size_t kRows = 8;

  MW_KERNEL static Vec Load(const void* from) { return SseBytes::Load(from); }
  MW_KERNEL static void Store(void* to, Vec value) { SseBytes::Store(to, value); }
  MW_KERNEL static Vec Splat(std::uint32_t word) { return SseBytes::Splat(word); }
  MW_KERNEL static Mask Right(Vec value, Vec bin) { return _mm_cmpgt_epi16(value, bin); }
  MW_KERNEL static Vec Select(Mask mask, Vec right, Vec left) { return _mm_blendv_epi8(left, right, mask); }
  MW_KERNEL static Vec Next(Vec index, Mask right) { return _mm_sub_epi16(_mm_add_epi16(index, index), right); }

  /// Low and high halves by themselves: the index stands in both bytes of a word.
  template <int kLevel>
  MW_KERNEL static Vec Bins(const BinTables& tables, Vec index, const Mask* masks) {
    constexpr int kParts = kLevel <= 4 ? 0 : kLevel - 4;
    const Vec both = _mm_or_si128(index, _mm_slli_epi16(index, 8));
    const Vec low = SseBytes::Parts<kParts>(tables.low + (1 << kLevel), both, masks);
    const Vec high = SseBytes::Parts<kParts>(tables.high + (1 << kLevel), both, masks);
    return _mm_blendv_epi8(low, high, _mm_set1_epi16(static_cast<short>(0xFF00)));
  }
  MW_KERNEL static Vec Count(const float* thresholds, std::uint32_t num_levels, const float* column) {
    return CountEach<SseWords>(thresholds, num_levels, column);
  }
  MW_KERNEL static Vec WithMissing(Vec count, const float* column, const PlaneRule& rule) {
    return Settled(count, MissingWords(column, rule.missing_max), rule.left, _mm_set1_epi16(-32768));
  }
  MW_KERNEL static Vec SetPlane(const std::uint8_t* codes, const std::uint8_t* bits) {
    const Vec bytes = _mm_xor_si128(SseBytes::SetPlane(codes, bits), _mm_set1_epi8(-128));
    return _mm_xor_si128(_mm_cvtepi8_epi16(bytes), _mm_set1_epi16(-32768));
  }
  template <int kLevels, typename Sum>
  MW_KERNEL static void AddLeaves(const Sum* leaves, Vec index, Sum* sums) {
    alignas(16) Bin numbers[kRows];
    Store(numbers, index);
    AddEachLeaf<Bin, kRows>(leaves, numbers, sums);
  }
};

}  // namespace

template <typename Sum>
BinnedKernel<Sum> SseKernel(bool wide_bins) {
  return wide_bins ? MakeKernel<SseWords, Sum>() : MakeKernel<SseBytes, Sum>();
}

template BinnedKernel<float> SseKernel(bool);
template BinnedKernel<double> SseKernel(bool);

}  // namespace mw::forest
