// Checking the covers once, so that nothing behind has to.
#include "explain/cover.h"

#include <cmath>

namespace mw::explain {

Status CheckCovers(const forest::Ensemble& ensemble) {
  for (std::size_t at = 0; at < ensemble.trees.size(); ++at) {
    const forest::Tree& tree = ensemble.trees[at];
    if (tree.covers.size() != tree.nodes.size()) {
      return FailedPrecondition("tree ", at, " of the model has no sum_hessian for its nodes, which explanations ",
                                "need; save the model with XGBoost's save_model(\"model.json\")");
    }
    for (const float cover : tree.covers) {
      if (std::isfinite(cover) && cover >= 0) continue;
      return FailedPrecondition("tree ", at, " of the model has a sum_hessian of ", cover,
                                "; explanations need numbers of at least 0");
    }
  }
  return Ok();
}

}  // namespace mw::explain
