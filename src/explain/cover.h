// How often a split goes either way, as the training rows did: what a coalition without the split's feature
// expects. Pure, any thread.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "forest/ensemble.h"

namespace mw::explain {

/// Whether every node of the ensemble has a finite cover of at least 0.
/// Errors: kFailedPrecondition naming the tree, and what to do when the model carries no covers.
Status CheckCovers(const forest::Ensemble& ensemble);

/// The share of the rows at `split` (no leaf) that go left. The children's own sum is the whole, so that shares add
/// up to 1 in every bit; halves where no row arrived.
inline double LeftShare(const forest::Tree& tree, const forest::Node& split) {
  const auto left = static_cast<std::size_t>(split.left);
  const double sum = static_cast<double>(tree.covers[left]) + static_cast<double>(tree.covers[left + 1]);
  return sum > 0 ? static_cast<double>(tree.covers[left]) / sum : 0.5;
}

}  // namespace mw::explain
