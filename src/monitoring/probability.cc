// Tails and quantiles: incomplete gamma by series and continued fraction, quantiles by bisection and Newton steps,
// Kolmogorov-Smirnov by counting paths, by Durbin's matrix and by Pelz and Good's expansion.
#include "monitoring/probability.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace mw::monitoring {
namespace {

constexpr double kPi = std::numbers::pi;
/// Up to here Durbin's matrix, at most 189 wide, is quick enough.
constexpr std::int64_t kMatrixMax = 1000;

double NormalTail(double z) { return 0.5 * std::erfc(z / std::numbers::sqrt2); }

/// x^a e^-x / Gamma(a), the common factor of both expansions.
double GammaFactor(double a, double x) { return std::exp(a * std::log(x) - x - std::lgamma(a)); }

/// P(a, x) by its series; converges fast for x < a + 1.
double LowerGammaSeries(double a, double x) {
  double term = 1 / a;
  double sum = term;
  for (double n = a + 1; std::fabs(term) > sum * 1e-17; n += 1) {
    term *= x / n;
    sum += term;
  }
  return sum * GammaFactor(a, x);
}

/// Q(a, x) by Lentz's continued fraction; converges fast for x >= a + 1.
double UpperGammaFraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a;
  double c = 1 / kTiny;
  double d = 1 / b;
  double h = d;
  for (int i = 1; i < 100'000; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = 1 / (std::fabs(an * d + b) < kTiny ? kTiny : an * d + b);
    c = std::fabs(b + an / c) < kTiny ? kTiny : b + an / c;
    h *= d * c;
    if (std::fabs(d * c - 1) < 1e-16) break;
  }
  return h * GammaFactor(a, x);
}

using Matrix = std::vector<double>;

Matrix Multiply(const Matrix& a, const Matrix& b, std::size_t size) {
  Matrix out(size * size, 0.0);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t k = 0; k < size; ++k) {
      const double factor = a[i * size + k];
      if (factor == 0) continue;
      for (std::size_t j = 0; j < size; ++j) out[i * size + j] += factor * b[k * size + j];
    }
  }
  return out;
}

/// Matrix and decimal exponent, so that powers do not overflow.
struct ScaledMatrix {
  Matrix values;
  int exponent = 0;
};

ScaledMatrix Power(const ScaledMatrix& base, std::int64_t n, std::size_t size) {
  if (n == 1) return base;
  const ScaledMatrix half = Power(base, n / 2, size);
  ScaledMatrix out{Multiply(half.values, half.values, size), 2 * half.exponent};
  if (n % 2 == 1) out = {Multiply(base.values, out.values, size), out.exponent + base.exponent};
  const std::size_t middle = (size / 2) * size + size / 2;
  if (out.values[middle] > 1e140) {
    for (double& value : out.values) value *= 1e-140;
    out.exponent += 140;
  }
  return out;
}

/// Durbin's matrix for n * d = k - h (Marsaglia, Tsang and Wang, section 2).
Matrix DurbinMatrix(std::size_t size, double h) {
  Matrix out(size * size, 0.0);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < std::min(i + 2, size); ++j) out[i * size + j] = 1;
  }
  for (std::size_t i = 0; i < size; ++i) {
    out[i * size] -= std::pow(h, static_cast<double>(i + 1));
    out[(size - 1) * size + i] -= std::pow(h, static_cast<double>(size - i));
  }
  out[(size - 1) * size] += 2 * h - 1 > 0 ? std::pow(2 * h - 1, static_cast<double>(size)) : 0;
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < std::min(i + 1, size); ++j) {
      out[i * size + j] /= std::exp(std::lgamma(static_cast<double>(i - j) + 2));
    }
  }
  return out;
}

double KolmogorovByMatrix(double d, std::int64_t n) {
  const double scaled = static_cast<double>(n) * d;
  const double k = std::floor(scaled) + 1;
  const auto size = static_cast<std::size_t>(2 * k - 1);
  const ScaledMatrix power = Power({DurbinMatrix(size, k - scaled), 0}, n, size);
  const auto row = static_cast<std::size_t>(k - 1);
  double value = power.values[row * size + row];
  int exponent = power.exponent;
  for (std::int64_t i = 1; i <= n; ++i) {
    value *= static_cast<double>(i) / static_cast<double>(n);
    if (value < 1e-140) {
      value *= 1e140;
      exponent -= 140;
    }
  }
  return value * std::pow(10.0, exponent);
}

