// Data that cannot be right, and the sentence for each.
#include "monitoring/data_detectors.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "monitoring/probability.h"
#include "monitoring/sentences.h"

namespace mw::monitoring {
namespace {

constexpr double kMissingChange = 0.05;
constexpr double kMissingAlert = 0.2;  // a fifth more rows without a value than ever: no season does that
constexpr double kGone = 0.99;
constexpr double kTogether = 0.02;  // columns that lost the same share of their rows, to two points, went together
constexpr double kFalseDiscovery = 0.05;
constexpr double kNewCategories = 0.01;
constexpr double kNewCategoriesAlert = 0.2;
constexpr double kOutOfRange = 0.001;
constexpr double kStuckBin = 0.5;
constexpr double kScaleLeast = 0.405;    // ln 1.5
constexpr double kScaleAgreement = 0.2;  // median and spread tell the same factor, to a fifth
constexpr double kScaleFit = 0.35;
constexpr double kStaleFactor = 2;
constexpr double kVolumeLow = 0.5;
constexpr double kVolumeHigh = 2;

Finding Make(FindingKind kind, const std::string& column, double value, double threshold, Severity severity) {
  Finding out;
  out.kind = kind;
  out.columns = {column};
  out.value = value;
  out.threshold = threshold;
  out.severity = severity;
  return out;
}

/// "was 0 % in ...": what the baseline is made of.
std::string InWords(const BaselineView& baseline) {
  return baseline.source == "training" ? baseline.source : "the earlier " + baseline.source;
}

double Finite(const ColumnCounts& counts) {
  double sum = 0;
  for (const double count : counts.bins) sum += count;
  return sum;
}

// --- Missing -------------------------------------------------------------------------------------------------------

/// A column's missing rows before and now.
struct MissingChange {
  std::size_t feature = 0;
  double now = 0;
  double before = 0;
  double floor = 0;
  [[nodiscard]] double change() const { return now - before; }
  /// The share of the rows that had a value and have none now; negative: of those that had none and have one.
  [[nodiscard]] double lost() const { return change() > 0 ? change() / (1 - before) : change() / before; }
  [[nodiscard]] bool gone() const { return now >= kGone && before < kGone; }
  [[nodiscard]] bool alert() const { return gone() || (change() >= kMissingAlert && change() > 2 * floor); }
};

std::vector<MissingChange> MissingChanges(const Detectors& detectors, const WindowView& window,
                                          const std::vector<Cell>& cells) {
  std::vector<double> p_values;
  std::vector<MissingChange> all;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const ColumnReference& reference = detectors.features()[i];
    const ColumnCounts& before = reference.column().whole.counts;
    const double rows = window.features[i] ? window.features[i]->counts.rows : window.rows;
    const double missing = window.features[i] ? window.features[i]->counts.missing : window.rows;
    all.push_back({i, rows > 0 ? missing / rows : 0, cells[i].comparison.baseline_missing, reference.missing_floor()});
    p_values.push_back(TwoProportions(missing, rows, before.missing, before.rows).p_value);
  }
  const std::vector<bool> significant = BenjaminiHochberg(p_values, kFalseDiscovery);
  std::vector<MissingChange> out;
  for (const MissingChange& change : all) {
    const double size = std::fabs(change.change());
    if (significant[change.feature] && size > kMissingChange && size > change.floor) out.push_back(change);
  }
  return out;
}

/// "12 %", or "12 % to 15 %" when the columns differ.
std::string RangeOf(const std::vector<MissingChange>& group, double MissingChange::*share) {
  const auto [least, most] = std::minmax_element(group.begin(), group.end(),
                                                 [share](const auto& a, const auto& b) { return a.*share < b.*share; });
  const std::string low = Percent((*least).*share);
  const std::string high = Percent((*most).*share);
  return low == high ? low : Cat(low, " to ", high);
}

std::string MissingSentence(const Detectors& detectors, const std::vector<MissingChange>& group) {
  std::vector<std::string> names;
  for (const MissingChange& each : group) names.push_back(detectors.features()[each.feature].column().name);
  const MissingChange& first = group.front();
  const bool one = group.size() == 1;
  std::string out =
      Cat(ListOf(names), one ? " is" : " are", " missing in ", RangeOf(group, &MissingChange::now), " of rows, was ",
          RangeOf(group, &MissingChange::before), " in ", InWords(detectors.baseline()));
  if (first.change() < 0) return out + ": the source changed";
  if (!first.gone()) return out + (one ? ": the source has gaps" : ": their common source has gaps");
  return out + (one ? ": the source stopped or was renamed" : ": their common source stopped or was renamed");
}

Finding MissingFinding(const Detectors& detectors, const std::vector<MissingChange>& group) {
  Finding out = Make(FindingKind::kMissing, "", group.front().now, kMissingChange, Severity::kNote);
  out.columns.clear();
  for (const MissingChange& each : group) {
    const ColumnReference& reference = detectors.features()[each.feature];
    out.columns.push_back(reference.column().name);
    out.floor = std::max(out.floor, each.floor);
    out.impact += std::fabs(each.change()) * detectors.Weight(each.feature);
    if (each.alert()) out.severity = Severity::kAlert;
  }
  if (out.floor > 0) out.floor_method = FloorMethod::kBlocks;
  out.sentence = MissingSentence(detectors, group);
  return out;
}

// --- Single columns ------------------------------------------------------------------------------------------------

using MaybeFinding = std::optional<Finding>;

MaybeFinding WrongType(const BaselineColumn& column, const ColumnPeriod& now) {
  const double share = now.counts.wrong_type / now.counts.rows;
  if (column.kind != ColumnKind::kNumber || share <= 0) return std::nullopt;
  Finding out = Make(FindingKind::kWrongType, column.name, share, 0, Severity::kAlert);
  out.sentence = Cat(column.name, " is no number in ", Percent(share), " of rows: its type changed at the source");
  return out;
}

MaybeFinding Infinite(const BaselineColumn& column, const ColumnPeriod& now, const std::string& source) {
  const ColumnCounts& before = column.whole.counts;
  const double share = (now.counts.positive_infinite + now.counts.negative_infinite) / now.counts.rows;
  if (share <= 0 || before.positive_infinite + before.negative_infinite > 0) return std::nullopt;
  Finding out = Make(FindingKind::kInfinite, column.name, share, 0, Severity::kAlert);
  out.sentence =
      Cat(column.name, " is infinite in ", Percent(share), " of rows, never in ", source, ": a division by zero");
  return out;
}

std::string AllowedRange(const BaselineColumn& column) {
  if (!column.max) return Cat("below ", WithUnit(*column.min, column.unit));
  if (!column.min) return Cat("above ", WithUnit(*column.max, column.unit));
  return Cat("outside ", ShortNumber(*column.min), " to ", WithUnit(*column.max, column.unit));
}

MaybeFinding OutOfRange(const BaselineColumn& column, const ColumnPeriod& now) {
  const double share = now.out_of_range / now.counts.rows;
  if ((!column.min && !column.max) || share <= kOutOfRange || !now.numbers) return std::nullopt;
  Finding out = Make(FindingKind::kOutOfRange, column.name, share, kOutOfRange, Severity::kAlert);
  const bool above = column.max && now.numbers->max > *column.max;
  out.sentence = Cat(column.name, " is ", AllowedRange(column), " in ", Percent(share), " of rows (",
                     above ? "up to " : "down to ", ShortNumber(above ? now.numbers->max : now.numbers->min), ")");
  return out;
}

MaybeFinding NewCategory(const BaselineColumn& column, const ColumnPeriod& now, const std::string& source) {
  if (column.kind != ColumnKind::kCategory) return std::nullopt;
  double share = now.counts.wrong_type;
  for (const auto& [value, count] : now.strangers) share += count;
  share /= now.counts.rows;
  if (share <= kNewCategories) return std::nullopt;
  const Severity severity = share >= kNewCategoriesAlert ? Severity::kAlert : Severity::kNote;
  Finding out = Make(FindingKind::kNewCategory, column.name, share, kNewCategories, severity);
  out.sentence = Cat(column.name, " holds values never seen in ", source, " in ", Percent(share), " of rows");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min<std::size_t>(now.strangers.size(), 3); ++i) {
    names.push_back(Quoted(now.strangers[i].first, 40));
  }
  if (!names.empty()) CatTo(out.sentence, ": ", ListOf(names), now.strangers.size() > 3 ? " and others" : "");
  return out;
}

