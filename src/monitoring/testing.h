// Baselines and windows from plain samples, for tests: what sketched_columns.h makes from sketches, exactly.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "monitoring/column.h"

namespace mw::monitoring::testing {

using Numbers = std::vector<double>;
using Texts = std::vector<std::string>;

inline const Timestamp kMonday = *ParseTime("2013-07-01T00:00:00Z");
inline const Timestamp kToday = *ParseTime("2026-01-01T00:00:00Z");
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

inline Numbers Sorted(const Numbers& values) {
  Numbers finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  std::sort(finite.begin(), finite.end());
  return finite;
}

/// Up to 128 quantiles, and an edge just below the least.
inline Bins BinsOf(const Numbers& values) {
  const Numbers sorted = Sorted(values);
  Bins out;
  if (sorted.empty()) return out;
  out.edges.push_back(std::nextafter(sorted.front(), -INFINITY));
  for (int i = 0; i <= 128; ++i) {
    const double edge = sorted[(sorted.size() - 1) * static_cast<std::size_t>(i) / 128];
    if (edge > out.edges.back()) out.edges.push_back(edge);
  }
  return out;
}

inline ColumnCounts CountsOf(const Numbers& values, const Bins& bins) {
  ColumnCounts out;
  out.bins.assign(bins.edges.size() + 1, 0.0);
  out.rows = static_cast<double>(values.size());
  for (const double value : values) {
    if (std::isnan(value)) {
      ++out.missing;
    } else if (std::isinf(value)) {
      ++(value > 0 ? out.positive_infinite : out.negative_infinite);
    } else {
      const auto at = std::lower_bound(bins.edges.begin(), bins.edges.end(), value) - bins.edges.begin();
      ++out.bins[static_cast<std::size_t>(at)];
    }
  }
  return out;
}

inline ColumnPeriod PeriodOf(const Numbers& values, const Bins& bins) {
  ColumnPeriod out;
  out.counts = CountsOf(values, bins);
  const Numbers sorted = Sorted(values);
  if (sorted.empty()) return out;
  NumberShape shape{sorted.front(), sorted.back(), 0, 0, {}};
  for (const double value : sorted) shape.mean += value / static_cast<double>(sorted.size());
  for (const double value : sorted) {
    shape.std += (value - shape.mean) * (value - shape.mean) / static_cast<double>(sorted.size());
  }
  shape.std = std::sqrt(shape.std);
  for (std::size_t i = 0; i < kQuantiles; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(kQuantiles);
    shape.quantiles.push_back(sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size()))]);
  }
  out.numbers = std::move(shape);
  Numbers distinct = sorted;
  out.distinct = static_cast<double>(std::unique(distinct.begin(), distinct.end()) - distinct.begin());
  return out;
}

inline BaselineColumn BaselineOf(const std::string& name, const Numbers& values) {
  BaselineColumn out;
  out.name = name;
  out.bins = BinsOf(values);
  out.whole = PeriodOf(values, out.bins);
  return out;
}

inline ColumnPeriod PeriodOf(const Texts& values, const Bins& bins) {
  ColumnPeriod out;
  out.counts.bins.assign(bins.categories.size() + 1, 0.0);
  out.counts.rows = static_cast<double>(values.size());
  std::map<std::string, double> strangers;
  std::map<std::string, double> all;
  for (const std::string& value : values) {
    const auto at = std::find(bins.categories.begin(), bins.categories.end(), value) - bins.categories.begin();
    ++out.counts.bins[static_cast<std::size_t>(at)];
    if (at == std::ssize(bins.categories)) ++strangers[value];
    ++all[value];
  }
  out.strangers.assign(strangers.begin(), strangers.end());
  out.distinct = static_cast<double>(all.size());
  return out;
}

inline BaselineColumn BaselineOf(const std::string& name, const Texts& values) {
  BaselineColumn out;
  out.name = name;
  out.kind = ColumnKind::kCategory;
  out.bins.categories = values;
  std::sort(out.bins.categories.begin(), out.bins.categories.end());
  out.bins.categories.erase(std::unique(out.bins.categories.begin(), out.bins.categories.end()),
                            out.bins.categories.end());
  out.whole = PeriodOf(values, out.bins);
  return out;
}

inline Numbers Normal(Random& random, std::size_t count, double mean = 0, double std = 1) {
  Numbers out(count);
  for (double& value : out) value = mean + std * random.Normal();
  return out;
}

}  // namespace mw::monitoring::testing
