// What a training set looked like, kept in the model package as baseline.bin: the profile of the whole, and for
// each day of event time how many rows fell into each bin of each column, so that the distances that healthy
// days have from each other can be computed for any window of whole days (the noise floor by blocks).
//
// Columns: the model's features in its order, then `prediction`, then the label by its name. One thread.
// Invariants: bins[i] belongs to whole.column(i); every block has one entry for each column, with one count for
// each bin; blocks ascend by day. A day without rows has no block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "sketch/profile.h"

namespace mw::sketch {

inline constexpr std::string_view kBaselineFile = "baseline.bin";
inline constexpr std::string_view kPredictionColumn = "prediction";
inline constexpr std::uint8_t kBaselineFormatVersion = 1;
inline constexpr std::size_t kBaselineBytesMax = std::size_t{256} << 20;
inline constexpr std::size_t kBaselineBinsMax = 512;
inline constexpr std::size_t kBaselineDaysMax = 4096;

/// How the values of a column are put into bins.
/// Numbers: bin i holds edges[i-1] < x <= edges[i], the first is open below, the last (edges.size()) open above,
/// then one bin for -inf and one for +inf. Categories: one bin each, then one for every other.
struct ColumnBins {
  bool numeric = true;
  std::vector<double> edges;            ///< ascending, no two equal
  std::vector<std::string> categories;  ///< most frequent first

  /// At most `edges_max` edges at quantiles of the profile; a value with much mass has a bin of its own. Or the
  /// `edges_max` most frequent categories.
  static ColumnBins Of(const ColumnProfile& column, std::size_t edges_max);

  [[nodiscard]] std::size_t size() const { return numeric ? edges.size() + 3 : categories.size() + 1; }
  [[nodiscard]] std::size_t MinusInfinity() const { return edges.size() + 1; }
  [[nodiscard]] std::size_t PlusInfinity() const { return edges.size() + 2; }
  [[nodiscard]] std::size_t Other() const { return categories.size(); }
  /// The bin of a number that is not NaN.
  [[nodiscard]] std::size_t Find(double value) const;
  /// How many rows of a profile are in each bin: estimates where the profile is one. Missing values and those
  /// of a wrong type are in none; a profile of the other kind has none at all.
  [[nodiscard]] std::vector<double> Counts(const ColumnProfile& column) const;
  bool operator==(const ColumnBins&) const = default;
};

struct BlockColumn {
  std::uint64_t missing = 0;          ///< also those of a wrong type
  std::vector<std::uint64_t> counts;  ///< one for each bin
  bool operator==(const BlockColumn&) const = default;
};

struct BaselineBlock {
  std::int64_t day = 0;  ///< since 1970-01-01, UTC
  std::uint64_t rows = 0;
  std::vector<BlockColumn> columns;
  bool operator==(const BaselineBlock&) const = default;
};

struct Baseline {
  Profile whole;
  std::vector<ColumnBins> bins;
  std::vector<BaselineBlock> blocks;
  std::string event_time;  ///< the column that days are taken from; empty: no blocks

  /// The sum of the blocks with from <= day < until, for one column; zeros when there is none.
  [[nodiscard]] BlockColumn Sum(std::size_t column, std::int64_t from_day, std::int64_t until_day) const;
  [[nodiscard]] std::uint64_t rows() const;

  [[nodiscard]] std::string Bytes() const;
  /// Errors: kDataLoss for bytes that are none of ours; kFailedPrecondition for a newer format.
  static Result<Baseline> FromBytes(std::string_view bytes);
};

inline constexpr std::int64_t kDayMicros = std::int64_t{86'400} * 1'000'000;
/// The day of a time, since 1970-01-01 UTC; days before are negative.
std::int64_t DayOf(Timestamp at);

}  // namespace mw::sketch
