// 64 rows in a register (32 with wide bins); decisions are masks of their own registers, tables of 64 are one look-up.
#define MW_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi")))
#include "forest/binned_kernel.h"

namespace mw::forest {
namespace {

constexpr std::size_t kLanes = 16;

/// 2^kLevels floats, looked up by number.
template <int kLevels>
MW_KERNEL __m512 LookUp(const float* table, __m512i number) {
  if constexpr (kLevels <= 4) {
    return _mm512_permutexvar_ps(number, _mm512_loadu_ps(table));
  } else if constexpr (kLevels == 5) {
    return _mm512_permutex2var_ps(_mm512_loadu_ps(table), number, _mm512_loadu_ps(table + kLanes));
  } else {
    const __m512 left = LookUp<kLevels - 1>(table, number);
    const __m512 right = LookUp<kLevels - 1>(table + (std::size_t{1} << (kLevels - 1)), number);
    return _mm512_mask_blend_ps(_mm512_test_epi32_mask(number, _mm512_set1_epi32(1 << (kLevels - 1))), left, right);
  }
}

template <int kLevels>
MW_KERNEL __m512d LookUp(const double* table, __m512i number) {
  if constexpr (kLevels <= 3) {
    return _mm512_permutexvar_pd(number, _mm512_loadu_pd(table));
  } else if constexpr (kLevels == 4) {
    return _mm512_permutex2var_pd(_mm512_loadu_pd(table), number, _mm512_loadu_pd(table + 8));
  } else {
    const __m512d left = LookUp<kLevels - 1>(table, number);
    const __m512d right = LookUp<kLevels - 1>(table + (std::size_t{1} << (kLevels - 1)), number);
    return _mm512_mask_blend_pd(_mm512_test_epi64_mask(number, _mm512_set1_epi64(1 << (kLevels - 1))), left, right);
  }
}

/// How many thresholds are at or below each value: a search without branches, all lanes in step. Padding thresholds
/// are infinite; an infinite value counts them too, which is past every bin all the same.
template <int kParts>
MW_KERNEL void CountThresholds(const float* level, std::uint32_t num_levels, const float* column,
                               __m512i (&count)[kParts]) {
  __m512 values[kParts];
  for (int q = 0; q < kParts; ++q) {
    values[q] = _mm512_load_ps(column + static_cast<std::size_t>(q) * kLanes);
    count[q] = _mm512_setzero_si512();
  }
  const auto step = [&](int q, __m512 threshold) MW_TARGET {
    const __mmask16 right = _mm512_cmp_ps_mask(threshold, values[q], _CMP_LE_OQ);
    const __m512i twice = _mm512_add_epi32(count[q], count[q]);
    count[q] = _mm512_mask_sub_epi32(twice, right, twice, _mm512_set1_epi32(-1));
  };
  for (std::uint32_t depth = 0; depth < num_levels; ++depth) {
    if (depth <= 4) {
      for (int q = 0; q < kParts; ++q) step(q, LookUp<4>(level, count[q]));
    } else if (depth == 5) {
      for (int q = 0; q < kParts; ++q) step(q, LookUp<5>(level, count[q]));
    } else if (depth == 6) {
      for (int q = 0; q < kParts; ++q) step(q, LookUp<6>(level, count[q]));
    } else if (depth == 7) {
      for (int q = 0; q < kParts; ++q) step(q, LookUp<7>(level, count[q]));
    } else {
      for (int q = 0; q < kParts; ++q) step(q, _mm512_i32gather_ps(count[q], level, 4));
    }
    level += depth < 4 ? 16 : std::size_t{1} << depth;
  }
}

/// The sixteen lanes whose values are not there.
MW_KERNEL __mmask16 Missing(const float* values, float missing_max) {
  return _mm512_cmp_ps_mask(_mm512_abs_ps(_mm512_load_ps(values)), _mm512_set1_ps(missing_max), _CMP_NGT_UQ);
}

template <int kLevels>
MW_KERNEL void AddSixteen(const float* leaves, __m512i numbers, float* sums) {
  __m512 values;
  if constexpr (kLevels <= 7) {
    values = LookUp<kLevels>(leaves, numbers);
  } else {
    values = _mm512_i32gather_ps(numbers, leaves, 4);
  }
  _mm512_store_ps(sums, _mm512_add_ps(_mm512_load_ps(sums), values));
}

template <int kLevels>
MW_KERNEL void AddEight(const double* leaves, __m256i numbers, double* sums) {
  __m512d values;
  if constexpr (kLevels <= 6) {
    values = LookUp<kLevels>(leaves, _mm512_cvtepu32_epi64(numbers));
  } else {
    values = _mm512_i32gather_pd(numbers, leaves, 8);
  }
  _mm512_store_pd(sums, _mm512_add_pd(_mm512_load_pd(sums), values));
}

template <int kLevels>
MW_KERNEL void AddSixteen(const double* leaves, __m512i numbers, double* sums) {
  AddEight<kLevels>(leaves, _mm512_castsi512_si256(numbers), sums);
  AddEight<kLevels>(leaves, _mm512_extracti64x4_epi64(numbers, 1), sums + 8);
}

struct Avx512Bytes {
  using Vec = __m512i;
  using Mask = __mmask64;
  using Bin = std::uint8_t;
  static constexpr std::size_t kRows = 64;

