// The tails and quantiles that noise floors and tests need: normal, chi-square, Kolmogorov-Smirnov.
// Pure functions, any thread. Relative precision 1e-12 (Kolmogorov-Smirnov: see each), compared with SciPy by
// tests/conformance/monitoring_oracles.py.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace mw::monitoring {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// P(|Z| >= |z|) of a standard normal.
double NormalTwoSided(double z);
/// z with P(Z <= z) = p, 0 < p < 1; infinite at the ends.
double NormalQuantile(double p);
/// P(X >= x) of chi-square with `degrees` > 0.
double ChiSquareTail(double x, double degrees);
/// x with P(X <= x) = p, 0 <= p < 1.
double ChiSquareQuantile(double p, double degrees);

/// P(D >= d) of two samples without ties, where d = `distance` / lcm(n, m) is on the lattice: counted exactly, in
/// time n * m. `distance` = max |i * m/g - j * n/g| over the merged samples, g = gcd(n, m).
double KolmogorovSmirnovExact(std::int64_t n, std::int64_t m, std::int64_t distance);
/// P(D >= d) of one sample of size n against its distribution: exact for n <= 1000 (Marsaglia, Tsang and Wang 2003),
/// within 1e-6 above (Pelz and Good 1976). For two samples n is the rounded n*m/(n+m).
double KolmogorovSmirnovTail(double d, std::int64_t n);

/// Which of the hypotheses are rejected when the false discovery rate is held at `q` (Benjamini and Hochberg 1995).
std::vector<bool> BenjaminiHochberg(const std::vector<double>& p_values, double q);

}  // namespace mw::monitoring
