// Comparing each column, and making findings of what exceeds.
#include "monitoring/detectors.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/assert.h"
#include "base/text.h"
#include "monitoring/attribution.h"
#include "monitoring/data_detectors.h"
#include "monitoring/sentences.h"

namespace mw::monitoring {
namespace {

constexpr std::size_t kNamedCauses = 3;

std::size_t BlocksIn(Duration window, Duration block) {
  if (block <= Duration(0) || window < block || window % block != Duration(0)) return 0;
  return static_cast<std::size_t>(window / block);
}

/// The category whose share changed most, in words: "UA in 32 % of rows, was 18 %".
std::string GreatestChange(const BaselineColumn& column, const ColumnPeriod& now) {
  const std::vector<double>& before = column.whole.counts.bins;
  const double rows_before = std::max(column.whole.counts.rows, 1.0);
  const double rows = std::max(now.counts.rows, 1.0);
  std::size_t at = 0;
  double most = -1;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double change = std::fabs(now.counts.bins[i] / rows - before[i] / rows_before);
    if (change > most) {
      most = change;
      at = i;
    }
  }
  const std::string name = at < column.bins.categories.size() ? Quoted(column.bins.categories[at], 40) : "other values";
  return Cat(name, " in ", Percent(now.counts.bins[at] / rows), " of rows, was ", Percent(before[at] / rows_before));
}

std::string Distances(const ColumnReference& reference, const Comparison& comparison) {
  const bool number = reference.column().kind == ColumnKind::kNumber;
  std::string out = Cat(number ? "JSD " : "L-infinity ", ShortNumber(reference.Deciding(comparison)),
                        comparison.floor.method == FloorMethod::kBlocks ? ", healthy windows up to " : ", noise up to ",
                        ShortNumber(comparison.floor.value));
  if (comparison.wasserstein) CatTo(out, "; shift ", ShortNumber(*comparison.wasserstein), " sigma");
  return out;
}

std::string DriftSentence(const ColumnReference& reference, const ColumnPeriod& now, const Comparison& comparison) {
  const BaselineColumn& column = reference.column();
  std::string change = "changed";
  if (column.kind == ColumnKind::kCategory) {
    change = GreatestChange(column, now);
  } else if (now.numbers && column.whole.numbers) {
    change = Cat("median ", WithUnit(now.numbers->median(), column.unit), ", was ",
                 ShortNumber(column.whole.numbers->median()));
  }
  return Cat(column.name, " moved: ", change, " (", Distances(reference, comparison), ")");
}

/// An open window carries the row on and says nothing itself.
bool CountsAsDrift(const Cell& cell, const DetectOptions& options) {
  return cell.exceeds && cell.windows_in_a_row >= options.windows_in_a_row;
}

Finding DistanceFinding(FindingKind kind, const Cell& cell, double value) {
  Finding out;
  out.kind = kind;
  out.columns = {cell.column};
  out.value = value;
  out.threshold = cell.threshold;
  out.floor = cell.comparison.floor.value;
  out.floor_method = cell.comparison.floor.method;
  return out;
}

std::vector<Finding> FindDrift(const Detectors& detectors, const WindowView& window, const std::vector<Cell>& cells,
                               const std::vector<bool>& taken) {
  std::vector<Finding> out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    if (taken[i] || !window.features[i] || !CountsAsDrift(cell, detectors.options())) continue;
    const ColumnReference& reference = detectors.features()[i];
    Finding finding = DistanceFinding(FindingKind::kDrift, cell, reference.Deciding(cell.comparison));
    finding.impact = detectors.Weight(i) * finding.value;
    if (cell.attribution && *cell.attribution * finding.value >= kAttributedDrift) finding.severity = Severity::kAlert;
    finding.sentence = DriftSentence(reference, *window.features[i], cell.comparison);
    out.push_back(std::move(finding));
  }
  return out;
}

/// The features that moved most by impact, for the sentence about the predictions.
std::string Causes(const Detectors& detectors, const std::vector<Cell>& cells) {
  std::vector<std::pair<double, std::string>> moved;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i].exceeds) continue;
    moved.emplace_back(-detectors.Weight(i) * detectors.features()[i].Deciding(cells[i].comparison), cells[i].column);
  }
  if (moved.empty()) return "no feature did";
  std::sort(moved.begin(), moved.end());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(moved.size(), kNamedCauses); ++i) names.push_back(moved[i].second);
  return "with them " + ListOf(names);
}

