// The definition of a prediction, node by node.
#include "forest/walk_engine.h"

#include <algorithm>
#include <cmath>

namespace mw::forest {

bool GoesLeft(const Ensemble& ensemble, const Node& node, float value) {
  if (std::isnan(value)) return node.default_left;
  if (node.category_set == Node::kNone) return value < node.value;
  if (!IsCategory(value)) return true;
  const CategorySet& set = ensemble.category_sets[static_cast<std::size_t>(node.category_set)];
  return !std::binary_search(set.right.begin(), set.right.end(), static_cast<std::uint32_t>(value));
}

namespace {

float LeafValue(const Ensemble& ensemble, const Tree& tree, const float* row) {
  const Node* node = tree.nodes.data();
  while (!node->IsLeaf()) {
    const bool left = GoesLeft(ensemble, *node, row[node->feature]);
    node = tree.nodes.data() + node->left + (left ? 0 : 1);
  }
  return node->value;
}

}  // namespace

void WalkMargins(const Ensemble& ensemble, const float* rows, std::size_t count, float* margins) {
  for (std::size_t row = 0; row < count; ++row) {
    float margin = ensemble.base_margin;
    for (const Tree& tree : ensemble.trees) margin += LeafValue(ensemble, tree, rows + row * ensemble.num_features);
    margins[row] = margin;
  }
}

}  // namespace mw::forest