  MW_KERNEL static Vec Load(const void* from) { return _mm512_load_si512(from); }
  MW_KERNEL static void Store(void* to, Vec value) { _mm512_store_si512(to, value); }
  MW_KERNEL static Vec Splat(std::uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
  MW_KERNEL static Mask Right(Vec value, Vec bin) { return _mm512_cmpgt_epi8_mask(value, bin); }
  MW_KERNEL static Vec Select(Mask mask, Vec right, Vec left) { return _mm512_mask_blend_epi8(mask, left, right); }
  MW_KERNEL static Vec Next(Vec index, Mask right) {
    const Vec twice = _mm512_add_epi8(index, index);
    return _mm512_mask_sub_epi8(twice, right, twice, _mm512_set1_epi8(-1));
  }

  template <int kLevel>
  MW_KERNEL static Vec Bins(const BinTables& tables, Vec index, const Mask*) {
    const std::uint8_t* table = tables.bytes + (1 << kLevel);
    const Vec first = _mm512_loadu_si512(table);
    if constexpr (kLevel <= 6) return _mm512_permutexvar_epi8(index, first);
    return _mm512_permutex2var_epi8(first, index, _mm512_loadu_si512(table + 64));
  }
  MW_KERNEL static Vec Count(const float* thresholds, std::uint32_t num_levels, const float* column) {
    __m512i count[4];
    CountThresholds(thresholds, num_levels, column, count);
    const __m256i low = _mm256_set_m128i(_mm512_cvtepi32_epi8(count[1]), _mm512_cvtepi32_epi8(count[0]));
    const __m256i high = _mm256_set_m128i(_mm512_cvtepi32_epi8(count[3]), _mm512_cvtepi32_epi8(count[2]));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
  }
  MW_KERNEL static Vec WithMissing(Vec count, const float* column, const PlaneRule& rule) {
    Mask missing = 0;
    for (std::size_t q = 0; q < 4; ++q) {
      missing |= static_cast<Mask>(Missing(column + q * kLanes, rule.missing_max)) << (q * kLanes);
    }
    const Vec end = rule.left ? _mm512_setzero_si512() : _mm512_set1_epi8(-1);
    return _mm512_xor_si512(_mm512_mask_blend_epi8(missing, count, end), _mm512_set1_epi8(-128));
  }
  MW_KERNEL static Mask SetBits(const std::uint8_t* codes, const std::uint8_t* bits) {
    const Vec code = Load(codes);
    const Vec byte = _mm512_and_si512(_mm512_srli_epi16(code, 3), _mm512_set1_epi8(31));
    const Vec powers = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201U));
    const Vec bit = _mm512_shuffle_epi8(powers, _mm512_and_si512(code, _mm512_set1_epi8(7)));
    const Vec table = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bits)));
    return _mm512_test_epi8_mask(_mm512_permutexvar_epi8(byte, table), bit);
  }
  MW_KERNEL static Vec SetPlane(const std::uint8_t* codes, const std::uint8_t* bits) {
    return _mm512_mask_blend_epi8(SetBits(codes, bits), _mm512_set1_epi8(-128), _mm512_set1_epi8(127));
  }
  template <int kLevels, typename Sum>
  MW_KERNEL static void AddLeaves(const Sum* leaves, Vec index, Sum* sums) {
    AddSixteen<kLevels>(leaves, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(index)), sums);
    AddSixteen<kLevels>(leaves, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(index, 1)), sums + 16);
    AddSixteen<kLevels>(leaves, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(index, 2)), sums + 32);
    AddSixteen<kLevels>(leaves, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(index, 3)), sums + 48);
  }
};

