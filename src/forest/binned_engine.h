// Batches on AVX2, 32 rows in one register. A tree compares a feature with at most 254 thresholds, so a
// value is exactly replaced by the number of thresholds at or below it: one byte. Every input becomes a
// plane of 32 bytes; a tree is then all its comparisons at once (one instruction each for 32 rows) and a
// network of selections that yields the number of the leaf. Timing does not depend on the data.
//
//   missing   a plane of its own for each direction: 0 (goes left) or 255 (goes right)
//   category  a plane for each set, by look-up of the category's bit in registers: 0 or 255
//
// Immutable after Make, any thread. Margins may only run where Make succeeded.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "forest/ensemble.h"
#include "forest/split_inputs.h"

namespace mw::forest {

class BinnedEngine {
 public:
  static constexpr std::size_t kRowsAtOnce = 32;
  static constexpr std::uint32_t kDepthMax = 6;
  static constexpr std::size_t kThresholdsMax = 254;
  static constexpr std::uint32_t kCategoryMax = 253;

  /// Nothing when the processor has no AVX2, a tree is deeper, a feature has more thresholds, or a
  /// category is greater than the limits above.
  static std::optional<BinnedEngine> Make(const Ensemble& ensemble, const SplitInputs& inputs);

  /// `rows`: count x num_features. Writes `count` margins. Works in blocks of kRowsAtOnce; a block that
  /// is not full costs as much as a full one.
  void Margins(const float* rows, std::size_t count, float* margins) const;

  /// The byte of one input for 32 rows.
  struct alignas(32) Plane {
    std::int8_t bytes[kRowsAtOnce];
  };
  /// One numeric feature: its thresholds as a search tree, level by level, and its planes.
  struct BinnedFeature {
    static constexpr std::int32_t kNoPlane = -1;
    std::uint32_t feature = 0;
    std::uint32_t num_levels = 0;         ///< 2^num_levels - 1 thresholds, the last ones infinite
    std::size_t first_threshold = 0;      ///< in thresholds_
    std::int32_t left_plane = kNoPlane;   ///< missing goes left
    std::int32_t right_plane = kNoPlane;  ///< missing goes right
  };
  /// A complete tree of `depth` levels: node i has the children 2i+1 and 2i+2.
  struct alignas(32) PackedTree {
    float leaves[64];
    std::uint32_t planes[64];  ///< in bytes from the first plane
    std::int8_t bins[64];      ///< goes left below it; less 128, because bytes are compared with their sign
    std::uint32_t depth;
  };
  /// Bit c of 256 says whether code c goes right.
  struct alignas(32) CodeBits {
    std::uint8_t bytes[32];
  };

 private:
  BinnedEngine() = default;
  bool AddFeatures(const Ensemble& ensemble, const SplitInputs& inputs);
  void AddThresholds(BinnedFeature& feature, const std::vector<float>& sorted);
  void AddSets(const Ensemble& ensemble, const SplitInputs& inputs);
  void AddTree(const Tree& tree, const SplitInputs& inputs);
  void Fill(PackedTree& packed, const Tree& tree, const SplitInputs& inputs, std::size_t node, std::uint32_t level,
            std::size_t position) const;
  [[nodiscard]] std::int8_t BinOf(const Node& split) const;
  void FillPlanes(const float* rows, Plane* planes) const;
  void SumTrees(const Plane* planes, float* margins) const;
  void Blocks(const float* rows, std::size_t count, Plane* planes, float* margins) const;

  std::size_t num_features_ = 0;
  float base_margin_ = 0;
  std::size_t num_planes_ = 0;
  std::vector<BinnedFeature> features_;
  std::vector<std::vector<float>> sorted_;  ///< by feature: its thresholds, ascending
  std::vector<float> thresholds_;
  std::vector<CategoryFeature> categorical_;
  std::size_t first_set_plane_ = 0;
  std::vector<CodeBits> set_bits_;
  std::vector<PackedTree> trees_;
};

}  // namespace mw::forest
