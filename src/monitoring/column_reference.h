// A baseline column made ready for comparison: its bins merged into those that decide, and how far healthy windows of
// one length lie from it. Made once for a baseline and a window length, then compared with many windows.
// Immutable, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "monitoring/column.h"
#include "monitoring/distances.h"
#include "monitoring/noise_floor.h"

namespace mw::monitoring {

/// How far a window lies from the baseline.
struct Comparison {
  double jensen_shannon = 0;          ///< over 20 bins of equal mass (categories: the 19 most frequent and the others)
  double l_infinity = 0;              ///< over the same bins; of categories over all of them
  std::optional<double> wasserstein;  ///< of numbers, in standard deviations of the baseline
  Interval kolmogorov_smirnov;        ///< of numbers
  Floor floor;                        ///< of the distance that decides
  double missing = 0;                 ///< share of the window's rows
  double baseline_missing = 0;
};

struct ReferenceOptions {
  std::size_t bins = 20;
  double rows_min = 100;
  double floor_quantile = kBlockQuantile;
  std::size_t window_blocks = 0;  ///< length of a window in blocks of the baseline; 0: no floor by blocks
};

class ColumnReference {
 public:
  ColumnReference(BaselineColumn column, const ReferenceOptions& options);

  [[nodiscard]] const BaselineColumn& column() const { return column_; }
  [[nodiscard]] Comparison Compare(const ColumnPeriod& window) const;
  /// The distance that decides: Jensen-Shannon of numbers, L-infinity of categories.
  [[nodiscard]] double Deciding(const Comparison& comparison) const;

  /// How much the share of missing rows differs between healthy windows and the rest.
  [[nodiscard]] double missing_floor() const { return missing_floor_; }
  /// How far, as |ln|, the median of healthy windows lies from the rest's.
  [[nodiscard]] double scale_floor() const { return scale_floor_; }
  /// The share of the baseline's finite values in the bin of its most frequent ones.
  [[nodiscard]] double greatest_bin() const;

 private:
  [[nodiscard]] std::vector<double> Merged(const ColumnCounts& counts) const;
  [[nodiscard]] std::vector<double> AllBins(const ColumnCounts& counts) const;
  void MergeBins(std::size_t bins);
  void MeasureFloors(const ReferenceOptions& options);
  [[nodiscard]] Floor FloorFor(const ColumnPeriod& window) const;

  BaselineColumn column_;
  std::vector<std::size_t> group_of_bin_;
  std::size_t groups_ = 0;
  std::vector<double> merged_;
  std::vector<double> all_;
  std::optional<double> block_floor_;
  double missing_floor_ = 0;
  double scale_floor_ = 0;
};

/// (F of a sketch): both sides' rank error at 99 %, for the interval of Kolmogorov-Smirnov.
inline constexpr double kSketchRankError = 2 * 0.0029;

}  // namespace mw::monitoring
