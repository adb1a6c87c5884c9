// Detecting in each slice, then keeping of it what the whole window does not say already.
#include "monitoring/slice_detectors.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "monitoring/sentences.h"

namespace mw::monitoring {
namespace {

/// A finding is in one slice alone when it is this much stronger there than in any other, ...
constexpr double kAlone = 3;
/// ... and the slices that were looked at hold this share of the rows.
constexpr double kLookedAt = 0.9;
/// Rows out of range below which a slice says nothing: one odd row in a few hundred is no fault of the source.
constexpr double kOddRows = 10;

struct Seen {
  const SliceReference* reference = nullptr;
  double share = 0;  ///< of the window's rows
  Evaluation evaluation;
};

struct Candidate {
  const Seen* seen = nullptr;
  Finding finding;
};

const SliceCell* FindSlice(const Evaluation* evaluation, const Slice& slice) {
  if (evaluation == nullptr) return nullptr;
  for (const SliceCell& cell : evaluation->slices) {
    if (cell.slice == slice) return &cell;
  }
  return nullptr;
}

Cell Before(const SliceCell& slice, const std::string& column) {
  Cell cell;
  cell.column = column;
  const auto found = slice.windows_in_a_row.find(column);
  cell.windows_in_a_row = found == slice.windows_in_a_row.end() ? 0 : found->second;
  return cell;
}

/// The slice's window before this one, as far as this one looks back at it.
Evaluation Previous(const Detectors& detectors, const SliceCell& before) {
  Evaluation out;
  for (const ColumnReference& feature : detectors.features()) {
    out.features.push_back(Before(before, feature.column().name));
  }
  if (detectors.prediction()) out.prediction = Before(before, detectors.prediction()->column().name);
  return out;
}

void Remember(const Cell& cell, SliceCell& slice) {
  if (cell.windows_in_a_row > 0) slice.windows_in_a_row[cell.column] = cell.windows_in_a_row;
}

const Cell* CellFor(const Evaluation& evaluation, const std::string& column) {
  for (const Cell& cell : evaluation.features) {
    if (cell.column == column) return &cell;
  }
  return evaluation.prediction && evaluation.prediction->column == column ? &*evaluation.prediction : nullptr;
}

/// How much of a finding's kind a slice shows in a column, to be compared between slices.
double Strength(const Seen& seen, FindingKind kind, const std::string& column) {
  const Cell* cell = CellFor(seen.evaluation, column);
  if (cell != nullptr && kind == FindingKind::kMissing) {
    return std::fabs(cell->comparison.missing - cell->comparison.baseline_missing);
  }
  if (cell != nullptr && (kind == FindingKind::kDrift || kind == FindingKind::kPredictionDrift)) {
    const bool number = cell->kind == ColumnKind::kNumber;
    return number ? cell->comparison.jensen_shannon : cell->comparison.l_infinity;
  }
  return std::any_of(seen.evaluation.findings.begin(), seen.evaluation.findings.end(),
                     [&](const Finding& finding) {
                       return finding.kind == kind && !finding.columns.empty() && finding.columns.front() == column;
                     })
             ? 1
             : 0;
}

bool Share(const Finding& a, const Finding& b) {
  return a.kind == b.kind && std::any_of(a.columns.begin(), a.columns.end(), [&b](const std::string& column) {
           return std::find(b.columns.begin(), b.columns.end(), column) != b.columns.end();
         });
}

/// Whether, of the slices by its column, only this one shows the finding.
bool IsAlone(const Candidate& candidate, const std::vector<Seen>& all) {
  const std::string& column = candidate.finding.columns.front();
  const double strength = Strength(*candidate.seen, candidate.finding.kind, column);
  double looked_at = 0;
  std::size_t others = 0;
  for (const Seen& other : all) {
    if (other.reference->slice.column != candidate.seen->reference->slice.column) continue;
    looked_at += other.share;
    if (&other == candidate.seen) continue;
    ++others;
    if (kAlone * Strength(other, candidate.finding.kind, column) > strength) return false;
  }
  return others > 0 && looked_at >= kLookedAt;
}

/// A quiet week of one airport may look like a factor: in a slice that is one which stays.
bool Stays(const Seen& seen, const std::string& column) {
  const Cell* cell = CellFor(seen.evaluation, column);
  return cell != nullptr && cell->windows_in_a_row >= seen.reference->detectors->options().windows_in_a_row;
}

bool Counts(const Seen& seen, const Finding& finding) {
  if (finding.columns.empty() || finding.columns.front() == seen.reference->slice.column) return false;
  if (finding.kind == FindingKind::kScaled) return Stays(seen, finding.columns.front());
  // New to the slice, not to the model: it counts by what it is of the whole.
  if (finding.kind == FindingKind::kNewCategory) return finding.value * seen.share > finding.threshold;
  return finding.kind != FindingKind::kOutOfRange || finding.value * seen.evaluation.rows >= kOddRows;
}

/// Scales the impact, and takes back the alert of what touches too little of the whole.
void Weigh(Finding& finding, double share) {
  finding.impact *= share;
  const bool slight = (finding.kind == FindingKind::kDrift && finding.impact < kAttributedDrift) ||
                      (finding.kind == FindingKind::kPredictionDrift && finding.impact < finding.threshold) ||
                      finding.kind == FindingKind::kNewCategory;  // new to the slice, not to the model
  if (slight) finding.severity = Severity::kNote;
}

/// The whole's finding, made to say where; nothing when it is everywhere.
void NameSlice(Finding& whole, const std::vector<Candidate>& candidates, const std::vector<Seen>& all) {
  const Candidate* alone = nullptr;
  for (const Candidate& candidate : candidates) {
    if (!Share(whole, candidate.finding) || !IsAlone(candidate, all)) continue;
    if (alone == nullptr || candidate.seen->share > alone->seen->share) alone = &candidate;
  }
  if (alone == nullptr) return;
  whole.slice = alone->seen->reference->slice;
  CatTo(whole.sentence, "; only where ", Name(*whole.slice));
  if (whole.kind == FindingKind::kMissing)
    CatTo(whole.sentence, ", in ", Percent(alone->finding.value), " of its rows");
  whole.severity = std::max(whole.severity, alone->finding.severity);
}

/// Nothing of a slice with too few rows.
std::optional<Seen> Look(const SliceWindow& window, double rows, const SliceCell* before) {
  const Detectors& detectors = *window.reference->detectors;
  if (window.view.rows < detectors.options().rows_min) return std::nullopt;
  Evaluation earlier;
  if (before != nullptr) earlier = Previous(detectors, *before);
  const double share = rows > 0 ? window.view.rows / rows : 0;
  return Seen{window.reference, share, detectors.Detect(window.view, before == nullptr ? nullptr : &earlier)};
}

/// What the next window will ask of this one. A slice without rows enough stays what it was.
SliceCell CellOf(const SliceWindow& window, const Seen* seen, const SliceCell* before) {
  SliceCell cell;
  cell.slice = window.reference->slice;
  cell.rows = window.view.rows;
  if (seen == nullptr) {
    cell.state = State::kInsufficientData;
    if (before != nullptr) cell.windows_in_a_row = before->windows_in_a_row;
    return cell;
  }
  cell.state = seen->evaluation.state;
  for (const Cell& each : seen->evaluation.features) Remember(each, cell);
  if (seen->evaluation.prediction) Remember(*seen->evaluation.prediction, cell);
  return cell;
}

/// They point into `all`.
std::vector<Candidate> CandidatesOf(const std::vector<Seen>& all) {
  std::vector<Candidate> out;
  for (const Seen& seen : all) {
    for (const Finding& finding : seen.evaluation.findings) {
      if (!Counts(seen, finding)) continue;
      out.push_back({&seen, finding});
      Weigh(out.back().finding, seen.share);
    }
  }
  return out;
}

/// One finding for each kind and first column: where it weighs most, the other slices named in it.
std::vector<Finding> Merged(std::vector<Candidate> candidates) {
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.finding.severity != b.finding.severity) return a.finding.severity > b.finding.severity;
    return a.finding.impact > b.finding.impact;
  });
  std::vector<Finding> out;
  std::vector<std::vector<std::string>> others;
  for (Candidate& candidate : candidates) {
    const Slice& slice = candidate.seen->reference->slice;
    const auto same = std::find_if(out.begin(), out.end(), [&](const Finding& finding) {
      return finding.kind == candidate.finding.kind && finding.columns.front() == candidate.finding.columns.front();
    });
    if (same != out.end()) {
      others[static_cast<std::size_t>(same - out.begin())].push_back(Name(slice));
      continue;
    }
    Finding& added = out.emplace_back(std::move(candidate.finding));
    added.slice = slice;
    added.sentence = Cat(Name(slice), ": ", added.sentence);
    others.emplace_back();
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!others[i].empty()) CatTo(out[i].sentence, "; likewise ", ListOf(others[i]));
  }
  return out;
}

}  // namespace

void DetectSlices(const std::vector<SliceWindow>& slices, double rows, const Evaluation* previous,
                  Evaluation& evaluation) {
  std::vector<Seen> all;
  for (const SliceWindow& window : slices) {
    const SliceCell* before = FindSlice(previous, window.reference->slice);
    std::optional<Seen> seen = Look(window, rows, before);
    evaluation.slices.push_back(CellOf(window, seen ? &*seen : nullptr, before));
    if (seen) all.push_back(*std::move(seen));
  }
  const std::vector<Candidate> candidates = CandidatesOf(all);
  std::vector<Candidate> own;
  for (const Candidate& candidate : candidates) {
    const auto known = [&candidate](const Finding& whole) { return Share(whole, candidate.finding); };
    if (std::none_of(evaluation.findings.begin(), evaluation.findings.end(), known)) own.push_back(candidate);
  }
  for (Finding& whole : evaluation.findings) NameSlice(whole, candidates, all);
  for (Finding& finding : Merged(std::move(own))) evaluation.findings.push_back(std::move(finding));
  Settle(evaluation);
}

}  // namespace mw::monitoring
