// Layout in plain C++, evaluation in AVX2 intrinsics behind target attributes: the rest of the program
// stays runnable on processors without AVX2.
#include "forest/binned_engine.h"

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>

#include "base/assert.h"

#define MW_AVX2 __attribute__((target("avx2")))
#define MW_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

namespace mw::forest {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
/// Levels 0 to 3 of a search tree take eight floats each: one register, looked up by permutation.
constexpr std::uint32_t kRegisterLevels = 4;
constexpr std::size_t kLanes = 8;
constexpr std::size_t kInputsMax = 65'536;
// What fits the stack; larger models allocate once for each call.
constexpr std::size_t kPlanesOnStack = 1'024;
constexpr std::size_t kPaddedFloatsOnStack = 4'096;

using Plane = BinnedEngine::Plane;
using PackedTree = BinnedEngine::PackedTree;

bool Fits(const Ensemble& ensemble, const SplitInputs& inputs) {
  const auto small_codes = [](const CategoryFeature& f) { return f.code_max <= BinnedEngine::kCategoryMax; };
  const auto shallow = [](const Tree& tree) { return tree.depth <= BinnedEngine::kDepthMax; };
  return __builtin_cpu_supports("avx2") != 0 && inputs.size() <= kInputsMax &&
         std::all_of(inputs.categorical().begin(), inputs.categorical().end(), small_codes) &&
         std::all_of(ensemble.trees.begin(), ensemble.trees.end(), shallow);
}

/// Ascending and distinct, for each feature.
std::vector<std::vector<float>> SortedThresholds(const Ensemble& ensemble) {
  std::vector<std::vector<float>> sorted(ensemble.num_features);
  for (const Tree& tree : ensemble.trees) {
    for (const Node& node : tree.nodes) {
      if (!node.IsLeaf() && node.category_set == Node::kNone) sorted[node.feature].push_back(node.value);
    }
  }
  for (std::vector<float>& thresholds : sorted) {
    std::sort(thresholds.begin(), thresholds.end());
    thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  }
  return sorted;
}

/// Four registers of eight 32-bit values below 256 become 32 bytes, in order, biased for signed comparison.
MW_AVX2_INLINE __m256i PackBytes(const __m256i (&words)[4]) {
  const __m256i mixed =
      _mm256_packus_epi16(_mm256_packus_epi32(words[0], words[1]), _mm256_packus_epi32(words[2], words[3]));
  return _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

MW_AVX2_INLINE __m256i Biased(__m256i bytes) { return _mm256_xor_si256(bytes, _mm256_set1_epi8(-128)); }

MW_AVX2_INLINE void Store(Plane& plane, __m256i bytes) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(plane.bytes), bytes);
}

/// One feature of 32 rows that lie `stride` floats apart.
MW_AVX2_INLINE void LoadColumn(const float* column, std::size_t stride, __m256 (&values)[4]) {
  const __m256i offsets =
      _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(static_cast<int>(stride)));
  for (std::size_t q = 0; q < 4; ++q) values[q] = _mm256_i32gather_ps(column + q * kLanes * stride, offsets, 4);
}

/// How many thresholds are at or below each value: a search without branches, all lanes in step. Padding
/// thresholds are infinite; an infinite value counts them too, which is past every bin all the same.
MW_AVX2_INLINE void CountThresholds(const float* level, std::uint32_t num_levels, const __m256 (&values)[4],
                                    __m256i (&count)[4]) {
  for (std::uint32_t depth = 0; depth < num_levels; ++depth) {
    if (depth < kRegisterLevels) {
      const __m256 thresholds = _mm256_loadu_ps(level);
      for (int q = 0; q < 4; ++q) {
        const __m256 threshold = _mm256_permutevar8x32_ps(thresholds, count[q]);
        const __m256i right = _mm256_castps_si256(_mm256_cmp_ps(threshold, values[q], _CMP_LE_OQ));
        count[q] = _mm256_sub_epi32(_mm256_add_epi32(count[q], count[q]), right);
      }
      level += kLanes;
    } else {
      for (int q = 0; q < 4; ++q) {
        const __m256 threshold = _mm256_i32gather_ps(level, count[q], 4);
        const __m256i right = _mm256_castps_si256(_mm256_cmp_ps(threshold, values[q], _CMP_LE_OQ));
        count[q] = _mm256_sub_epi32(_mm256_add_epi32(count[q], count[q]), right);
      }
      level += std::size_t{1} << depth;
    }
  }
}