struct Avx512Words {
  using Vec = __m512i;
  using Mask = __mmask32;
  using Bin = std::uint16_t;
  static constexpr std::size_t kRows = 32;

  MW_KERNEL static Vec Load(const void* from) { return _mm512_load_si512(from); }
  MW_KERNEL static void Store(void* to, Vec value) { _mm512_store_si512(to, value); }
  MW_KERNEL static Vec Splat(std::uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
  MW_KERNEL static Mask Right(Vec value, Vec bin) { return _mm512_cmpgt_epi16_mask(value, bin); }
  MW_KERNEL static Vec Select(Mask mask, Vec right, Vec left) { return _mm512_mask_blend_epi16(mask, left, right); }
  MW_KERNEL static Vec Next(Vec index, Mask right) {
    const Vec twice = _mm512_add_epi16(index, index);
    return _mm512_mask_sub_epi16(twice, right, twice, _mm512_set1_epi16(-1));
  }

  template <int kLevel>
  MW_KERNEL static Vec Bins(const BinTables& tables, Vec index, const Mask* masks) {
    return Table<kLevel>(tables.words + (1 << kLevel), index, masks);
  }
  template <int kLevel>
  MW_KERNEL static Vec Table(const std::uint16_t* table, Vec index, const Mask* masks) {
    if constexpr (kLevel <= 5) {
      return _mm512_permutexvar_epi16(index, _mm512_loadu_si512(table));
    } else if constexpr (kLevel == 6) {
      return _mm512_permutex2var_epi16(_mm512_loadu_si512(table), index, _mm512_loadu_si512(table + 32));
    } else {
      return Select(masks[0], Table<6>(table + 64, index, masks), Table<6>(table, index, masks));
    }
  }
  MW_KERNEL static Vec Count(const float* thresholds, std::uint32_t num_levels, const float* column) {
    __m512i count[2];
    CountThresholds(thresholds, num_levels, column, count);
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(count[0])), _mm512_cvtepi32_epi16(count[1]),
                              1);
  }
  MW_KERNEL static Vec WithMissing(Vec count, const float* column, const PlaneRule& rule) {
    const auto low = static_cast<Mask>(Missing(column, rule.missing_max));
    const auto high = static_cast<Mask>(Missing(column + kLanes, rule.missing_max));
    const Vec end = rule.left ? _mm512_setzero_si512() : _mm512_set1_epi8(-1);
    return _mm512_xor_si512(_mm512_mask_blend_epi16(low | (high << kLanes), count, end), _mm512_set1_epi16(-32768));
  }
  MW_KERNEL static Vec SetPlane(const std::uint8_t* codes, const std::uint8_t* bits) {
    const auto right = static_cast<Mask>(Avx512Bytes::SetBits(codes, bits));
    return _mm512_mask_blend_epi16(right, _mm512_set1_epi16(-32768), _mm512_set1_epi16(32767));
  }
  template <int kLevels, typename Sum>
  MW_KERNEL static void AddLeaves(const Sum* leaves, Vec index, Sum* sums) {
    AddSixteen<kLevels>(leaves, _mm512_cvtepu16_epi32(_mm512_castsi512_si256(index)), sums);
    AddSixteen<kLevels>(leaves, _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(index, 1)), sums + 16);
  }
};

}  // namespace

template <typename Sum>
BinnedKernel<Sum> Avx512Kernel(bool wide_bins) {
  return wide_bins ? MakeKernel<Avx512Words, Sum>() : MakeKernel<Avx512Bytes, Sum>();
}

template BinnedKernel<float> Avx512Kernel(bool);
template BinnedKernel<double> Avx512Kernel(bool);

}  // namespace mw::forest
