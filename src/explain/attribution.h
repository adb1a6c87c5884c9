// What a window of predictions owed to each feature, from the Shapley values of its rows (tree_shap.h).
// The shares say which features matter (compare two windows for attribution drift); the means say in which
// direction: the mean margin of one window less that of another is exactly the sum of the differences of
// their means. Pure, any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace mw::explain {

/// `phi` as TreeShap::Explain writes it: rows of num_features + 1 numbers. The mean of |phi| of each feature over the
/// rows, divided by the sum over the features: shares that add up to 1. All 0 when every value is 0 or there is no row.
std::vector<double> MeanAbsolute(std::span<const double> phi, std::size_t num_features);

/// The mean of phi of each feature, with its sign, in margin. All 0 when there is no row.
std::vector<double> MeanSigned(std::span<const double> phi, std::size_t num_features);

}  // namespace mw::explain