/// The one value that every row has, in words; nothing when there are several.
std::optional<std::string> OnlyValue(const BaselineColumn& column, const ColumnPeriod& now) {
  if (column.kind == ColumnKind::kNumber) {
    if (!now.numbers || now.numbers->min != now.numbers->max) return std::nullopt;
    return WithUnit(now.numbers->min, column.unit);
  }
  const auto occupied = std::count_if(now.counts.bins.begin(), now.counts.bins.end(), [](double c) { return c > 0; });
  if (occupied != 1 || now.counts.bins.back() > 0) return std::nullopt;
  const auto at = std::max_element(now.counts.bins.begin(), now.counts.bins.end()) - now.counts.bins.begin();
  return Quoted(column.bins.categories[static_cast<std::size_t>(at)], 40);
}

MaybeFinding Constant(const ColumnReference& reference, const ColumnPeriod& now, double rows_min,
                      const std::string& source) {
  const BaselineColumn& column = reference.column();
  if (column.whole.distinct < 1.5 || Finite(now.counts) < rows_min) return std::nullopt;
  const std::optional<std::string> value = OnlyValue(column, now);
  if (!value) return std::nullopt;
  // A dry week holds no rain: a column that mostly is one value may be it for a while.
  const Severity severity = reference.greatest_bin() <= kStuckBin ? Severity::kAlert : Severity::kNote;
  Finding out = Make(FindingKind::kConstant, column.name, 1, 1, severity);
  out.sentence = Cat(column.name, " is ", *value, " throughout, had ", ShortNumber(std::round(column.whole.distinct)),
                     " values in ", source, ": the source is stuck or a default took its place");
  return out;
}

