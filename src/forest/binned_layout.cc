// Binning the thresholds and choosing each tree's form.
#include "forest/binned_layout.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "forest/complete_tree.h"

namespace mw::forest {
namespace {

constexpr float kPaddingThreshold = std::numeric_limits<float>::infinity();
constexpr std::size_t kBinnedInputsMax = 65'536;
constexpr std::size_t kRegisterFloats = 16;
/// Kernels read whole registers behind a tree's bins.
constexpr std::size_t kBinPadding = 128;
// What a node of a complete tree costs against a step: measured with bench/forest_bench.cc.
constexpr std::size_t kNodeCost = 3, kStepCost = 10;

std::size_t CountSplits(const Tree& tree) { return tree.nodes.size() / 2; }

template <typename Sum>
bool IsComplete(const Tree& tree) {
  using Layout = BinnedLayout<Sum>;
  if (tree.depth > Layout::kDepthMax) return false;
  const std::size_t nodes = std::size_t{1} << tree.depth;
  return nodes * kNodeCost <= CountSplits(tree) * kStepCost || CountSplits(tree) >= Layout::kLeavesMax;
}

template <typename Sum>
class Builder {
 public:
  using Layout = BinnedLayout<Sum>;

  Builder(const Ensemble& ensemble, const SplitInputs& inputs)
      : ensemble_(ensemble), inputs_(inputs), sorted_(SortedThresholds(ensemble)) {}

  bool Build(Layout& layout) {
    layout_ = &layout;
    if (!Fits()) return false;
    layout.category_rule = ensemble_.category_rule;
    layout.num_features = ensemble_.num_features;
    layout.num_planes = std::max<std::size_t>(inputs_.size(), 1);  // bare leaves compare with the first one too
    AddFeatures();
    AddGroups();
    AddSets();
    AddTrees();
    AddPadding();
    return true;
  }

 private:
  [[nodiscard]] bool Fits() {
    std::size_t thresholds = 0;
    for (const std::vector<float>& of_feature : sorted_) thresholds = std::max(thresholds, of_feature.size());
    layout_->wide_bins = thresholds > Layout::kThresholdsOfByteMax;
    const auto small_codes = [](const CategoryFeature& f) { return f.code_max <= Layout::kCategoryMax; };
    const auto small = [](const Tree& tree) {
      return tree.depth <= Layout::kDepthMax || CountSplits(tree) < Layout::kLeavesMax;
    };
    return thresholds <= Layout::kThresholdsMax && inputs_.size() <= kBinnedInputsMax &&
           std::all_of(inputs_.categorical().begin(), inputs_.categorical().end(), small_codes) &&
           std::all_of(ensemble_.trees.begin(), ensemble_.trees.end(), small);
  }

  void AddFeatures() {
    for (std::size_t plane = 0; plane < inputs_.numeric().size(); ++plane) {
      const NumericInput& input = inputs_.numeric()[plane];
      if (layout_->features.empty() || layout_->features.back().column != input.feature) {
        BinnedFeature& feature = layout_->features.emplace_back();
        feature.column = input.feature;
        feature.first_plane = static_cast<std::uint32_t>(plane);
        AddThresholds(feature, sorted_[input.feature]);
      }
      ++layout_->features.back().num_planes;
      layout_->plane_rules.push_back({input.MissingMax(), input.default_left});
    }
  }

  void AddThresholds(BinnedFeature& feature, const std::vector<float>& sorted) {
    feature.first_threshold = layout_->thresholds.size();
    feature.num_levels = static_cast<std::uint32_t>(std::bit_width(sorted.size()));
    for (std::uint32_t level = 0; level < feature.num_levels; ++level) {
      const std::size_t width = std::size_t{1} << level;
      const std::size_t step = std::size_t{1} << (feature.num_levels - 1 - level);
      for (std::size_t at = 0; at < std::max(width, kRegisterFloats); ++at) {
        const std::size_t rank = (2 * at + 1) * step - 1;
        layout_->thresholds.push_back(at < width && rank < sorted.size() ? sorted[rank] : kPaddingThreshold);
      }
    }
  }