MW_AVX2 void FillNumeric(const BinnedEngine::BinnedFeature& feature, const float* thresholds, const float* rows,
                         std::size_t stride, Plane* planes) {
  __m256 values[4];
  LoadColumn(rows + feature.feature, stride, values);
  __m256i count[4] = {};
  CountThresholds(thresholds + feature.first_threshold, feature.num_levels, values, count);
  // A missing value compares false everywhere: its count is 0, which goes left.
  const __m256i bins = PackBytes(count);
  if (feature.left_plane >= 0) Store(planes[feature.left_plane], Biased(bins));
  if (feature.right_plane < 0) return;
  __m256i missing[4];
  for (int q = 0; q < 4; ++q) {
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(values[q], values[q], _CMP_UNORD_Q));
    missing[q] = _mm256_and_si256(nan, _mm256_set1_epi32(255));
  }
  Store(planes[feature.right_plane], Biased(_mm256_or_si256(bins, PackBytes(missing))));
}

/// Codes of 32 values: the category; code_max + 1 for anything greater or negative (which is greater
/// when taken without its sign); code_max + 2 for a missing value.
MW_AVX2_INLINE __m256i Codes(const CategoryFeature& feature, const float* rows, std::size_t stride) {
  __m256 values[4];
  LoadColumn(rows + feature.feature, stride, values);
  const auto code_max = static_cast<int>(feature.code_max);
  __m256i codes[4];
  for (int q = 0; q < 4; ++q) {
    const __m256i whole = _mm256_cvttps_epi32(_mm256_floor_ps(values[q]));
    const __m256i code = _mm256_min_epu32(whole, _mm256_set1_epi32(code_max + 1));
    const __m256i missing = _mm256_castps_si256(_mm256_cmp_ps(values[q], values[q], _CMP_UNORD_Q));
    codes[q] = _mm256_blendv_epi8(code, _mm256_set1_epi32(code_max + 2), missing);
  }
  return PackBytes(codes);
}

/// The plane of each set of one feature: look up bit (code) of the set's 256 bits, 32 codes at once.
MW_AVX2 void FillSets(const CategoryFeature& feature, const BinnedEngine::CodeBits* sets, const float* rows,
                      std::size_t stride, Plane* planes) {
  const __m256i codes = Codes(feature, rows, stride);
  const __m256i byte = _mm256_and_si256(_mm256_srli_epi16(codes, 3), _mm256_set1_epi8(15));
  const __m256i powers = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201U));
  const __m256i bit = _mm256_shuffle_epi8(powers, _mm256_and_si256(codes, _mm256_set1_epi8(7)));
  for (std::size_t set = 0; set < feature.count; ++set) {
    const __m256i bits = _mm256_load_si256(reinterpret_cast<const __m256i*>(sets[set].bytes));
    const __m256i low = _mm256_shuffle_epi8(_mm256_permute2x128_si256(bits, bits, 0x00), byte);
    const __m256i high = _mm256_shuffle_epi8(_mm256_permute2x128_si256(bits, bits, 0x11), byte);
    const __m256i found = _mm256_and_si256(_mm256_blendv_epi8(low, high, codes), bit);
    Store(planes[set], Biased(_mm256_cmpeq_epi8(found, bit)));
  }
}

/// Whether each of 32 rows goes left at the node that its path reaches, of the 2^kLevels nodes from
/// `first` on; masks[0] is the outermost decision among them.
template <int kLevels>
MW_AVX2_INLINE __m256i Decide(const PackedTree& tree, const Plane* planes, int first, const __m256i* masks) {
  if constexpr (kLevels == 0) {
    const auto* plane = reinterpret_cast<const char*>(planes) + tree.planes[first];
    return _mm256_cmpgt_epi8(_mm256_set1_epi8(tree.bins[first]),
                             _mm256_load_si256(reinterpret_cast<const __m256i*>(plane)));
  } else {
    const __m256i left = Decide<kLevels - 1>(tree, planes, first, masks + 1);
    const __m256i right = Decide<kLevels - 1>(tree, planes, first + (1 << (kLevels - 1)), masks + 1);
    return _mm256_blendv_epi8(right, left, masks[0]);
  }
}

/// Decides level kLevel of a tree of kDepth levels and everything below it; a step right is a bit of `leaf`.
template <int kDepth, int kLevel>
MW_AVX2_INLINE void DecideFrom(const PackedTree& tree, const Plane* planes, __m256i* masks, __m256i& leaf) {
  if constexpr (kLevel < kDepth) {
    masks[kLevel] = Decide<kLevel>(tree, planes, (1 << kLevel) - 1, masks);
    leaf = _mm256_or_si256(leaf, _mm256_andnot_si256(masks[kLevel], _mm256_set1_epi8(1 << (kDepth - 1 - kLevel))));
    DecideFrom<kDepth, kLevel + 1>(tree, planes, masks, leaf);
  }
}