std::vector<Finding> FindPredictionDrift(const Detectors& detectors, const WindowView& window,
                                         const Evaluation& evaluation) {
  if (!evaluation.prediction) return {};
  const Cell& cell = *evaluation.prediction;
  if (!CountsAsDrift(cell, detectors.options())) return {};
  const ColumnReference& reference = *detectors.prediction();
  Finding out = DistanceFinding(FindingKind::kPredictionDrift, cell, reference.Deciding(cell.comparison));
  out.severity = Severity::kAlert;
  out.impact = out.value;
  std::string means = "they";
  if (window.prediction->numbers && reference.column().whole.numbers) {
    means = Cat("mean ", ShortNumber(window.prediction->numbers->mean), ", was ",
                ShortNumber(reference.column().whole.numbers->mean));
  }
  out.sentence = Cat("predictions moved: ", means, " (", Distances(reference, cell.comparison), "); ",
                     Causes(detectors, evaluation.features));
  return {out};
}

std::vector<Finding> FindAttributionDrift(const Detectors& detectors, const WindowView& window, int needed,
                                          const Evaluation* previous, bool counts, Evaluation& evaluation) {
  evaluation.attribution_windows_in_a_row = previous == nullptr ? 0 : previous->attribution_windows_in_a_row;
  if (!counts || window.attribution.empty()) return {};
  std::vector<double> before;
  for (const ColumnReference& each : detectors.features()) before.push_back(each.column().attribution.value_or(0));
  const AttributionShift shift = CompareAttributions(before, window.attribution);
  const double threshold = std::max(0.1, ThresholdOf(detectors.options().sensitivity));
  const bool exceeds = shift.l_infinity > threshold;
  evaluation.attribution_windows_in_a_row = exceeds ? evaluation.attribution_windows_in_a_row + 1 : 0;
  if (evaluation.attribution_windows_in_a_row < needed) return {};
  Finding out;
  out.kind = FindingKind::kAttributionDrift;
  out.columns = {detectors.features()[shift.feature].column().name};
  out.value = shift.l_infinity;
  out.threshold = threshold;
  out.severity = Severity::kAlert;
  out.impact = shift.l_infinity;
  out.sentence = Cat("the model leans on ", out.columns[0], " for ", Percent(shift.now), " of its answers, was ",
                     Percent(shift.before), " (rank change ", ShortNumber(shift.rank_change), ")");
  return {out};
}

void Append(std::vector<Finding>& to, std::vector<Finding> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void MarkCells(Evaluation& evaluation) {
  const auto mark = [&evaluation](Cell& cell) {
    for (const Finding& finding : evaluation.findings) {
      if (std::find(finding.columns.begin(), finding.columns.end(), cell.column) == finding.columns.end()) continue;
      const State state = finding.severity == Severity::kAlert ? State::kAlert : State::kWarning;
      if (cell.state == State::kOk || state == State::kAlert) cell.state = state;
    }
  };
  for (Cell& cell : evaluation.features) mark(cell);
  if (evaluation.prediction) mark(*evaluation.prediction);
}

State StateOf(const std::vector<Finding>& findings) {
  if (findings.empty()) return State::kOk;
  return findings.front().severity == Severity::kAlert ? State::kAlert : State::kWarning;
}

bool SaysSomething(State state) { return state == State::kOk || state == State::kWarning || state == State::kAlert; }

}  // namespace

bool BaselineSummary::SameAs(const BaselineSummary& other) const {
  return source == other.source && from == other.from && until == other.until && reason == other.reason;
}

BaselineSummary SummaryOf(const BaselineView& view) {
  return {view.source, view.from, view.until, view.rows, view.block_rows.size(), ""};
}

void Settle(Evaluation& evaluation) {
  for (Finding& finding : evaluation.findings) {
    finding.from = evaluation.from;
    finding.until = evaluation.until;
  }
  RankFindings(evaluation.findings);
  MarkCells(evaluation);
  if (SaysSomething(evaluation.state)) evaluation.state = StateOf(evaluation.findings);
}

Result<Sensitivity> SensitivityFromName(std::string_view name) {
  if (name == "vertex") return Sensitivity::kVertex;
  if (name == "strict") return Sensitivity::kStrict;
  if (name == "sensitive") return Sensitivity::kSensitive;
  return InvalidArgument(Quoted(name), " is no sensitivity; it is vertex, strict or sensitive");
}

double ThresholdOf(Sensitivity sensitivity) {
  switch (sensitivity) {
    case Sensitivity::kVertex: return 0.3;
    case Sensitivity::kStrict: return 0.1;
    case Sensitivity::kSensitive: return 0.02;
  }
  return 0.02;
}

Status Check(const DetectOptions& options) {
  for (const auto& [column, threshold] : options.thresholds) {
    if (!(threshold >= 0 && threshold <= 1)) {
      return InvalidArgument("the threshold of ", Quoted(column), " is ", threshold, "; it is a number from 0 to 1");
    }
  }
  if (options.windows_in_a_row < 1) return InvalidArgument("windows in a row must be 1 or more");
  if (!(options.rows_min >= 1)) return InvalidArgument("a window of interest has at least 1 row");
  return Ok();
}

