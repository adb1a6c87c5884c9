// Merging bins, measuring floors, comparing.
#include "monitoring/column_reference.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/assert.h"

namespace mw::monitoring {
namespace {

double Sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// Buckets that hold no number or category, shared by both sides: equal data are at distance 0 whatever they hold.
void AppendOthers(std::vector<double>& out, const ColumnCounts& counts) {
  out.insert(out.end(), {counts.missing, counts.positive_infinite, counts.negative_infinite, counts.wrong_type});
}

std::size_t Occupied(const std::vector<double>& a, const std::vector<double>& b) {
  std::size_t occupied = 0;
  for (std::size_t i = 0; i < a.size(); ++i) occupied += a[i] > 0 || b[i] > 0 ? 1 : 0;
  return occupied;
}

/// The median by linear interpolation within its bin; nothing for an open bin or no rows.
std::optional<double> MedianOfBins(Counts bins, const std::vector<double>& edges) {
  const double half = std::accumulate(bins.begin(), bins.end(), 0.0) / 2;
  double below = 0;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    if (below + bins[i] >= half && bins[i] > 0) {
      if (i == 0 || i >= edges.size()) return std::nullopt;
      return edges[i - 1] + (half - below) / bins[i] * (edges[i] - edges[i - 1]);
    }
    below += bins[i];
  }
  return std::nullopt;
}

/// |ln(a / b)| of two medians of one sign; 0 where there is no ratio.
double LogRatio(std::optional<double> a, std::optional<double> b) {
  if (!a || !b || *a * *b <= 0) return 0;
  return std::fabs(std::log(*a / *b));
}

/// The mean distance of two quantile functions: the earth mover's distance without the outermost quarter percent.
double QuantileDistance(const NumberShape& a, const NumberShape& b) {
  double sum = 0;
  const std::size_t count = std::min(a.quantiles.size(), b.quantiles.size());
  for (std::size_t i = 0; i < count; ++i) sum += std::fabs(a.quantiles[i] / 2 - b.quantiles[i] / 2);
  return count == 0 ? 0 : 2 * (sum / static_cast<double>(count));
}

std::vector<double> Cumulative(const std::vector<double>& counts) {
  std::vector<double> out(counts.size());
  const double total = std::max(Sum(counts), 1e-300);
  double below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) out[i] = (below += counts[i]) / total;
  return out;
}

}  // namespace

ColumnReference::ColumnReference(BaselineColumn column, const ReferenceOptions& options) : column_(std::move(column)) {
  MW_ASSERT(column_.whole.counts.bins.size() == column_.bins.size(column_.kind));
  MergeBins(std::max<std::size_t>(options.bins, 2));
  merged_ = Merged(column_.whole.counts);
  all_ = AllBins(column_.whole.counts);
  MeasureFloors(options);
}

/// Numbers: neighbours until each holds its part of the mass. Categories: all but the most frequent become one.
void ColumnReference::MergeBins(std::size_t bins) {
  const std::vector<double>& counts = column_.whole.counts.bins;
  group_of_bin_.assign(counts.size(), 0);
  if (column_.kind == ColumnKind::kCategory) {
    std::vector<std::size_t> order(counts.size() - 1);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
    groups_ = std::min(bins, counts.size());
    for (std::size_t& group : group_of_bin_) group = groups_ - 1;
    for (std::size_t i = 0; i + 1 < groups_; ++i) group_of_bin_[order[i]] = i;
    return;
  }
  // The two open ends stay for themselves: what lies beyond the baseline must not hide among what it held.
  const std::size_t last = counts.size() - 1;
  double left = 0;
  for (std::size_t i = 1; i < last; ++i) left += counts[i];
  const double part = left / static_cast<double>(bins > 3 ? bins - 2 : 1);
  double mass = 0;
  std::size_t group = 1;
  for (std::size_t i = 1; i < last; ++i) {
    group_of_bin_[i] = group;
    mass += counts[i];
    left -= counts[i];
    // A last group with less than half of its part would be noise: it joins the one before.
    if (mass >= part * 0.999 && left >= part / 2 && i + 1 < last) {
      ++group;
      mass = 0;
    }
  }
  if (last > 0) group_of_bin_[last] = group + 1;
  groups_ = group + 2;
}

