// Trees and thresholds, a register each.
#include "forest/masked_engine.h"

#include <algorithm>
#include <limits>

#include "forest/binned_engine.h"
#include "forest/complete_tree.h"

namespace mw::forest {
namespace {

constexpr std::uint32_t kLevelsMax = 6;

template <typename Sum>
bool Fits(const Ensemble& ensemble, const BinnedLayout<Sum>& binned) {
  return !binned.wide_bins && binned.num_planes <= kMaskedPlanesMax &&
         std::all_of(ensemble.trees.begin(), ensemble.trees.end(),
                     [](const Tree& tree) { return tree.depth <= kLevelsMax; });
}

void AddThresholds(std::vector<float> sorted, std::vector<SixteenThresholds>& thresholds) {
  sorted.resize(kMaskedLanes * kMaskedLanes, std::numeric_limits<float>::quiet_NaN());
  SixteenThresholds& sixteenths = thresholds.emplace_back();
  for (std::size_t part = 0; part < kMaskedLanes; ++part) {
    sixteenths.values[part] = sorted[(part + 1) * kMaskedLanes - 1];
  }
  for (auto from = sorted.begin(); from != sorted.end(); from += kMaskedLanes) {
    std::copy_n(from, kMaskedLanes, thresholds.emplace_back().values);
  }
}

template <typename Sum>
void AddTree(const Tree& tree, const SplitInputs& inputs, const std::vector<std::vector<float>>& sorted,
             MaskedLayout<Sum>& layout) {
  MaskedTree& masked = layout.trees.emplace_back();
  const std::size_t first_leaf = layout.leaves.size();
  layout.leaves.resize(first_leaf + (std::size_t{1} << layout.levels));
  VisitComplete(
      tree, layout.levels,
      [&](std::size_t place, std::size_t node) {
        masked.planes[place] = static_cast<std::uint8_t>(inputs.IndexOf(tree.nodes[node]));
        masked.bins[place] = static_cast<std::uint8_t>(RankOf(tree.nodes[node], sorted) ^ 0x80U);
      },
      [&](std::size_t leaf, std::size_t node) {
        layout.leaves[first_leaf + leaf] = tree.template LeafValue<Sum>(node);
      });
}

}  // namespace

template <typename Sum>
std::shared_ptr<const MaskedLayout<Sum>> MaskedLayout<Sum>::Make(const Ensemble& ensemble, const SplitInputs& inputs,
                                                                 std::shared_ptr<const BinnedLayout<Sum>> binned) {
  if (binned == nullptr || !Fits(ensemble, *binned)) return nullptr;
  auto layout = std::make_shared<MaskedLayout>();
  const std::vector<std::vector<float>> sorted = SortedThresholds(ensemble);
  for (const Tree& tree : ensemble.trees) layout->levels = std::max(layout->levels, tree.depth);
  for (const BinnedFeature& feature : binned->features) AddThresholds(sorted[feature.column], layout->thresholds);
  for (std::uint32_t output = 0; output < ensemble.num_outputs; ++output) {
    for (const Tree& tree : ensemble.trees) {
      if (tree.output == output) AddTree(tree, inputs, sorted, *layout);
    }
  }
  layout->binned = std::move(binned);
  return layout;
}

template <typename Sum>
std::unique_ptr<MaskedEngine<Sum>> MaskedEngine<Sum>::Make(Engine engine,
                                                           std::shared_ptr<const MaskedLayout<Sum>> layout) {
  if (layout == nullptr || !HasInstructions(engine)) return nullptr;
  const MaskedRow<Sum> add_row = engine == Engine::kMaskedAvx512 ? MaskedRowAvx512<Sum>() : MaskedRowAvx2<Sum>();
  return std::unique_ptr<MaskedEngine>(new MaskedEngine(std::move(layout), add_row));
}

template <typename Sum>
void MaskedEngine<Sum>::AddUp(const float* rows, std::size_t count, Sum* sums) const {
  for (std::size_t row = 0; row < count; ++row) {
    add_row_(*layout_, rows + row * layout_->binned->num_features, sums + row * layout_->binned->outputs.size());
  }
}

template struct MaskedLayout<float>;
template struct MaskedLayout<double>;
template class MaskedEngine<float>;
template class MaskedEngine<double>;

}  // namespace mw::forest
