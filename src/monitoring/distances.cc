// Distances over shared bins and between samples. Histograms of unlike bounds: histogram_alignment.cc.
#include "monitoring/distances.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/assert.h"
#include "monitoring/probability.h"

namespace mw::monitoring {
namespace {

constexpr double kExactPathsMax = 2e7;

double Total(Counts counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

/// Sums `term(p, q)` over the shares; `disjoint` when one side alone is empty.
template <typename Term>
double SumOverShares(Counts p, Counts q, double disjoint, Term term) {
  MW_ASSERT(p.size() == q.size());
  const double total_p = Total(p);
  const double total_q = Total(q);
  if (total_p <= 0 && total_q <= 0) return 0;
  if (total_p <= 0 || total_q <= 0) return disjoint;
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) sum += term(p[i] / total_p, q[i] / total_q);
  return sum;
}

/// x log2(x / y), 0 for x = 0.
double Weighted(double x, double y) { return x > 0 ? x * std::log2(x / y) : 0; }

/// The merged samples, value by value: calls visit(value, a's count <= value, b's count <= value).
template <typename Visit>
void Merge(std::span<const double> a, std::span<const double> b, Visit visit) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    const double value = j == b.size() || (i < a.size() && a[i] <= b[j]) ? a[i] : b[j];
    while (i < a.size() && a[i] <= value) ++i;
    while (j < b.size() && b[j] <= value) ++j;
    visit(value, i, j);
  }
}

/// max |i * m/g - j * n/g| on the lattice, g = gcd(n, m): exact in integers.
std::int64_t LatticeDistance(std::span<const double> a, std::span<const double> b) {
  const auto n = static_cast<std::int64_t>(a.size());
  const auto m = static_cast<std::int64_t>(b.size());
  const std::int64_t common = std::gcd(n, m);
  std::int64_t distance = 0;
  Merge(a, b, [&](double, std::size_t i, std::size_t j) {
    const std::int64_t off = static_cast<std::int64_t>(i) * (m / common) - static_cast<std::int64_t>(j) * (n / common);
    distance = std::max(distance, std::abs(off));
  });
  return distance;
}

double LatticeShare(std::int64_t distance, std::int64_t n, std::int64_t m) {
  return static_cast<double>(distance) / static_cast<double>(std::lcm(n, m));
}

TwoSampleTest EmptySample(std::span<const double> a, std::span<const double> b) {
  return a.empty() && b.empty() ? TwoSampleTest{0, 1} : TwoSampleTest{1, 1};
}

}  // namespace

double JensenShannon(Counts p, Counts q) {
  const double sum = SumOverShares(p, q, 1, [](double x, double y) {
    const double middle = (x + y) / 2;
    return (Weighted(x, middle) + Weighted(y, middle)) / 2;
  });
  return std::clamp(sum, 0.0, 1.0);
}

double LInfinity(Counts p, Counts q) {
  double greatest = 0;
  const double empty = SumOverShares(p, q, 1, [&greatest](double x, double y) {
    greatest = std::max(greatest, std::fabs(x - y));
    return 0.0;
  });
  return std::max(greatest, empty);
}

double TotalVariation(Counts p, Counts q) {
  return SumOverShares(p, q, 1, [](double x, double y) { return std::fabs(x - y) / 2; });
}

double Hellinger(Counts p, Counts q) {
  return std::sqrt(SumOverShares(p, q, 1, [](double x, double y) {
    const double off = std::sqrt(x) - std::sqrt(y);
    return off * off / 2;
  }));
}

double KullbackLeibler(Counts p, Counts q) {
  return std::max(0.0, SumOverShares(p, q, kInfinity, [](double x, double y) {
                    if (x <= 0) return 0.0;
                    return y > 0 ? x * std::log(x / y) : kInfinity;
                  }));
}

double PopulationStability(Counts p, Counts q) {
  constexpr double kZeroShare = 1e-4;
  return SumOverShares(p, q, kInfinity, [](double x, double y) {
    const double from = x > 0 ? x : kZeroShare;
    const double to = y > 0 ? y : kZeroShare;
    return (from - to) * std::log(from / to);
  });
}

