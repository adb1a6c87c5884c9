// What is kept of a metric's value. Pure, any thread.
#pragma once

#include <cmath>
#include <limits>

namespace mw::tracking {

/// Infinities become the greatest and least numbers: MLflow keeps them so. NaN stays.
inline double KeptValue(double value) {
  return std::isinf(value) ? std::copysign(std::numeric_limits<double>::max(), value) : value;
}

}  // namespace mw::tracking