/// The numbers of the leaves that 32 rows reach.
template <int kDepth>
MW_AVX2_INLINE __m256i Leaves(const PackedTree& tree, const Plane* planes) {
  __m256i masks[kDepth + 1];
  __m256i leaf = _mm256_setzero_si256();
  DecideFrom<kDepth, 0>(tree, planes, masks, leaf);
  return leaf;
}

MW_AVX2_INLINE void AddLeaves(const PackedTree& tree, __m256i leaf, __m256 (&sums)[4]) {
  const __m128i low = _mm256_castsi256_si128(leaf);
  const __m128i high = _mm256_extracti128_si256(leaf, 1);
  sums[0] = _mm256_add_ps(sums[0], _mm256_i32gather_ps(tree.leaves, _mm256_cvtepu8_epi32(low), 4));
  sums[1] = _mm256_add_ps(sums[1], _mm256_i32gather_ps(tree.leaves, _mm256_cvtepu8_epi32(_mm_srli_si128(low, 8)), 4));
  sums[2] = _mm256_add_ps(sums[2], _mm256_i32gather_ps(tree.leaves, _mm256_cvtepu8_epi32(high), 4));
  sums[3] = _mm256_add_ps(sums[3], _mm256_i32gather_ps(tree.leaves, _mm256_cvtepu8_epi32(_mm_srli_si128(high, 8)), 4));
}

MW_AVX2 void SumAllTrees(const std::vector<PackedTree>& trees, const Plane* planes, float base_margin, float* margins) {
  __m256 sums[4];
  for (__m256& sum : sums) sum = _mm256_set1_ps(base_margin);
  for (const PackedTree& tree : trees) {
    __m256i leaf;
    switch (tree.depth) {
      case 6: leaf = Leaves<6>(tree, planes); break;
      case 5: leaf = Leaves<5>(tree, planes); break;
      case 4: leaf = Leaves<4>(tree, planes); break;
      case 3: leaf = Leaves<3>(tree, planes); break;
      case 2: leaf = Leaves<2>(tree, planes); break;
      case 1: leaf = Leaves<1>(tree, planes); break;
      default: leaf = _mm256_setzero_si256(); break;
    }
    AddLeaves(tree, leaf, sums);
  }
  for (std::size_t q = 0; q < 4; ++q) _mm256_storeu_ps(margins + q * kLanes, sums[q]);
}

}  // namespace

std::optional<BinnedEngine> BinnedEngine::Make(const Ensemble& ensemble, const SplitInputs& inputs) {
  if (!Fits(ensemble, inputs)) return std::nullopt;
  BinnedEngine engine;
  engine.num_features_ = ensemble.num_features;
  engine.base_margin_ = ensemble.base_margin;
  engine.num_planes_ = inputs.size();
  if (!engine.AddFeatures(ensemble, inputs)) return std::nullopt;
  engine.AddSets(ensemble, inputs);
  for (const Tree& tree : ensemble.trees) engine.AddTree(tree, inputs);
  return engine;
}

bool BinnedEngine::AddFeatures(const Ensemble& ensemble, const SplitInputs& inputs) {
  sorted_ = SortedThresholds(ensemble);
  const auto fits = [](const std::vector<float>& thresholds) { return thresholds.size() <= kThresholdsMax; };
  if (!std::all_of(sorted_.begin(), sorted_.end(), fits)) return false;
  for (std::size_t plane = 0; plane < inputs.numeric().size(); ++plane) {
    const NumericInput& input = inputs.numeric()[plane];
    if (features_.empty() || features_.back().feature != input.feature) {
      features_.emplace_back().feature = input.feature;
      AddThresholds(features_.back(), sorted_[input.feature]);
    }
    BinnedFeature& feature = features_.back();
    (input.default_left ? feature.left_plane : feature.right_plane) = static_cast<std::int32_t>(plane);
  }
  return true;
}

void BinnedEngine::AddThresholds(BinnedFeature& feature, const std::vector<float>& sorted) {
  feature.first_threshold = thresholds_.size();
  feature.num_levels = static_cast<std::uint32_t>(std::bit_width(sorted.size()));
  for (std::uint32_t level = 0; level < feature.num_levels; ++level) {
    const std::size_t width = std::size_t{1} << level;
    const std::size_t step = std::size_t{1} << (feature.num_levels - 1 - level);
    for (std::size_t at = 0; at < std::max(width, level < kRegisterLevels ? kLanes : width); ++at) {
      const std::size_t rank = (2 * at + 1) * step - 1;
      thresholds_.push_back(at < width && rank < sorted.size() ? sorted[rank] : kInfinity);
    }
  }
}

