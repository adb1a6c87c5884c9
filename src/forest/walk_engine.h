// One node after the other, straight from the ensemble: runs any forest, and is the plainest statement
// of what a forest means. The other engines are compared with it, and it with XGBoost. Pure, any thread.
#pragma once

#include <cstddef>

#include "forest/ensemble.h"

namespace mw::forest {

/// Whether a value of the split's feature goes to the left child; `node` is no leaf.
bool GoesLeft(const Ensemble& ensemble, const Node& node, float value);

/// `rows`: count x num_features. Writes `count` margins.
void WalkMargins(const Ensemble& ensemble, const float* rows, std::size_t count, float* margins);

}  // namespace mw::forest
