// The definition of a prediction, node by node.
#include "forest/walk_engine.h"

#include <algorithm>
#include <cmath>

namespace mw::forest {

bool GoesLeft(const Ensemble& ensemble, const Node& node, float value) {
  if (std::isnan(value) || (node.zero_is_missing && std::abs(value) <= kZeroMax)) return node.default_left;
  if (node.category_set == Node::kNone) return value < node.value;
  if (!IsCategory(value, ensemble.category_rule)) return true;
  const CategorySet& set = ensemble.category_sets[static_cast<std::size_t>(node.category_set)];
  return !std::binary_search(set.right.begin(), set.right.end(), CategoryOf(value));
}

namespace {

std::size_t LeafOf(const Ensemble& ensemble, const Tree& tree, const float* row) {
  std::size_t at = 0;
  while (!tree.nodes[at].IsLeaf()) {
    const Node& node = tree.nodes[at];
    at = static_cast<std::size_t>(node.left) + (GoesLeft(ensemble, node, row[node.feature]) ? 0 : 1);
  }
  return at;
}

}  // namespace

template <typename Sum>
void WalkEngine<Sum>::AddUp(const float* rows, std::size_t count, Sum* sums) const {
  for (std::size_t row = 0; row < count; ++row, rows += ensemble_.num_features, sums += ensemble_.num_outputs) {
    for (std::size_t output = 0; output < ensemble_.num_outputs; ++output) {
      sums[output] = static_cast<Sum>(ensemble_.BaseMargin(output));
    }
    for (const Tree& tree : ensemble_.trees) {
      sums[tree.output] += tree.template LeafValue<Sum>(LeafOf(ensemble_, tree, rows));
    }
  }
}

template class WalkEngine<float>;
template class WalkEngine<double>;

void WalkMargins(const Ensemble& ensemble, const float* rows, std::size_t count, float* margins) {
  WalkEngine<float>(ensemble).AddUp(rows, count, margins);
}

}  // namespace mw::forest