/// Pelz and Good's first four terms of P(D < d), with z = sqrt(n) d.
double KolmogorovByExpansion(double d, std::int64_t n) {
  const double root = std::sqrt(static_cast<double>(n));
  const double z = root * d;
  const double z2 = z * z;
  const double z4 = z2 * z2;
  const double z6 = z4 * z2;
  double k0 = 0;
  double k1 = 0;
  double k2 = 0;
  double k3 = 0;
  for (int i = 20; i >= 0; --i) {
    const double q = kPi * (i + 0.5);
    const double q2 = q * q;
    const double weight = 2 * std::exp(-q2 / (2 * z2));  // of i + 1/2 and of -(i + 1/2)
    k0 += weight;
    k1 += weight * (q2 - z2);
    k2 += weight * (6 * z6 + 2 * z4 + q2 * (2 * z4 - 5 * z2) + q2 * q2 * (1 - 2 * z2));
    k3 += weight * (q2 * q2 * q2 * (5 - 30 * z2) + q2 * q2 * (-60 * z2 + 212 * z4) + q2 * (135 * z4 - 96 * z6) -
                    30 * z6 - 90 * z6 * z2);
  }
  double even2 = 0;
  double even3 = 0;
  for (int i = 20; i >= 1; --i) {
    const double q2 = kPi * kPi * i * i;
    const double weight = 2 * std::exp(-q2 / (2 * z2));
    even2 += weight * q2;
    even3 += weight * (3 * q2 * z2 - q2 * q2);
  }
  const double half = std::sqrt(kPi / 2);
  k0 *= half / z;
  k1 *= half / (6 * z4);
  k2 = half * (k2 / (72 * z6 * z) - even2 / (36 * z2 * z));
  k3 = half * (k3 / (6480 * z6 * z4) + even3 / (216 * z6));
  return k0 + (k1 + (k2 + k3 / root) / root) / root;
}

}  // namespace

double NormalTwoSided(double z) { return std::erfc(std::fabs(z) / std::numbers::sqrt2); }

double NormalQuantile(double p) {
  if (p <= 0) return -kInfinity;
  if (p >= 1) return kInfinity;
  if (p > 0.5) return -NormalQuantile(1 - p);
  double low = -39;
  double high = 0;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (NormalTail(-middle) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

double ChiSquareTail(double x, double degrees) {
  if (std::isnan(x) || x <= 0) return 1;
  const double a = degrees / 2;
  return x / 2 < a + 1 ? 1 - LowerGammaSeries(a, x / 2) : UpperGammaFraction(a, x / 2);
}

double ChiSquareQuantile(double p, double degrees) {
  if (p <= 0) return 0;
  if (p >= 1) return kInfinity;
  double low = 0;
  double high = degrees + 10;
  while (ChiSquareTail(high, degrees) > 1 - p) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-14 * high; ++i) {
    const double middle = (low + high) / 2;
    (ChiSquareTail(middle, degrees) > 1 - p ? low : high) = middle;
  }
  return (low + high) / 2;
}

double KolmogorovSmirnovExact(std::int64_t n, std::int64_t m, std::int64_t distance) {
  if (n == 0 || m == 0) return 1;
  if (distance <= 0) return 1;
  const std::int64_t common = std::gcd(n, m);
  const std::int64_t step_n = m / common;
  const std::int64_t step_m = n / common;
  // outside[j]: the share of the paths to (i, j) that have been at least `distance` off the diagonal.
  std::vector<double> outside(static_cast<std::size_t>(m) + 1, 0.0);
  for (std::int64_t i = 0; i <= n; ++i) {
    for (std::int64_t j = 0; j <= m; ++j) {
      double& here = outside[static_cast<std::size_t>(j)];
      if (std::abs(i * step_n - j * step_m) >= distance) {
        here = 1;
      } else if (i + j > 0) {
        const double from_left = i > 0 ? here * static_cast<double>(i) : 0;
        const double from_below = j > 0 ? outside[static_cast<std::size_t>(j) - 1] * static_cast<double>(j) : 0;
        here = (from_left + from_below) / static_cast<double>(i + j);
      }
    }
  }
  return outside.back();
}

double KolmogorovSmirnovTail(double d, std::int64_t n) {
  if (n <= 0 || d <= 0) return 1;
  if (d >= 1) return 0;
  const double z2 = d * d * static_cast<double>(n);
  if (z2 > 370) return 0;
  // Far out (below 1e-7) a complement would lose its digits: the limit is as exact as anybody needs there.
  if (n > 140 && z2 > 9) return 2 * std::exp(-2 * z2);
  if (n <= kMatrixMax) return std::clamp(1 - KolmogorovByMatrix(d, n), 0.0, 1.0);
  return std::clamp(1 - KolmogorovByExpansion(d, n), 0.0, 1.0);
}

std::vector<bool> BenjaminiHochberg(const std::vector<double>& p_values, double q) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::size_t rejected = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double bound = q * static_cast<double>(i + 1) / static_cast<double>(order.size());
    if (p_values[order[i]] <= bound) rejected = i + 1;
  }
  std::vector<bool> out(p_values.size(), false);
  for (std::size_t i = 0; i < rejected; ++i) out[order[i]] = true;
  return out;
}

}  // namespace mw::monitoring