/// How far quantile functions lie apart when one is divided by `factor`.
double MisfitOf(const NumberShape& now, const NumberShape& before, double factor) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min(now.quantiles.size(), before.quantiles.size()); ++i) {
    sum += std::fabs(now.quantiles[i] / factor - before.quantiles[i]);
  }
  return sum;
}

/// The factor by which the window's numbers are the baseline's; nothing when they are not simply that. Median and
/// spread must tell the same factor: a summer is warmer, not winter times two.
std::optional<double> FactorOf(const NumberShape& now, const NumberShape& before) {
  const double spread_before = before.Quantile(0.9) - before.Quantile(0.1);
  const double spread = now.Quantile(0.9) - now.Quantile(0.1);
  if (now.median() * before.median() <= 0 || spread_before <= 0 || spread <= 0) return std::nullopt;
  const double by_median = now.median() / before.median();
  const double by_spread = spread / spread_before;
  if (std::fabs(std::log(by_median / by_spread)) > kScaleAgreement) return std::nullopt;
  const double factor = std::sqrt(by_median * by_spread);
  if (MisfitOf(now, before, factor) > kScaleFit * MisfitOf(now, before, 1)) return std::nullopt;
  return factor;
}

MaybeFinding Scaled(const ColumnReference& reference, const ColumnPeriod& now, double rows_min) {
  const BaselineColumn& column = reference.column();
  if (!now.numbers || !column.whole.numbers || Finite(now.counts) < rows_min) return std::nullopt;
  const std::optional<double> factor = FactorOf(*now.numbers, *column.whole.numbers);
  const double least = std::max(kScaleLeast, 1.5 * reference.scale_floor());
  if (!factor || std::fabs(std::log(*factor)) < least) return std::nullopt;
  Finding out = Make(FindingKind::kScaled, column.name, *factor, std::exp(least), Severity::kAlert);
  out.floor = std::exp(reference.scale_floor());
  out.floor_method = reference.scale_floor() > 0 ? FloorMethod::kBlocks : FloorMethod::kFormula;
  out.sentence =
      Cat(column.name, " looks scaled by ", ShortNumber(*factor), " (median ", ShortNumber(now.numbers->median()),
          ", was ", WithUnit(column.whole.numbers->median(), column.unit), "): another unit, or a factor too many");
  return out;
}

bool IsAge(const std::string& name) { return name.find("_age_") != std::string::npos || name.ends_with("_age"); }