Detectors::Detectors(BaselineView baseline, Duration window_length, DetectOptions options)
    : baseline_(std::move(baseline)), options_(std::move(options)) {
  ReferenceOptions reference;
  reference.rows_min = options_.rows_min;
  reference.floor_quantile = options_.floor_quantile;
  reference.window_blocks = BlocksIn(window_length, baseline_.block_length);
  features_.reserve(baseline_.features.size());
  for (const BaselineColumn& column : baseline_.features) features_.emplace_back(column, reference);
  if (baseline_.prediction) prediction_.emplace(*baseline_.prediction, reference);
}

double Detectors::Weight(std::size_t feature) const {
  const double even = 1 / static_cast<double>(std::max<std::size_t>(features_.size(), 1));
  return features_[feature].column().attribution.value_or(even);
}

/// `counts`: whether the window may say something about distances: it is closed and holds enough rows.
Cell Detectors::CellOf(const ColumnReference& reference, const ColumnPeriod* period, const Cell* before,
                       bool counts) const {
  Cell out;
  out.column = reference.column().name;
  out.kind = reference.column().kind;
  out.attribution = reference.column().attribution;
  const auto own = options_.thresholds.find(out.column);
  out.threshold = own == options_.thresholds.end() ? ThresholdOf(options_.sensitivity) : own->second;
  out.windows_in_a_row = before == nullptr ? 0 : before->windows_in_a_row;
  if (period == nullptr || period->counts.rows <= 0) {
    const ColumnCounts& was = reference.column().whole.counts;
    out.comparison.baseline_missing = was.rows > 0 ? was.missing / was.rows : 0;
    out.comparison.missing = 1;
    out.state = State::kInsufficientData;
    return out;
  }
  out.comparison = reference.Compare(*period);
  if (!counts) {
    out.state = period->counts.rows < options_.rows_min ? State::kInsufficientData : State::kOk;
    return out;
  }
  const double value = reference.Deciding(out.comparison);
  out.exceeds = value > out.threshold && value > out.comparison.floor.value;
  out.windows_in_a_row = out.exceeds ? out.windows_in_a_row + 1 : 0;
  out.state = out.exceeds ? State::kWarning : State::kOk;
  return out;
}

Evaluation Detectors::Detect(const WindowView& window, const Evaluation* previous) const {
  MW_ASSERT(window.features.size() == features_.size());
  Evaluation out;
  out.from = window.from;
  out.until = window.until;
  out.closed = window.closed;
  out.rows = window.rows;
  out.baseline = SummaryOf(baseline_);
  const bool enough = window.rows >= options_.rows_min;
  const bool counts = enough && window.closed;
  const bool follows = previous != nullptr && previous->features.size() == features_.size();
  for (std::size_t i = 0; i < features_.size(); ++i) {
    const ColumnPeriod* period = window.features[i] ? &*window.features[i] : nullptr;
    out.features.push_back(CellOf(features_[i], period, follows ? &previous->features[i] : nullptr, counts));
  }
  if (prediction_ && window.prediction) {
    const Cell* before = follows && previous->prediction ? &*previous->prediction : nullptr;
    out.prediction = CellOf(*prediction_, &*window.prediction, before, counts);
    if (window.prediction->numbers) out.predictions_mean = window.prediction->numbers->mean;
  }
  out.findings = FindVolume(window);
  if (!enough) {
    // Silence that nobody would notice is too few rows, no outage.
    const bool outage = window.rows <= 0 && !out.findings.empty();
    out.state = outage ? State::kNoData : State::kInsufficientData;
    Settle(out);
    return out;
  }
  std::vector<bool> taken(features_.size(), false);
  Append(out.findings, FindMissing(*this, window, out.features, taken));
  Append(out.findings, FindFaults(*this, window, taken));
  Append(out.findings, FindDrift(*this, window, out.features, taken));
  Append(out.findings, FindPredictionDrift(*this, window, out));
  Append(out.findings, FindAttributionDrift(*this, window, options_.windows_in_a_row, previous, counts, out));
  Settle(out);
  return out;
}

Evaluation WithoutBaseline(const WindowView& window, BaselineSummary baseline) {
  Evaluation out;
  out.from = window.from;
  out.until = window.until;
  out.closed = window.closed;
  out.rows = window.rows;
  out.baseline = std::move(baseline);
  out.findings = FindVolume(window);
  out.state = window.rows <= 0 && !out.findings.empty() ? State::kNoData : State::kBaselineMissing;
  Settle(out);
  return out;
}

}  // namespace mw::monitoring
