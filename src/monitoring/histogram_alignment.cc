// Two histograms with bounds of their own over common buckets, by the rules of TensorFlow Data Validation.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "monitoring/distances.h"

namespace mw::monitoring {
namespace {

/// A histogram taken apart: what has a width, what is a point, what is infinite.
struct Parts {
  std::vector<Bucket> wide;
  std::map<double, double> points;
  double negative_infinite = 0;
  double positive_infinite = 0;
  double nan = 0;
};

Parts TakeApart(const Histogram& histogram) {
  Parts out;
  out.nan = histogram.nan;
  for (const Bucket& bucket : histogram.buckets) {
    if (std::isnan(bucket.low) || std::isnan(bucket.high)) {
      out.nan += bucket.count;
    } else if (std::isinf(bucket.high)) {
      (bucket.high > 0 ? out.positive_infinite : out.negative_infinite) += bucket.count;
    } else if (std::isinf(bucket.low)) {
      out.negative_infinite += bucket.count;
    } else if (bucket.low == bucket.high) {
      out.points[bucket.low + 0.0] += bucket.count;  // -0.0 and 0.0 are one value
    } else {
      out.wide.push_back(bucket);
    }
  }
  return out;
}

/// The share of a bucket that lies below `at`; halves keep bounds of 1e308 from overflowing.
double ShareBelow(const Bucket& bucket, double at) {
  if (at <= bucket.low) return 0;
  if (at >= bucket.high) return 1;
  return (at / 2 - bucket.low / 2) / (bucket.high / 2 - bucket.low / 2);
}

std::vector<double> Spread(const std::vector<Bucket>& buckets, const std::vector<double>& bounds) {
  std::vector<double> out(bounds.empty() ? 0 : bounds.size() - 1, 0.0);
  for (const Bucket& bucket : buckets) {
    const auto first = std::lower_bound(bounds.begin(), bounds.end(), bucket.low) - bounds.begin();
    for (auto i = static_cast<std::size_t>(first); i + 1 < bounds.size() && bounds[i] < bucket.high; ++i) {
      out[i] += bucket.count * (ShareBelow(bucket, bounds[i + 1]) - ShareBelow(bucket, bounds[i]));
    }
  }
  return out;
}

void AppendPair(AlignedHistograms& out, double p, double q) {
  if (p <= 0 && q <= 0) return;
  out.p.push_back(p);
  out.q.push_back(q);
}

void AppendApart(AlignedHistograms& out, double p, double q) {
  AppendPair(out, p, 0);
  AppendPair(out, 0, q);
}

}  // namespace

AlignedHistograms Align(const Histogram& p, const Histogram& q, const AlignOptions& options) {
  const Parts left = TakeApart(p);
  const Parts right = TakeApart(q);
  std::set<double> bounds;
  std::set<double> points;
  for (const Parts* side : {&left, &right}) {
    for (const Bucket& bucket : side->wide) bounds.insert({bucket.low, bucket.high});
    for (const auto& [value, count] : side->points) points.insert(value);
  }
  const std::vector<double> sorted(bounds.begin(), bounds.end());
  AlignedHistograms out{Spread(left.wide, sorted), Spread(right.wide, sorted)};
  for (const double value : points) {
    const auto of = [value](const Parts& side) {
      const auto found = side.points.find(value);
      return found == side.points.end() ? 0.0 : found->second;
    };
    AppendPair(out, of(left), of(right));
  }
  if (options.tfdv_compat) {
    AppendApart(out, left.positive_infinite + left.negative_infinite,
                right.positive_infinite + right.negative_infinite);
    if (left.nan > 0 || right.nan > 0) AppendApart(out, left.nan, right.nan);
  } else {
    AppendPair(out, left.positive_infinite, right.positive_infinite);
    AppendPair(out, left.negative_infinite, right.negative_infinite);
    AppendPair(out, left.nan, right.nan);
  }
  return out;
}

}  // namespace mw::monitoring
