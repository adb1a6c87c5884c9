// Rows are floats; some libraries compare them in doubles, or with "at or below". Pure, any thread.
#pragma once

#include <cmath>
#include <limits>

namespace mw::forest {

/// The greatest float that is not above `value`, which is no NaN.
inline float FloatAtOrBelow(double value) {
  const auto nearest = static_cast<float>(value);
  return static_cast<double>(nearest) > value ? std::nextafter(nearest, -std::numeric_limits<float>::infinity())
                                              : nearest;
}

/// The float below which are exactly those that are at or below `value`, which is less than infinity.
inline float BelowForAtOrBelow(double value) {
  return std::nextafter(FloatAtOrBelow(value), std::numeric_limits<float>::infinity());
}

}  // namespace mw::forest
