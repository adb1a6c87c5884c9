// What the values of a column look like: counts, range, moments, quantiles, histogram, most frequent
// values. Exact, and the same to the last bit for the same rows, computed over a bound table. A dataset carries its
// profile; a model package carries that of its training rows, which is what serving is later compared with.
//
// NaN counts as missing and infinite values are counted apart: neither may turn a mean into nothing.
// One thread, through the caller's session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/duckdb_session.h"

namespace mw::data {

/// Bins of the histogram, steps between quantiles, and most frequent values kept.
inline constexpr int kHistogramBins = 20;
inline constexpr int kQuantileSteps = 20;
inline constexpr int kTopValues = 20;

struct Moments {
  double min = 0;
  double max = 0;
  double mean = 0;
  double std = 0;                       ///< of the population
  std::vector<double> quantiles;        ///< shares 0, 0.05, ... 1; each a value that occurs
  std::vector<std::int64_t> histogram;  ///< kHistogramBins of equal width from min to max; one when min == max
};

struct ColumnProfile {
  ResultColumn column;
  std::int64_t rows = 0;
  std::int64_t missing = 0;
  std::int64_t infinite = 0;
  std::int64_t distinct = 0;
  std::optional<Moments> moments;                             ///< of numbers, when there is any
  std::optional<std::pair<std::string, std::string>> period;  ///< first and last time
  std::vector<std::pair<std::string, std::int64_t>> top;      ///< of texts, booleans and integers
};

/// Profiles the named columns of a bound table. Errors: kNotFound for a column that is not there.
Result<std::vector<ColumnProfile>> Profile(DuckdbSession& session, std::string_view table,
                                           const std::vector<std::string>& only = {});

/// {"columns":[{"name":..,"type":..,"rows":..,"missing":..,...}]}: what has no value is left out.
Json ToJson(const std::vector<ColumnProfile>& profile);

}  // namespace mw::data