std::vector<double> ColumnReference::Merged(const ColumnCounts& counts) const {
  MW_ASSERT(counts.bins.size() == group_of_bin_.size());
  std::vector<double> out(groups_, 0.0);
  for (std::size_t i = 0; i < counts.bins.size(); ++i) out[group_of_bin_[i]] += counts.bins[i];
  AppendOthers(out, counts);
  return out;
}

std::vector<double> ColumnReference::AllBins(const ColumnCounts& counts) const {
  if (column_.kind == ColumnKind::kNumber) return Merged(counts);
  std::vector<double> out = counts.bins;
  AppendOthers(out, counts);
  return out;
}

void ColumnReference::MeasureFloors(const ReferenceOptions& options) {
  if (options.window_blocks == 0 || column_.blocks.size() / options.window_blocks < kBlocksMin) return;
  std::vector<std::vector<double>> deciding;
  std::vector<std::vector<double>> missing;
  std::vector<std::vector<double>> finite;
  for (const ColumnCounts& block : column_.blocks) {
    deciding.push_back(column_.kind == ColumnKind::kNumber ? Merged(block) : AllBins(block));
    missing.push_back({block.missing, block.rows - block.missing});
    finite.push_back(block.bins);
  }
  const auto floor = [&](const std::vector<std::vector<double>>& blocks, const Distance& distance) {
    return QuantileOf(LeaveOneOutDistances(blocks, options.window_blocks, options.rows_min, distance),
                      options.floor_quantile);
  };
  block_floor_ = floor(deciding, column_.kind == ColumnKind::kNumber ? JensenShannon : LInfinity);
  missing_floor_ = floor(missing, TotalVariation);
  if (column_.kind == ColumnKind::kNumber) {
    scale_floor_ = floor(finite, [this](Counts window, Counts rest) {
      return LogRatio(MedianOfBins(window, column_.bins.edges), MedianOfBins(rest, column_.bins.edges));
    });
  }
}

/// Never below that of independent rows: a block's own rows are a sample too.
Floor ColumnReference::FloorFor(const ColumnPeriod& window) const {
  const double n = column_.whole.counts.rows;
  const double m = window.counts.rows;
  double value = 0;
  if (column_.kind == ColumnKind::kNumber) {
    value = JensenShannonFloor(Occupied(merged_, Merged(window.counts)), n, m, kFormulaQuantile);
  } else {
    value = LInfinityFloor(all_, n, m, kFormulaQuantile);
  }
  if (!block_floor_) return {value, FloorMethod::kFormula};
  return {std::max(value, *block_floor_), FloorMethod::kBlocks};
}

Comparison ColumnReference::Compare(const ColumnPeriod& window) const {
  Comparison out;
  const std::vector<double> merged = Merged(window.counts);
  out.jensen_shannon = JensenShannon(merged_, merged);
  out.l_infinity = LInfinity(all_, AllBins(window.counts));
  out.floor = FloorFor(window);
  const ColumnCounts& before = column_.whole.counts;
  out.missing = window.counts.rows > 0 ? window.counts.missing / window.counts.rows : 0;
  out.baseline_missing = before.rows > 0 ? before.missing / before.rows : 0;
  if (column_.kind == ColumnKind::kNumber && window.numbers && column_.whole.numbers) {
    out.wasserstein =
        Standardised(QuantileDistance(*window.numbers, *column_.whole.numbers), column_.whole.numbers->std);
    out.kolmogorov_smirnov =
        KolmogorovSmirnov(Cumulative(before.bins), Cumulative(window.counts.bins), kSketchRankError);
  }
  return out;
}

double ColumnReference::Deciding(const Comparison& comparison) const {
  return column_.kind == ColumnKind::kNumber ? comparison.jensen_shannon : comparison.l_infinity;
}

double ColumnReference::greatest_bin() const {
  const std::vector<double>& bins = column_.whole.counts.bins;
  const double total = Sum(bins);
  return total > 0 ? *std::max_element(bins.begin(), bins.end()) / total : 0;
}

}  // namespace mw::monitoring
