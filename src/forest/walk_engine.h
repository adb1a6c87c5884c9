// One node after the other, straight from the ensemble: runs any forest, and is the plainest statement
// of what a forest means. The other engines are compared with it, and it with the libraries. Pure, any thread.
#pragma once

#include <cstddef>

#include "forest/engine.h"
#include "forest/ensemble.h"

namespace mw::forest {

/// Whether a value of the split's feature goes to the left child; `node` is no leaf.
bool GoesLeft(const Ensemble& ensemble, const Node& node, float value);

template <typename Sum>
class WalkEngine final : public SumEngine<Sum> {
 public:
  /// The ensemble has to outlive the engine.
  explicit WalkEngine(const Ensemble& ensemble) : ensemble_(ensemble) {}
  void AddUp(const float* rows, std::size_t count, Sum* sums) const override;

 private:
  const Ensemble& ensemble_;
};

/// The sums of a float ensemble, of whatever trees it holds. `rows`: count x num_features.
void WalkMargins(const Ensemble& ensemble, const float* rows, std::size_t count, float* margins);

}  // namespace mw::forest