void BinnedEngine::AddSets(const Ensemble& ensemble, const SplitInputs& inputs) {
  categorical_ = inputs.categorical();
  first_set_plane_ = inputs.numeric().size();
  for (const CategoryFeature& feature : categorical_) {
    for (std::size_t set = feature.first; set < feature.first + feature.count; ++set) {
      CodeBits bits{};
      const auto goes_right = [&](std::uint32_t code) {
        bits.bytes[code / 8] = static_cast<std::uint8_t>(bits.bytes[code / 8] | (1U << (code % 8)));
      };
      for (const std::uint32_t code : ensemble.category_sets[set].right) goes_right(code);
      if (!ensemble.category_sets[set].default_left) goes_right(feature.code_max + 2);
      set_bits_.push_back(bits);
    }
  }
}

void BinnedEngine::AddTree(const Tree& tree, const SplitInputs& inputs) {
  PackedTree packed{};
  packed.depth = tree.depth;
  Fill(packed, tree, inputs, 0, 0, 0);
  trees_.push_back(packed);
}

/// A leaf above the last level is repeated below: whatever its unused splits say, it is reached.
void BinnedEngine::Fill(PackedTree& packed, const Tree& tree, const SplitInputs& inputs, std::size_t node,
                        std::uint32_t level, std::size_t position) const {
  const Node& filled = tree.nodes[node];
  if (level == tree.depth) {
    packed.leaves[position - ((std::size_t{1} << level) - 1)] = filled.value;
    return;
  }
  const bool leaf = filled.IsLeaf();
  if (!leaf) {
    packed.planes[position] = static_cast<std::uint32_t>(inputs.IndexOf(filled) * sizeof(Plane));
    packed.bins[position] = BinOf(filled);
  }
  const std::size_t left = leaf ? node : static_cast<std::size_t>(filled.left);
  Fill(packed, tree, inputs, left, level + 1, 2 * position + 1);
  Fill(packed, tree, inputs, leaf ? node : left + 1, level + 1, 2 * position + 2);
}

std::int8_t BinnedEngine::BinOf(const Node& split) const {
  if (split.category_set != Node::kNone) return -127;
  const std::vector<float>& sorted = sorted_[split.feature];
  const auto rank = std::lower_bound(sorted.begin(), sorted.end(), split.value) - sorted.begin();
  return static_cast<std::int8_t>(rank + 1 - 128);
}

void BinnedEngine::FillPlanes(const float* rows, Plane* planes) const {
  for (const BinnedFeature& feature : features_) FillNumeric(feature, thresholds_.data(), rows, num_features_, planes);
  for (const CategoryFeature& feature : categorical_) {
    FillSets(feature, set_bits_.data() + feature.first, rows, num_features_, planes + first_set_plane_ + feature.first);
  }
}

void BinnedEngine::SumTrees(const Plane* planes, float* margins) const {
  SumAllTrees(trees_, planes, base_margin_, margins);
}

void BinnedEngine::Blocks(const float* rows, std::size_t count, Plane* planes, float* margins) const {
  for (; count >= kRowsAtOnce; count -= kRowsAtOnce, rows += kRowsAtOnce * num_features_, margins += kRowsAtOnce) {
    FillPlanes(rows, planes);
    SumTrees(planes, margins);
  }
  if (count == 0) return;
  std::array<float, kPaddedFloatsOnStack> on_stack;
  std::unique_ptr<float[]> allocated;
  float* padded = on_stack.data();
  const std::size_t floats = kRowsAtOnce * num_features_;
  if (floats > on_stack.size()) {
    allocated = std::make_unique_for_overwrite<float[]>(floats);
    padded = allocated.get();
  }
  std::copy_n(rows, count * num_features_, padded);
  std::fill(padded + count * num_features_, padded + floats, 0.0F);
  std::array<float, kRowsAtOnce> block;
  FillPlanes(padded, planes);
  SumTrees(planes, block.data());
  std::copy_n(block.data(), count, margins);
}

void BinnedEngine::Margins(const float* rows, std::size_t count, float* margins) const {
  if (num_planes_ <= kPlanesOnStack) {
    std::array<Plane, kPlanesOnStack> planes;
    // A forest of bare leaves has no input, but its unused comparisons still read the first plane.
    planes[0] = {};
    Blocks(rows, count, planes.data(), margins);
  } else {
    const auto planes = std::make_unique_for_overwrite<Plane[]>(num_planes_);
    Blocks(rows, count, planes.get(), margins);
  }
}

}  // namespace mw::forest