Interval KolmogorovSmirnov(std::span<const double> cdf_p, std::span<const double> cdf_q, double error) {
  MW_ASSERT(cdf_p.size() == cdf_q.size());
  double value = 0;
  for (std::size_t i = 0; i < cdf_p.size(); ++i) value = std::max(value, std::fabs(cdf_p[i] - cdf_q[i]));
  return {value, std::max(0.0, value - error), std::min(1.0, value + error)};
}

double WassersteinOfBins(Counts p, Counts q, std::span<const double> edges) {
  MW_ASSERT(p.size() == q.size() && edges.size() == p.size() + 1);
  double sum = 0;
  double before = 0;  // F - G at the bin's lower edge; within the bin the difference is a straight line
  std::size_t bin = 0;
  const double disjoint = edges.empty() ? 0 : edges.back() - edges.front();
  sum += SumOverShares(p, q, disjoint, [&](double x, double y) {
    const double width = edges[bin + 1] - edges[bin];
    const double after = before + x - y;
    const double same_side = (std::fabs(before) + std::fabs(after)) / 2;
    const double crossing = (before * before + after * after) / (2 * (std::fabs(before) + std::fabs(after)));
    const double area = before * after < 0 ? crossing : same_side;
    before = after;
    ++bin;
    return area > 0 ? area * width : 0.0;
  });
  return sum;
}

TwoSampleTest KolmogorovSmirnovTest(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return EmptySample(a, b);
  if (static_cast<double>(a.size()) * static_cast<double>(b.size()) > kExactPathsMax) {
    return KolmogorovSmirnovLimitTest(a, b);
  }
  const auto n = static_cast<std::int64_t>(a.size());
  const auto m = static_cast<std::int64_t>(b.size());
  const std::int64_t distance = LatticeDistance(a, b);
  return {LatticeShare(distance, n, m), KolmogorovSmirnovExact(n, m, distance)};
}

TwoSampleTest KolmogorovSmirnovLimitTest(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return EmptySample(a, b);
  const auto n = static_cast<std::int64_t>(a.size());
  const auto m = static_cast<std::int64_t>(b.size());
  const double d = LatticeShare(LatticeDistance(a, b), n, m);
  const double size = static_cast<double>(n) * static_cast<double>(m) / static_cast<double>(n + m);
  return {d, KolmogorovSmirnovTail(d, std::llround(std::max(1.0, size)))};
}

double Wasserstein(std::span<const double> a, std::span<const double> b) {
  if (a.empty() && b.empty()) return 0;
  if (a.empty() || b.empty()) return kInfinity;
  double sum = 0;
  double last = std::min(a.front(), b.front());
  double off = 0;
  Merge(a, b, [&](double value, std::size_t i, std::size_t j) {
    sum += off * (value - last);
    last = value;
    off = std::fabs(static_cast<double>(i) / static_cast<double>(a.size()) -
                    static_cast<double>(j) / static_cast<double>(b.size()));
  });
  return sum;
}

double Standardised(double distance, double reference_std) {
  constexpr double kSmallestStd = 0.001;
  return distance / std::max(std::isfinite(reference_std) ? reference_std : 0.0, kSmallestStd);
}

TwoSampleTest ChiSquareContingency(Counts a, Counts b) {
  MW_ASSERT(a.size() == b.size());
  const double total_a = Total(a);
  const double total_b = Total(b);
  if (total_a <= 0 || total_b <= 0) return {0, 1};
  double statistic = 0;
  int columns = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double both = a[i] + b[i];
    if (both <= 0) continue;
    ++columns;
    for (const auto& [count, total] : {std::pair(a[i], total_a), std::pair(b[i], total_b)}) {
      const double expected = both * total / (total_a + total_b);
      statistic += (count - expected) * (count - expected) / expected;
    }
  }
  if (columns < 2) return {0, 1};
  return {statistic, ChiSquareTail(statistic, columns - 1)};
}

TwoSampleTest TwoProportions(double hits_a, double total_a, double hits_b, double total_b) {
  if (total_a <= 0 || total_b <= 0) return {0, 1};
  const double pooled = (hits_a + hits_b) / (total_a + total_b);
  const double deviation = std::sqrt(pooled * (1 - pooled) * (1 / total_a + 1 / total_b));
  if (!(deviation > 0)) return {0, 1};
  const double z = (hits_a / total_a - hits_b / total_b) / deviation;
  return {z, NormalTwoSided(z)};
}

}  // namespace mw::monitoring