  /// Four columns together wherever more than one of them is asked for.
  void AddGroups() {
    const std::vector<BinnedFeature>& features = layout_->features;
    for (std::size_t at = 0; at < features.size();) {
      ColumnGroup group{features[at].column, 1, static_cast<std::uint32_t>(at), 1};
      if (layout_->num_features >= 4) {
        group.first_column = std::min(features[at].column, static_cast<std::uint32_t>(layout_->num_features - 4));
        while (at + group.num_features < features.size() &&
               features[at + group.num_features].column < group.first_column + 4) {
          ++group.num_features;
        }
        group.num_columns = 4;
        if (group.num_features == 1) group = {features[at].column, 1, static_cast<std::uint32_t>(at), 1};
      }
      layout_->groups.push_back(group);
      at += group.num_features;
    }
  }

  void AddSets() {
    layout_->categorical = inputs_.categorical();
    for (const CategoryFeature& feature : layout_->categorical) {
      for (std::size_t set = feature.first; set < feature.first + feature.count; ++set) {
        CodeBits bits{};
        const auto goes_right = [&](std::uint32_t code) {
          bits.bytes[code / 8] = static_cast<std::uint8_t>(bits.bytes[code / 8] | (1U << (code % 8)));
        };
        for (const std::uint32_t code : ensemble_.category_sets[set].right) goes_right(code);
        if (!ensemble_.category_sets[set].default_left) goes_right(feature.code_max + 2);
        layout_->set_bits.push_back(bits);
      }
    }
  }

  void AddTrees() {
    for (std::uint32_t output = 0; output < ensemble_.num_outputs; ++output) {
      BinnedOutput added{static_cast<std::uint32_t>(layout_->trees.size()), 0};
      for (const Tree& tree : ensemble_.trees) {
        if (tree.output != output) continue;
        IsComplete<Sum>(tree) ? AddComplete(tree) : AddSteps(tree);
        ++added.num_trees;
      }
      layout_->outputs.push_back(added);
      layout_->base_margins.push_back(static_cast<Sum>(ensemble_.BaseMargin(output)));
    }
  }

  void AddComplete(const Tree& tree) {
    const std::size_t nodes = std::size_t{1} << tree.depth;
    layout_->trees.push_back({tree.depth, 0, static_cast<std::uint32_t>(layout_->planes.size()),
                              static_cast<std::uint32_t>(layout_->leaves.size())});
    GrowNodes(layout_->planes.size() + nodes);
    layout_->leaves.resize(layout_->leaves.size() + nodes);
    const BinnedTree filled = layout_->trees.back();
    VisitComplete(
        tree, tree.depth,
        [&](std::size_t place, std::size_t node) { SetNode(filled.first_node + place, tree.nodes[node]); },
        [&](std::size_t leaf, std::size_t node) {
          layout_->leaves[filled.first_leaf + leaf] = tree.template LeafValue<Sum>(node);
        });
  }

  void GrowNodes(std::size_t size) {
    layout_->planes.resize(size);
    layout_->bins.resize(size);
    if (!layout_->wide_bins) return;
    layout_->words.resize(size);
    layout_->low_halves.resize(size);
    layout_->high_halves.resize(size);
  }

  void SetNode(std::size_t at, const Node& node) {
    layout_->planes[at] = PlaneOf(node);
    const std::uint32_t rank = RankOf(node, sorted_);
    layout_->bins[at] = static_cast<std::uint8_t>(rank ^ 0x80U);
    if (!layout_->wide_bins) return;
    layout_->words[at] = static_cast<std::uint16_t>(rank ^ 0x8000U);
    layout_->low_halves[at] = static_cast<std::uint8_t>(layout_->words[at] & 0xFFU);
    layout_->high_halves[at] = static_cast<std::uint8_t>(layout_->words[at] >> 8U);
  }

