// How far apart two distributions are: over the bins that both share, between two samples, or between two
// histograms of bins of their own. Each function says its range, its unit and what it makes of nothing.
//
// Bins: two spans of one length, counts or shares >= 0; each side is normalised by its own total. Two empty sides are
// equal (0); an empty and a full one have nothing in common (the greatest distance). Equal shares give exactly 0.
// Pure functions, any thread. Compared with SciPy to 1e-12 by distances_test.cc and docs/oracles.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace mw::monitoring {

using Counts = std::span<const double>;

/// Jensen-Shannon divergence (not its square root), base 2: 0 to 1.
double JensenShannon(Counts p, Counts q);
/// max |p - q|: 0 to 1.
double LInfinity(Counts p, Counts q);
/// Half of sum |p - q|: 0 to 1.
double TotalVariation(Counts p, Counts q);
/// sqrt(1 - sum sqrt(p q)): 0 to 1.
double Hellinger(Counts p, Counts q);
/// sum p ln(p/q) in nats: 0 to infinity, which it is where q lacks what p has.
double KullbackLeibler(Counts p, Counts q);
/// Population stability index: sum (p - q) ln(p/q), a share of zero counted as 1e-4. Below 0.1 none, above 0.25 major.
double PopulationStability(Counts p, Counts q);

struct Interval {
  double value = 0;
  double low = 0;
  double high = 0;
};
/// Kolmogorov-Smirnov's distance between two cumulative distributions at the same points, each known within its error
/// (of a sketch: its epsilon): the interval in which the distance at these points lies.
Interval KolmogorovSmirnov(std::span<const double> cdf_p, std::span<const double> cdf_q, double error);

/// Earth mover's distance between two distributions over the bins between `edges` (one edge more than bins, ascending,
/// finite), mass spread evenly within a bin. In the unit of the edges.
double WassersteinOfBins(Counts p, Counts q, std::span<const double> edges);

struct TwoSampleTest {
  double statistic = 0;
  double p_value = 1;
};
/// Of two sorted samples of finite values; ties count as in SciPy. Exact while n*m <= 2e7, else by its limit.
TwoSampleTest KolmogorovSmirnovTest(std::span<const double> a, std::span<const double> b);
TwoSampleTest KolmogorovSmirnovLimitTest(std::span<const double> a, std::span<const double> b);
/// Earth mover's distance of two sorted samples of finite values, in their unit; infinite when one alone is empty.
double Wasserstein(std::span<const double> a, std::span<const double> b);
/// A distance in the unit of the values as a multiple of the reference's standard deviation, which counts as at least
/// 0.001 so that a constant reference gives a finite answer.
double Standardised(double distance, double reference_std);

/// Pearson's chi-square of a 2 x K table: both rows are counts, both with their sampling error.
TwoSampleTest ChiSquareContingency(Counts a, Counts b);
/// Whether two shares differ: z of the pooled test and its two-sided p-value. z = 0 when either total is 0.
TwoSampleTest TwoProportions(double hits_a, double total_a, double hits_b, double total_b);

/// A histogram with bounds of its own. low == high is a point; a bound may be infinite.
struct Bucket {
  double low = 0;
  double high = 0;
  double count = 0;
};
struct Histogram {
  std::vector<Bucket> buckets;  ///< ascending, not overlapping
  double nan = 0;
};
struct AlignedHistograms {
  std::vector<double> p;
  std::vector<double> q;
};
struct AlignOptions {
  /// As TensorFlow Data Validation does it: infinities and NaN of one side never match those of the other, so that
  /// equal data that hold one get a distance above 0. Otherwise they share their buckets.
  bool tfdv_compat = false;
};
/// Counts of both over common buckets: the union of all finite bounds, mass spread evenly within a bucket; a bucket
/// for each point; buckets for infinities and NaN where there are any.
AlignedHistograms Align(const Histogram& p, const Histogram& q, const AlignOptions& options);

}  // namespace mw::monitoring
