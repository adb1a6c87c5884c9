// Reading quantiles from their grid.
#include "monitoring/column.h"

#include <algorithm>
#include <cmath>

namespace mw::monitoring {

double NumberShape::Quantile(double share) const {
  if (quantiles.empty()) return mean;
  const double last = static_cast<double>(quantiles.size() - 1);
  const double at = std::clamp(share * static_cast<double>(quantiles.size()) - 0.5, 0.0, last);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, quantiles.size() - 1);
  const double part = at - std::floor(at);
  return quantiles[low] * (1 - part) + quantiles[high] * part;
}

}  // namespace mw::monitoring