  void AddSteps(const Tree& tree) {
    const std::size_t splits = CountSplits(tree);
    const auto num_leaves = static_cast<std::uint32_t>(splits + 1);
    layout_->trees.push_back({static_cast<std::uint32_t>(std::bit_width(splits)), static_cast<std::uint32_t>(splits),
                              static_cast<std::uint32_t>(layout_->steps.size()),
                              static_cast<std::uint32_t>(layout_->leaves.size())});
    const std::size_t padded = std::size_t{1} << layout_->trees.back().levels;
    std::vector<std::uint32_t> slots(tree.nodes.size());
    std::uint32_t leaves = 0;
    for (std::size_t node = 0; node < tree.nodes.size(); ++node) {
      if (!tree.nodes[node].IsLeaf()) continue;
      slots[node] = leaves++ * static_cast<std::uint32_t>(kPlaneBytes);
      layout_->leaves.push_back(tree.template LeafValue<Sum>(node));
    }
    layout_->leaves.resize(layout_->trees.back().first_leaf + padded);
    layout_->leaves_max = std::max(layout_->leaves_max, num_leaves);
    // Children stand behind their parents; the slots of steps are numbered from the end of the longest leaves later.
    std::uint32_t steps = 0;
    for (std::size_t node = tree.nodes.size(); node-- > 0;) {
      const Node& split = tree.nodes[node];
      if (split.IsLeaf()) continue;
      slots[node] = kStepSlot + steps++;
      const auto left = static_cast<std::size_t>(split.left);
      layout_->steps.push_back({PlaneOf(split), slots[left], slots[left + 1], RepeatedBin(split)});
    }
    layout_->slots_max = std::max(layout_->slots_max, steps);
  }

  /// Room to read whole registers, and the places of the steps' slots, now that the most leaves are known.
  void AddPadding() {
    GrowNodes(layout_->planes.size() + kBinPadding);
    layout_->leaves.resize(layout_->leaves.size() + kRegisterFloats);
    layout_->thresholds.resize(layout_->thresholds.size() + kRegisterFloats, kPaddingThreshold);
    const auto placed = [this](std::uint32_t slot) {
      const auto bytes = static_cast<std::uint32_t>(kPlaneBytes);
      return slot < kStepSlot ? slot : (slot - kStepSlot + layout_->leaves_max) * bytes;
    };
    for (BinnedStep& step : layout_->steps) {
      step.left = placed(step.left);
      step.right = placed(step.right);
    }
    layout_->slots_max += layout_->leaves_max;
  }

  [[nodiscard]] std::uint32_t PlaneOf(const Node& split) const {
    return static_cast<std::uint32_t>(inputs_.IndexOf(split) * kPlaneBytes);
  }
  [[nodiscard]] std::uint32_t RepeatedBin(const Node& split) const {
    const std::uint32_t rank = RankOf(split, sorted_);
    return layout_->wide_bins ? (rank ^ 0x8000U) * 0x10001U : (rank ^ 0x80U) * 0x1010101U;
  }

  static constexpr std::uint32_t kStepSlot = 1U << 30U;

  const Ensemble& ensemble_;
  const SplitInputs& inputs_;
  const std::vector<std::vector<float>> sorted_;
  Layout* layout_ = nullptr;
};

}  // namespace

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

std::uint32_t RankOf(const Node& split, const std::vector<std::vector<float>>& sorted) {
  if (split.category_set != Node::kNone) return 0;
  const std::vector<float>& thresholds = sorted[split.feature];
  return static_cast<std::uint32_t>(std::lower_bound(thresholds.begin(), thresholds.end(), split.value) -
                                    thresholds.begin());
}

template <typename Sum>
std::shared_ptr<const BinnedLayout<Sum>> BinnedLayout<Sum>::Make(const Ensemble& ensemble, const SplitInputs& inputs) {
  auto layout = std::make_shared<BinnedLayout>();
  if (!Builder<Sum>(ensemble, inputs).Build(*layout)) return nullptr;
  return layout;
}

template struct BinnedLayout<float>;
template struct BinnedLayout<double>;

}  // namespace mw::forest
