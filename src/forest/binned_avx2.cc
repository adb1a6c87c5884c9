// 32 rows in a register (16 with wide bins).
#define MW_TARGET __attribute__((target("avx2")))
#include "forest/binned_kernel.h"

namespace mw::forest {
namespace {

constexpr std::size_t kLanes = 8;

/// 8 * 2^kRegisters thresholds, looked up by count; its higher bits choose among the registers.
template <int kRegisters>
MW_KERNEL __m256 Threshold(const float* level, __m256i count) {
  if constexpr (kRegisters == 0) {
    return _mm256_permutevar8x32_ps(_mm256_loadu_ps(level), count);
  } else {
    const __m256 left = Threshold<kRegisters - 1>(level, count);
    const __m256 right = Threshold<kRegisters - 1>(level + (kLanes << (kRegisters - 1)), count);
    constexpr int kBit = 2 + kRegisters;
    return _mm256_blendv_ps(left, right, _mm256_castsi256_ps(_mm256_slli_epi32(count, 31 - kBit)));
  }
}

/// How many thresholds are at or below each value: a search without branches, all lanes in step. Padding thresholds
/// are infinite; an infinite value counts them too, which is past every bin all the same.
template <int kQuarters>
MW_KERNEL void CountThresholds(const float* level, std::uint32_t num_levels, const float* column,
                               __m256i (&count)[kQuarters]) {
  __m256 values[kQuarters];
  for (int q = 0; q < kQuarters; ++q) {
    values[q] = _mm256_load_ps(column + static_cast<std::size_t>(q) * kLanes);
    count[q] = _mm256_setzero_si256();
  }
  const auto step = [&](int q, __m256 threshold) MW_TARGET {
    const __m256i right = _mm256_castps_si256(_mm256_cmp_ps(threshold, values[q], _CMP_LE_OQ));
    count[q] = _mm256_sub_epi32(_mm256_add_epi32(count[q], count[q]), right);
  };
  for (std::uint32_t depth = 0; depth < num_levels; ++depth) {
    if (depth <= 3) {
      for (int q = 0; q < kQuarters; ++q) step(q, Threshold<0>(level, count[q]));
    } else if (depth == 4) {
      for (int q = 0; q < kQuarters; ++q) step(q, Threshold<1>(level, count[q]));
    } else if (depth == 5) {
      for (int q = 0; q < kQuarters; ++q) step(q, Threshold<2>(level, count[q]));
    } else if (depth == 6) {
      for (int q = 0; q < kQuarters; ++q) step(q, Threshold<3>(level, count[q]));
    } else {
      for (int q = 0; q < kQuarters; ++q) step(q, _mm256_i32gather_ps(level, count[q], 4));
    }
    level += depth < 4 ? 16 : std::size_t{1} << depth;
  }
}

/// All ones in the eight lanes whose values are not there.
MW_KERNEL __m256i Missing(const float* values, float missing_max) {
  const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), _mm256_load_ps(values));
  return _mm256_castps_si256(_mm256_cmp_ps(size, _mm256_set1_ps(missing_max), _CMP_NGT_UQ));
}

MW_KERNEL __m256i Settled(__m256i count, __m256i missing, bool left, __m256i bias) {
  const __m256i bins = left ? _mm256_andnot_si256(missing, count) : _mm256_or_si256(missing, count);
  return _mm256_xor_si256(bins, bias);
}

/// Sums of eight rows, whose leaf numbers fill a register.
template <int kLevels>
MW_KERNEL void AddEight(const float* leaves, __m256i numbers, float* sums) {
  __m256 values;
  if constexpr (kLevels <= 3) {
    values = _mm256_permutevar8x32_ps(_mm256_loadu_ps(leaves), numbers);
  } else if constexpr (kLevels <= 6) {
    values = Threshold<kLevels - 3>(leaves, numbers);
  } else {
    values = _mm256_i32gather_ps(leaves, numbers, 4);
  }
  _mm256_store_ps(sums, _mm256_add_ps(_mm256_load_ps(sums), values));
}

