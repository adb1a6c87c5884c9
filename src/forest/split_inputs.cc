// Collecting the inputs.
#include "forest/split_inputs.h"

#include <algorithm>

#include "base/assert.h"

namespace mw::forest {
namespace {

NumericInput InputOf(const Node& split) { return {split.feature, split.default_left, split.zero_is_missing}; }

}  // namespace

SplitInputs::SplitInputs(const Ensemble& ensemble) : num_sets_(ensemble.category_sets.size()) {
  for (const Tree& tree : ensemble.trees) {
    for (const Node& node : tree.nodes) {
      if (!node.IsLeaf() && node.category_set == Node::kNone) numeric_.push_back(InputOf(node));
    }
  }
  std::sort(numeric_.begin(), numeric_.end());
  numeric_.erase(std::unique(numeric_.begin(), numeric_.end()), numeric_.end());
  for (std::size_t set = 0; set < num_sets_; ++set) {
    const CategorySet& added = ensemble.category_sets[set];
    if (categorical_.empty() || categorical_.back().feature != added.feature) {
      categorical_.push_back({added.feature, set, 0, 0});
    }
    ++categorical_.back().count;
    categorical_.back().code_max = std::max(categorical_.back().code_max, added.right.back());
  }
}

std::size_t SplitInputs::IndexOf(const Node& split) const {
  if (split.category_set != Node::kNone) return numeric_.size() + static_cast<std::size_t>(split.category_set);
  const NumericInput wanted = InputOf(split);
  const auto found = std::lower_bound(numeric_.begin(), numeric_.end(), wanted);
  MW_ASSERT(found != numeric_.end() && *found == wanted);
  return static_cast<std::size_t>(found - numeric_.begin());
}

}  // namespace mw::forest
