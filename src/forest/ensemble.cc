// Cutting an ensemble of several outputs into ensembles of one.
#include "forest/ensemble.h"

#include <algorithm>
#include <utility>

namespace mw::forest {
namespace {

/// Leaves only the category sets that the trees use, in their order, and renumbers the nodes.
void DropUnusedSets(Ensemble& ensemble) {
  std::vector<std::int32_t> position(ensemble.category_sets.size(), Node::kNone);
  for (const Tree& tree : ensemble.trees) {
    for (const Node& node : tree.nodes) {
      if (node.category_set != Node::kNone) position[static_cast<std::size_t>(node.category_set)] = 0;
    }
  }
  std::vector<CategorySet> used;
  for (std::size_t set = 0; set < position.size(); ++set) {
    if (position[set] == Node::kNone) continue;
    position[set] = static_cast<std::int32_t>(used.size());
    used.push_back(std::move(ensemble.category_sets[set]));
  }
  ensemble.category_sets = std::move(used);
  for (Tree& tree : ensemble.trees) {
    for (Node& node : tree.nodes) {
      if (node.category_set != Node::kNone) node.category_set = position[static_cast<std::size_t>(node.category_set)];
    }
  }
}

}  // namespace

Ensemble OneOutput(const Ensemble& all, std::uint32_t output) {
  Ensemble one = all;
  std::erase_if(one.trees, [output](const Tree& tree) { return tree.output != output; });
  for (Tree& tree : one.trees) tree.output = 0;
  one.num_outputs = 1;
  one.base_margin = all.BaseMargin(output);
  one.base_margins.clear();
  DropUnusedSets(one);
  return one;
}

}  // namespace mw::forest