MaybeFinding Stale(const BaselineColumn& column, const ColumnPeriod& now, double rows_min, const std::string& source) {
  if (!IsAge(column.name) || !now.numbers || !column.whole.numbers || Finite(now.counts) < rows_min) {
    return std::nullopt;
  }
  const double usual = column.whole.numbers->Quantile(0.99);
  const double most = now.numbers->Quantile(0.9);
  if (usual <= 0 || most <= kStaleFactor * usual) return std::nullopt;
  Finding out = Make(FindingKind::kStale, column.name, most, kStaleFactor * usual, Severity::kAlert);
  out.sentence = Cat(column.name, ": a tenth of rows are older than ", WithUnit(most, column.unit), ", in ", source,
                     " 1 % were older than ", WithUnit(usual, column.unit), ": the source is late");
  return out;
}

}  // namespace

std::vector<Finding> FindMissing(const Detectors& detectors, const WindowView& window, const std::vector<Cell>& cells,
                                 std::vector<bool>& taken) {
  std::vector<MissingChange> changes = MissingChanges(detectors, window, cells);
  std::stable_sort(changes.begin(), changes.end(),
                   [](const MissingChange& a, const MissingChange& b) { return a.lost() > b.lost(); });
  std::vector<Finding> out;
  for (std::size_t i = 0; i < changes.size();) {
    std::vector<MissingChange> group = {changes[i]};
    while (++i < changes.size() && group.front().lost() - changes[i].lost() <= kTogether &&
           (group.front().change() > 0) == (changes[i].change() > 0)) {
      group.push_back(changes[i]);
    }
    for (const MissingChange& each : group) taken[each.feature] = true;
    out.push_back(MissingFinding(detectors, group));
  }
  return out;
}

std::vector<Finding> FindFaults(const Detectors& detectors, const WindowView& window, std::vector<bool>& taken) {
  std::vector<Finding> out;
  const double rows_min = detectors.options().rows_min;
  const std::string source = InWords(detectors.baseline());
  for (std::size_t i = 0; i < detectors.features().size(); ++i) {
    if (!window.features[i] || window.features[i]->counts.rows <= 0) continue;
    const ColumnReference& reference = detectors.features()[i];
    const BaselineColumn& column = reference.column();
    const ColumnPeriod& now = *window.features[i];
    const MaybeFinding found[] = {WrongType(column, now),
                                  Infinite(column, now, source),
                                  OutOfRange(column, now),
                                  NewCategory(column, now, source),
                                  Constant(reference, now, rows_min, source),
                                  Scaled(reference, now, rows_min),
                                  Stale(column, now, rows_min, source)};
    for (const MaybeFinding& each : found) {
      if (!each) continue;
      out.push_back(*each);
      const bool is_share = each->kind != FindingKind::kScaled && each->kind != FindingKind::kStale;
      out.back().impact = detectors.Weight(i) * (is_share ? std::min(each->value, 1.0) : 1.0);
      taken[i] = true;
    }
  }
  return out;
}

std::vector<Finding> FindVolume(const WindowView& window) {
  if (!window.closed) return {};
  if (window.rows < kUsedRows && window.usual_rows.value_or(0) < kUsedRows) return {};
  Finding out = Make(FindingKind::kVolume, "", window.rows, 0, Severity::kNote);
  out.columns.clear();
  if (window.rows <= 0) {
    out.kind = FindingKind::kNoData;
    out.severity = Severity::kAlert;
    out.impact = 1;
    out.sentence = "no predictions were asked for: callers, network or server are down";
    return {out};
  }
  if (!window.usual_rows || *window.usual_rows <= 0) return {};
  const double ratio = window.rows / *window.usual_rows;
  if (ratio >= kVolumeLow && ratio <= kVolumeHigh) return {};
  out.threshold = *window.usual_rows * (ratio < 1 ? kVolumeLow : kVolumeHigh);
  out.impact = ratio < 1 ? 1 - ratio : 1 - 1 / ratio;
  out.sentence = Cat(ShortNumber(window.rows), " rows, usually ", ShortNumber(*window.usual_rows), " in such a window");
  return {out};
}

}  // namespace mw::monitoring