template <int kLevels>
MW_KERNEL void AddEight(const double* leaves, __m256i numbers, double* sums) {
  const __m256d low = _mm256_i32gather_pd(leaves, _mm256_castsi256_si128(numbers), 8);
  const __m256d high = _mm256_i32gather_pd(leaves, _mm256_extracti128_si256(numbers, 1), 8);
  _mm256_store_pd(sums, _mm256_add_pd(_mm256_load_pd(sums), low));
  _mm256_store_pd(sums + 4, _mm256_add_pd(_mm256_load_pd(sums + 4), high));
}

struct Avx2Bytes {
  using Vec = __m256i;
  using Mask = __m256i;
  using Bin = std::uint8_t;
  static constexpr std::size_t kRows = 32;

  MW_KERNEL static Vec Load(const void* from) { return _mm256_load_si256(static_cast<const __m256i*>(from)); }
  MW_KERNEL static void Store(void* to, Vec value) { _mm256_store_si256(static_cast<__m256i*>(to), value); }
  MW_KERNEL static Vec Splat(std::uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
  MW_KERNEL static Mask Right(Vec value, Vec bin) { return _mm256_cmpgt_epi8(value, bin); }
  MW_KERNEL static Vec Select(Mask mask, Vec right, Vec left) { return _mm256_blendv_epi8(left, right, mask); }
  MW_KERNEL static Vec Next(Vec index, Mask right) { return _mm256_sub_epi8(_mm256_add_epi8(index, index), right); }

  template <int kLevel>
  MW_KERNEL static Vec Bins(const BinTables& tables, Vec index, const Mask* masks) {
    return Parts<(kLevel <= 4 ? 0 : kLevel - 4)>(tables.bytes + (1 << kLevel), index, masks);
  }
  /// 2^kParts tables of 16, chosen by the decisions from the root on.
  template <int kParts>
  MW_KERNEL static Vec Parts(const std::uint8_t* table, Vec index, const Mask* masks) {
    if constexpr (kParts == 0) {
      const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
      return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(sixteen), index);
    } else {
      const Vec left = Parts<kParts - 1>(table, index, masks + 1);
      const Vec right = Parts<kParts - 1>(table + (16 << (kParts - 1)), index, masks + 1);
      return Select(masks[0], right, left);
    }
  }
  /// Four registers of eight become one of bytes, in order.
  MW_KERNEL static Vec Packed(__m256i low, __m256i high) {
    return _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  }
  MW_KERNEL static Vec Count(const float* thresholds, std::uint32_t num_levels, const float* column) {
    __m256i count[4];
    CountThresholds(thresholds, num_levels, column, count);
    return Packed(_mm256_packus_epi32(count[0], count[1]), _mm256_packus_epi32(count[2], count[3]));
  }
  MW_KERNEL static Vec WithMissing(Vec count, const float* column, const PlaneRule& rule) {
    const float most = rule.missing_max;
    const __m256i low = _mm256_packs_epi32(Missing(column, most), Missing(column + 8, most));
    const __m256i high = _mm256_packs_epi32(Missing(column + 16, most), Missing(column + 24, most));
    const __m256i bytes =
        _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    return Settled(count, bytes, rule.left, _mm256_set1_epi8(-128));
  }
  MW_KERNEL static Vec SetPlane(const std::uint8_t* codes, const std::uint8_t* bits) {
    const Vec code = Load(codes);
    const Vec byte = _mm256_and_si256(_mm256_srli_epi16(code, 3), _mm256_set1_epi8(15));
    const Vec powers = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201U));
    const Vec bit = _mm256_shuffle_epi8(powers, _mm256_and_si256(code, _mm256_set1_epi8(7)));
    const Vec low = Parts<0>(bits, byte, nullptr);
    const Vec high = Parts<0>(bits + 16, byte, nullptr);
    const Vec found = _mm256_and_si256(_mm256_blendv_epi8(low, high, code), bit);
    return _mm256_xor_si256(_mm256_cmpeq_epi8(found, bit), _mm256_set1_epi8(-128));
  }
  template <int kLevels, typename Sum>
  MW_KERNEL static void AddLeaves(const Sum* leaves, Vec index, Sum* sums) {
    const __m128i low = _mm256_castsi256_si128(index);
    const __m128i high = _mm256_extracti128_si256(index, 1);
    AddEight<kLevels>(leaves, _mm256_cvtepu8_epi32(low), sums);
    AddEight<kLevels>(leaves, _mm256_cvtepu8_epi32(_mm_srli_si128(low, 8)), sums + 8);
    AddEight<kLevels>(leaves, _mm256_cvtepu8_epi32(high), sums + 16);
    AddEight<kLevels>(leaves, _mm256_cvtepu8_epi32(_mm_srli_si128(high, 8)), sums + 24);
  }
};

