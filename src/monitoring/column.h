// What the detectors look at: columns of a baseline and of a window, counted over bins that both share. Plain values.
// They are made from sketches (sketched_columns.h) or, in tests, from samples.
//
// Invariant: counts.bins has Bins::size() entries in every period of a column; rows = missing + infinite +
// wrong_type + sum of bins (within the error of a sketch).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace mw::monitoring {

enum class ColumnKind : std::uint8_t { kNumber, kCategory };

/// Of numbers: bin i holds (edges[i-1], edges[i]], the first and the last are open. Of categories: one bin each, then
/// one for all others.
struct Bins {
  std::vector<double> edges;  ///< ascending, finite, no doubles
  std::vector<std::string> categories;
  [[nodiscard]] std::size_t size(ColumnKind kind) const {
    return (kind == ColumnKind::kNumber ? edges.size() : categories.size()) + 1;
  }
};

struct ColumnCounts {
  double rows = 0;
  double missing = 0;
  double positive_infinite = 0;
  double negative_infinite = 0;
  double wrong_type = 0;  ///< of a category: values that the model does not know
  std::vector<double> bins;
};

/// Of the finite numbers of a column; absent where there are none.
struct NumberShape {
  double min = 0;
  double max = 0;
  double mean = 0;
  double std = 0;                 ///< of the population
  std::vector<double> quantiles;  ///< kQuantiles of them, at shares (i + 1/2) / kQuantiles
  /// By linear interpolation; the first and last hold beyond their shares.
  [[nodiscard]] double Quantile(double share) const;
  [[nodiscard]] double median() const { return Quantile(0.5); }
};
inline constexpr std::size_t kQuantiles = 200;

/// One column in one period.
struct ColumnPeriod {
  ColumnCounts counts;
  std::optional<NumberShape> numbers;
  double distinct = 0;
  double out_of_range = 0;                                ///< rows outside what the schema allows
  std::vector<std::pair<std::string, double>> strangers;  ///< categories that the baseline lacks, most rows first
};

/// One feature, or the prediction, as it was in the baseline.
struct BaselineColumn {
  std::string name;
  ColumnKind kind = ColumnKind::kNumber;
  std::string unit;
  Bins bins;
  ColumnPeriod whole;
  std::vector<ColumnCounts> blocks;  ///< of each block of the baseline, all in its order
  std::vector<std::string> known;    ///< every category of the baseline, sorted; empty when it kept only some
  std::optional<double> min;         ///< what the schema allows
  std::optional<double> max;
  std::optional<double> attribution;  ///< share of the features' mean |phi|; all features together 1
};

struct BaselineView {
  std::string source;  ///< "training" or what else it was
  Timestamp from{};
  Timestamp until{};
  double rows = 0;
  Duration block_length{};         ///< 0: no blocks
  std::vector<double> block_rows;  ///< one entry a block
  std::vector<BaselineColumn> features;
  std::optional<BaselineColumn> prediction;
};

/// One window of one version of an endpoint, over the baseline's bins.
struct WindowView {
  Timestamp from{};
  Timestamp until{};
  bool closed = true;                ///< event time has passed its end: what is missing will hardly come
  double rows = 0;                   ///< all of them, sampled or not
  std::optional<double> usual_rows;  ///< of such a window, from those before
  /// By position as BaselineView::features; absent: the window never held the column.
  std::vector<std::optional<ColumnPeriod>> features;
  std::optional<ColumnPeriod> prediction;
  std::vector<double> attribution;  ///< mean |phi| by position; empty when not computed
};

}  // namespace mw::monitoring
