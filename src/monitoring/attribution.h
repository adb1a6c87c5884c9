// Whether the model still bases its answers on the same features: mean |phi| of each, before and now. Pure, any thread.
#pragma once

#include <cstddef>
#include <vector>

namespace mw::monitoring {

struct AttributionShift {
  double l_infinity = 0;    ///< greatest change of a share
  double rank_change = 0;   ///< 1 - NDCG@10: 0 same order, to 1
  std::size_t feature = 0;  ///< whose share changed most
  double before = 0;
  double now = 0;
};

/// Both of one length, each >= 0; normalised to sum 1 here. All zero: no shift.
AttributionShift CompareAttributions(const std::vector<double>& before, const std::vector<double>& now);

}  // namespace mw::monitoring
