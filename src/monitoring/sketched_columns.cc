// From sketches to counts over bins.
#include "monitoring/sketched_columns.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "monitoring/drift_window.h"

namespace mw::monitoring {
namespace {

sketch::ColumnBins SketchBins(const BaselineColumn& column) {
  sketch::ColumnBins out;
  out.numeric = column.kind == ColumnKind::kNumber;
  out.edges = column.bins.edges;
  out.categories = column.bins.categories;
  return out;
}

/// The bins without those of infinities, which stand apart.
template <typename Number>
ColumnCounts CountsFrom(const sketch::ColumnBins& bins, const std::vector<Number>& counts) {
  ColumnCounts out;
  const std::size_t plain = bins.numeric ? bins.edges.size() + 1 : bins.size();
  for (std::size_t i = 0; i < plain; ++i) out.bins.push_back(static_cast<double>(counts[i]));
  if (bins.numeric) {
    out.negative_infinite = static_cast<double>(counts[bins.MinusInfinity()]);
    out.positive_infinite = static_cast<double>(counts[bins.PlusInfinity()]);
  }
  return out;
}

std::optional<NumberShape> ShapeOf(const sketch::ColumnProfile& profile) {
  if (!profile.numeric() || profile.quantiles().count() == 0) return std::nullopt;
  const sketch::Moments& moments = profile.moments();
  NumberShape out{moments.min(), moments.max(), moments.mean(), moments.std(), {}};
  std::vector<double> shares(kQuantiles);
  for (std::size_t i = 0; i < kQuantiles; ++i) shares[i] = (static_cast<double>(i) + 0.5) / kQuantiles;
  out.quantiles = profile.quantiles().Quantiles(shares);
  return out;
}

double OutOfRange(const BaselineColumn& column, const sketch::ColumnProfile& profile) {
  if (!profile.numeric() || profile.quantiles().count() == 0) return 0;
  const auto total = static_cast<double>(profile.quantiles().count());
  double out = 0;
  // The sketch may have let the few go; its least and greatest values are exact.
  if (column.max && profile.moments().max() > *column.max) {
    out += std::max(1.0, total * (1 - profile.quantiles().Rank(*column.max)));
  }
  if (column.min && profile.moments().min() < *column.min) {
    const double below = std::nextafter(*column.min, -std::numeric_limits<double>::infinity());
    out += std::max(1.0, total * profile.quantiles().Rank(below));
  }
  return out;
}

std::vector<std::pair<std::string, double>> Strangers(const BaselineColumn& column,
                                                      const sketch::ColumnProfile& profile) {
  std::vector<std::pair<std::string, double>> out;
  if (column.known.empty() || profile.numeric()) return out;
  for (const sketch::FrequentItems::Item& item : profile.counts().Top(profile.counts().size())) {
    if (std::binary_search(column.known.begin(), column.known.end(), item.text)) continue;
    out.emplace_back(std::string(item.text), static_cast<double>(item.count));
  }
  return out;
}

BaselineColumn ColumnOf(const sketch::Baseline& baseline, std::size_t at, const schema::Schema* schema) {
  const sketch::ColumnProfile& profile = baseline.whole.column(at);
  const sketch::ColumnBins& bins = baseline.bins[at];
  BaselineColumn out;
  out.name = profile.name();
  out.kind = bins.numeric ? ColumnKind::kNumber : ColumnKind::kCategory;
  out.bins = {bins.edges, bins.categories};
  if (const schema::Column* declared = schema == nullptr ? nullptr : schema->Find(out.name); declared != nullptr) {
    out.unit = declared->unit;
    out.min = declared->min;
    out.max = declared->max;
  }
  if (!bins.numeric && !profile.approximate()) {
    for (const auto& item : profile.counts().Items()) out.known.emplace_back(item.text);
    std::sort(out.known.begin(), out.known.end());
  }
  out.whole = PeriodOf(out, profile);
  for (const sketch::BaselineBlock& block : baseline.blocks) {
    ColumnCounts& counts = out.blocks.emplace_back(CountsFrom(bins, block.columns[at].counts));
    counts.rows = static_cast<double>(block.rows);
    counts.missing = static_cast<double>(block.columns[at].missing);
  }
  return out;
}

}  // namespace

ColumnPeriod PeriodOf(const BaselineColumn& column, const sketch::ColumnProfile& profile) {
  const sketch::ColumnBins bins = SketchBins(column);
  ColumnPeriod out;
  out.counts = CountsFrom(bins, bins.Counts(profile));
  out.counts.rows = static_cast<double>(profile.rows());
  out.counts.missing = static_cast<double>(profile.missing());
  out.counts.wrong_type = static_cast<double>(profile.wrong_type());
  // A column that became another kind holds no value of its own kind any more.
  if (profile.numeric() != bins.numeric) out.counts.wrong_type += static_cast<double>(profile.values());
  if (bins.numeric) out.numbers = ShapeOf(profile);
  out.distinct = static_cast<double>(profile.distinct());
  out.out_of_range = OutOfRange(column, profile);
  out.strangers = Strangers(column, profile);
  return out;
}

Result<BaselineView> ViewOf(const sketch::Baseline& baseline, const schema::Schema* schema) {
  if (baseline.bins.size() != baseline.whole.size()) return DataLoss("a baseline with bins for other columns");
  BaselineView out;
  out.source = "training";
  out.rows = static_cast<double>(baseline.rows());
  if (!baseline.blocks.empty()) {
    out.from = Timestamp(baseline.blocks.front().day * kDay);
    out.until = Timestamp((baseline.blocks.back().day + 1) * kDay);
    out.block_length = kDay;
  }
  for (const sketch::BaselineBlock& block : baseline.blocks) {
    if (block.columns.size() != baseline.bins.size()) return DataLoss("a baseline with a day of other columns");
    out.block_rows.push_back(static_cast<double>(block.rows));
  }
  for (std::size_t i = 0; i < baseline.whole.size(); ++i) {
    if (baseline.whole.column(i).name() == sketch::kPredictionColumn) {
      out.prediction = ColumnOf(baseline, i, nullptr);
      break;  // what follows is the label
    }
    out.features.push_back(ColumnOf(baseline, i, schema));
  }
  return out;
}

WindowView ViewOf(const BaselineView& baseline, const sketch::Profile& features,
                  const sketch::ColumnProfile& prediction) {
  WindowView out;
  for (const BaselineColumn& column : baseline.features) {
    const sketch::ColumnProfile* profile = features.Find(column.name);
    out.features.emplace_back();
    if (profile != nullptr) out.features.back() = PeriodOf(column, *profile);
  }
  if (baseline.prediction && prediction.rows() > 0) out.prediction = PeriodOf(*baseline.prediction, prediction);
  return out;
}

}  // namespace mw::monitoring
