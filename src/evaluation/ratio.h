// Quotients that may be undefined. Pure.
#pragma once

#include <limits>

namespace mw::evaluation {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// 0/0 is undefined, and so is anything else that is not finite.
inline double Ratio(double numerator, double denominator) { return denominator > 0 ? numerator / denominator : kNan; }

}  // namespace mw::evaluation
