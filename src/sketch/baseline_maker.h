// Makes a Baseline from rows that are in memory, column by column: first what the whole looks like, from that the
// bins, then each day's counts. Pure. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sketch/baseline.h"

namespace mw::sketch {

/// At most that many quantiles are edges, or categories have bins; fewer when there are many columns and days.
inline constexpr std::size_t kBaselineEdges = 128;
inline constexpr std::size_t kBaselineFewestEdges = 8;
/// Counts in all of a baseline's blocks. Past it there are fewer edges, then only the latest days.
inline constexpr std::size_t kBaselineCountsMax = std::size_t{16} << 20;

/// The profile of one column, values as BaselineMaker::Add takes them.
ColumnProfile ProfileOf(ColumnSpec spec, std::span<const float> values, std::span<const std::string> categories);

class BaselineMaker {
 public:
  struct Rows {
    std::size_t count = 0;
    std::size_t columns = 0;                       ///< that Add will be called with
    std::string event_time;                        ///< the column's name; empty when there is none
    std::span<const std::int64_t> event_times_us;  ///< one for each row; empty: no blocks
    std::size_t edges_max = kBaselineEdges;
    std::size_t counts_max = kBaselineCountsMax;
  };
  explicit BaselineMaker(Rows rows);

  /// One column: a number for each row, NaN where missing. With `categories`, numbers are places in it, and a place
  /// behind its end is of a wrong type.
  void Add(ColumnSpec spec, std::span<const float> values, std::span<const std::string> categories = {});
  Baseline Finish() { return std::move(baseline_); }

 private:
  void AddBlocks(const ColumnBins& bins, std::span<const float> values, std::span<const std::string> categories);

  std::size_t edges_max_ = kBaselineEdges;
  std::vector<std::uint32_t> block_of_row_;  ///< kNoBlock for days that are left out
  Baseline baseline_;
};

}  // namespace mw::sketch