struct Avx2Words {
  using Vec = __m256i;
  using Mask = __m256i;
  using Bin = std::uint16_t;
  static constexpr std::size_t kRows = 16;

  MW_KERNEL static Vec Load(const void* from) { return Avx2Bytes::Load(from); }
  MW_KERNEL static void Store(void* to, Vec value) { Avx2Bytes::Store(to, value); }
  MW_KERNEL static Vec Splat(std::uint32_t word) { return Avx2Bytes::Splat(word); }
  MW_KERNEL static Mask Right(Vec value, Vec bin) { return _mm256_cmpgt_epi16(value, bin); }
  MW_KERNEL static Vec Select(Mask mask, Vec right, Vec left) { return _mm256_blendv_epi8(left, right, mask); }
  MW_KERNEL static Vec Next(Vec index, Mask right) { return _mm256_sub_epi16(_mm256_add_epi16(index, index), right); }

  /// Low and high halves by themselves: the index stands in both bytes of a word.
  template <int kLevel>
  MW_KERNEL static Vec Bins(const BinTables& tables, Vec index, const Mask* masks) {
    constexpr int kParts = kLevel <= 4 ? 0 : kLevel - 4;
    const Vec both = _mm256_or_si256(index, _mm256_slli_epi16(index, 8));
    const Vec low = Avx2Bytes::Parts<kParts>(tables.low + (1 << kLevel), both, masks);
    const Vec high = Avx2Bytes::Parts<kParts>(tables.high + (1 << kLevel), both, masks);
    return _mm256_blendv_epi8(low, high, _mm256_set1_epi16(static_cast<short>(0xFF00)));
  }
  MW_KERNEL static Vec Count(const float* thresholds, std::uint32_t num_levels, const float* column) {
    __m256i count[2];
    CountThresholds(thresholds, num_levels, column, count);
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(count[0], count[1]), 0xD8);
  }
  MW_KERNEL static Vec WithMissing(Vec count, const float* column, const PlaneRule& rule) {
    const __m256i mixed = _mm256_packs_epi32(Missing(column, rule.missing_max), Missing(column + 8, rule.missing_max));
    return Settled(count, _mm256_permute4x64_epi64(mixed, 0xD8), rule.left, _mm256_set1_epi16(-32768));
  }
  MW_KERNEL static Vec SetPlane(const std::uint8_t* codes, const std::uint8_t* bits) {
    const Vec bytes = _mm256_xor_si256(Avx2Bytes::SetPlane(codes, bits), _mm256_set1_epi8(-128));
    const Vec words = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(bytes));
    return _mm256_xor_si256(words, _mm256_set1_epi16(-32768));
  }
  template <int kLevels, typename Sum>
  MW_KERNEL static void AddLeaves(const Sum* leaves, Vec index, Sum* sums) {
    AddEight<kLevels>(leaves, _mm256_cvtepu16_epi32(_mm256_castsi256_si128(index)), sums);
    AddEight<kLevels>(leaves, _mm256_cvtepu16_epi32(_mm256_extracti128_si256(index, 1)), sums + 8);
  }
};

}  // namespace

template <typename Sum>
BinnedKernel<Sum> Avx2Kernel(bool wide_bins) {
  return wide_bins ? MakeKernel<Avx2Words, Sum>() : MakeKernel<Avx2Bytes, Sum>();
}

template BinnedKernel<float> Avx2Kernel(bool);
template BinnedKernel<double> Avx2Kernel(bool);

}  // namespace mw::forest
