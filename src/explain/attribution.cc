// Sums over the rows.
#include "explain/attribution.h"

#include <cmath>
#include <numeric>

#include "base/assert.h"

namespace mw::explain {
namespace {

template <typename Transform>
std::vector<double> Sums(std::span<const double> phi, std::size_t num_features, const Transform& transform) {
  MW_ASSERT(phi.size() % (num_features + 1) == 0);
  std::vector<double> sums(num_features);
  for (std::size_t row = 0; row < phi.size(); row += num_features + 1) {
    for (std::size_t feature = 0; feature < num_features; ++feature) sums[feature] += transform(phi[row + feature]);
  }
  return sums;
}

void DivideBy(double divisor, std::vector<double>& values) {
  if (divisor <= 0) return;
  for (double& value : values) value /= divisor;
}

}  // namespace

std::vector<double> MeanAbsolute(std::span<const double> phi, std::size_t num_features) {
  std::vector<double> sums = Sums(phi, num_features, [](double value) { return std::abs(value); });
  DivideBy(std::accumulate(sums.begin(), sums.end(), 0.0), sums);
  return sums;
}

std::vector<double> MeanSigned(std::span<const double> phi, std::size_t num_features) {
  std::vector<double> sums = Sums(phi, num_features, [](double value) { return value; });
  DivideBy(static_cast<double>(phi.size() / (num_features + 1)), sums);
  return sums;
}

}  // namespace mw::explain
