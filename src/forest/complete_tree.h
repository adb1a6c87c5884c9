// A tree as if it were complete: node i of level l stands at 2^l + i, its children at twice that and one further. A
// leaf above the last level is repeated below: whatever its unused splits say, it is reached. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "forest/ensemble.h"

namespace mw::forest {

/// Calls on_split(place, node) for each split of the tree and on_leaf(i, node) for each of the 2^levels leaves, `node`
/// being the place in tree.nodes. `levels` is at least the tree's depth.
template <typename OnSplit, typename OnLeaf>
void VisitComplete(const Tree& tree, std::uint32_t levels, const OnSplit& on_split, const OnLeaf& on_leaf,
                   std::size_t node = 0, std::uint32_t level = 0, std::size_t at = 0) {
  if (level == levels) return on_leaf(at, node);
  const bool leaf = tree.nodes[node].IsLeaf();
  if (!leaf) on_split((std::size_t{1} << level) + at, node);
  const std::size_t left = leaf ? node : static_cast<std::size_t>(tree.nodes[node].left);
  VisitComplete(tree, levels, on_split, on_leaf, left, level + 1, 2 * at);
  VisitComplete(tree, levels, on_split, on_leaf, leaf ? node : left + 1, level + 1, 2 * at + 1);
}

}  // namespace mw::forest
