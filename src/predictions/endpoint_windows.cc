// Windows of one endpoint.
#include "predictions/endpoint_windows.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace mw::predictions {
namespace {

std::int64_t DelayOf(const JoinRow& row) {
  if (row.label.count == 0 || row.label.time_us == wire::kNoLabelTime) return kNoDelay;
  return row.label.time_us - row.event_time_us;
}

store::SettledRow RowOf(const JoinRow& row) {
  return {row.label.count == 0 ? std::numeric_limits<double>::quiet_NaN() : row.label.value, DelayOf(row),
          row.repeated};
}

std::vector<store::SettledPiece> PiecesOf(const JoinWindow& window) {
  std::vector<store::SettledPiece> pieces;
  pieces.reserve(window.pieces.size());
  for (const JoinWindow::Piece& piece : window.pieces) {
    store::SettledPiece& out = pieces.emplace_back();
    out.arrival = piece.arrival;
    out.rows.reserve(piece.rows);
    for (std::size_t i = 0; i < piece.rows; ++i) out.rows.push_back(RowOf(window.rows[piece.first_row + i]));
  }
  return pieces;
}

void Merge(JoinCounts& into, const JoinCounts& other) {
  into.rows += other.rows;
  into.repeated += other.repeated;
  into.labelled += other.labelled;
  into.duplicates += other.duplicates;
  into.contradictions += other.contradictions;
  into.early += other.early;
  into.label_sum.Add(other.label_sum);
  into.prediction_sum.Add(other.prediction_sum);
}

}  // namespace

EndpointWindows::Window& EndpointWindows::Touch(const Key& key, Timestamp at, std::int64_t change) {
  Window& window = windows_[key];
  window.touched = std::max(window.touched, at);
  window.changed = std::max(window.changed, change);
  return window;
}

LabelJoin::Slot EndpointWindows::NewSlot(const Key& key) {
  const LabelJoin::Slot slot = join_.AddWindow(key.second);
  key_of_slot_.resize(slot + 1);
  key_of_slot_[slot] = key;
  return slot;
}

/// A window ahead of the clock moves the watermark no further than the clock's own hour.
void EndpointWindows::Advance(const Key& key, const WindowTotals& totals, Timestamp accepted) {
  watermark_ = std::max(watermark_, std::min(key.first, accepted) + totals.window_length);
}

/// The part that takes new pieces: one that is being settled does not.
EndpointWindows::Part& EndpointWindows::OpenPart(const Key& key, Window& window) {
  if (window.parts.empty() || window.parts.back().settling) window.parts.push_back({NewSlot(key), {}, false});
  return window.parts.back();
}

void EndpointWindows::AddPiece(const Key& key, const WindowTotals& totals, const PieceRows& rows, Timestamp accepted,
                               std::int64_t change) {
  Advance(key, totals, accepted);
  Part& part = OpenPart(key, Touch(key, accepted, change));
  part.totals.Merge(totals);
  join_.AddRows(part.slot, rows);
  for (const LabelJoin::Slot slot : join_.TakeChanged()) Touch(key_of_slot_[slot], accepted, change);
}

JoinedLabels EndpointWindows::AddLabels(const std::vector<wire::Label>& labels, std::int64_t arrival,
                                        Timestamp accepted, std::int64_t change) {
  JoinedLabels counts;
  for (const wire::Label& label : labels) {
    const LabelJoin::Effect effect = join_.AddLabel(label, arrival);
    counts.joined += effect == LabelJoin::Effect::kJoined ? 1 : 0;
    counts.waiting += effect == LabelJoin::Effect::kWaiting ? 1 : 0;
    counts.too_late += effect == LabelJoin::Effect::kTooLate ? 1 : 0;
  }
  too_late_ += counts.too_late;
  batch_accepted_.emplace(arrival, accepted);
  for (const LabelJoin::Slot slot : join_.TakeChanged()) Touch(key_of_slot_[slot], accepted, change);
  return counts;
}

void EndpointWindows::AddSettled(const store::SettledWindow& settled) {
  const Key key{settled.window_start, settled.version};
  Window& window = windows_[key];
  window.settled_totals.Merge(settled.totals);
  Merge(window.settled_counts, settled.counts);
  Advance(key, settled.totals, settled.totals.last_received);
}

void EndpointWindows::AddSettledRows(const Key& key, const PieceRows& rows, std::int64_t settled_at) {
  const LabelJoin::Slot slot = NewSlot(key);
  join_.AddRows(slot, rows);
  join_.Settle(slot, settled_at);
  join_.Release(slot);
  join_.TakeChanged();
  windows_[key].closed.push_back(slot);
}

bool EndpointWindows::Due(const Key& key, const Window& window, Timestamp now) const {
  const Duration length = window.parts.back().totals.window_length;
  return key.first + length + ages_.label_ttl < watermark_ && window.touched + ages_.quiet <= now;
}

Settling EndpointWindows::Freeze(const Key& key, const Part& part) const {
  const JoinWindow& rows = join_.window(part.slot);
  return {part.slot, {endpoint_, key.second, key.first, 0, part.totals, rows.counts, PiecesOf(rows)}};
}

std::vector<Settling> EndpointWindows::BeginSettling(Timestamp now, std::size_t rows_over, std::size_t limit) {
  std::vector<Settling> begun;
  std::size_t rows = 0;
  for (auto& [key, window] : windows_) {
    if (begun.size() >= limit) break;
    if (window.parts.empty() || (rows >= rows_over && !Due(key, window, now))) continue;
    for (Part& part : window.parts) {
      if (part.settling) continue;
      part.settling = true;
      begun.push_back(Freeze(key, part));
      rows += join_.window(part.slot).rows.size();
      join_.Settle(part.slot, 0);
    }
  }
  return begun;
}

void EndpointWindows::EndSettling(const Settling& settling, bool stored) {
  Window& window = windows_.at({settling.window.window_start, settling.window.version});
  const auto part = std::find_if(window.parts.begin(), window.parts.end(),
                                 [&settling](const Part& p) { return p.slot == settling.slot; });
  if (!stored) {
    part->settling = false;
    join_.Reopen(settling.slot);
    return;
  }
  join_.Settle(settling.slot, settling.window.settled_at);
  join_.Release(settling.slot);
  window.settled_totals.Merge(part->totals);
  Merge(window.settled_counts, settling.window.counts);
  window.closed.push_back(settling.slot);
  window.parts.erase(part);
}

void EndpointWindows::Expire(Timestamp now) {
  const auto due = [this, now](std::int64_t time_us, std::int64_t arrival) {
    const auto batch = batch_accepted_.find(arrival);
    const Timestamp accepted = batch == batch_accepted_.end() ? Timestamp::min() : batch->second;
    if (accepted + ages_.quiet > now) return false;
    const Timestamp known = time_us == wire::kNoLabelTime ? accepted : FromMicros(time_us);
    return watermark_ > known && watermark_ - known > ages_.label_ttl;
  };
  join_.Expire(due);
  batch_accepted_.erase(batch_accepted_.begin(), batch_accepted_.lower_bound(join_.OldestNeededLabel()));
  for (auto& [key, window] : windows_) {
    if (key.first + window.settled_totals.window_length + 2 * ages_.label_ttl >= watermark_) break;
    for (const LabelJoin::Slot slot : window.closed) join_.Forget(slot);
    window.closed.clear();
  }
}

template <typename Visit>
void EndpointWindows::ForEach(const WindowRange& range, Visit visit) const {
  constexpr std::int64_t kBeforeAll = std::numeric_limits<std::int64_t>::min();
  for (auto at = windows_.lower_bound({range.from, kBeforeAll}); at != windows_.end(); ++at) {
    if (at->first.first >= range.until) return;
    if (range.version == 0 || range.version == at->first.second) visit(at->first, at->second);
  }
}

JoinCounts EndpointWindows::CountsOf(const Window& window) const {
  JoinCounts counts = window.settled_counts;
  for (const Part& part : window.parts) Merge(counts, join_.window(part.slot).counts);
  return counts;
}

WindowSummary EndpointWindows::SummaryOf(const Key& key, const Window& window) const {
  WindowTotals totals = window.settled_totals;
  for (const Part& part : window.parts) totals.Merge(part.totals);
  const JoinCounts counts = CountsOf(window);
  WindowSummary summary;
  summary.endpoint = endpoint_;
  summary.model = totals.model;
  summary.version = key.second;
  summary.window_start = key.first;
  summary.window_length = totals.window_length;
  summary.pieces = totals.pieces;
  summary.rows = totals.rows;
  summary.sampled_rows = totals.sampled_rows;
  summary.dropped_rows = totals.dropped_rows;
  summary.repeated_rows = counts.repeated;
  summary.labelled = counts.labelled;
  summary.requests = totals.requests;
  summary.failures = totals.failures;
  summary.refused = totals.refused;
  summary.flagged_rows = totals.flagged_rows;
  summary.future_rows = totals.future_rows;
  summary.label_sum = counts.label_sum.Value();
  summary.labelled_prediction_sum = counts.prediction_sum.Value();
  summary.settled = window.parts.empty();
  summary.latency = LatencyFromBytes(totals.latency).value_or(wire::LatencyHistogram());
  summary.first_received = totals.first_received;
  summary.last_received = totals.last_received;
  summary.changed = window.changed;
  return summary;
}

std::vector<WindowSummary> EndpointWindows::Summaries(const WindowRange& range) const {
  std::vector<WindowSummary> summaries;
  ForEach(range, [&](const Key& key, const Window& window) { summaries.push_back(SummaryOf(key, window)); });
  return summaries;
}

void EndpointWindows::Changed(std::int64_t since, std::vector<ChangedWindow>& out) const {
  for (const auto& [key, window] : windows_) {
    if (window.changed <= since) continue;
    const WindowTotals& totals = window.parts.empty() ? window.settled_totals : window.parts.back().totals;
    out.push_back({endpoint_, key.second, key.first, totals.window_length, window.changed});
  }
}

void EndpointWindows::Cover(const WindowRange& range, LabelCoverage& coverage, std::vector<double>& delays_s) const {
  ForEach(range, [&](const Key&, const Window& window) {
    const JoinCounts counts = CountsOf(window);
    coverage.predictions += counts.rows - counts.repeated;
    coverage.labelled += counts.labelled;
    coverage.duplicates += counts.duplicates;
    coverage.contradictions += counts.contradictions;
    coverage.early += counts.early;
    for (const Part& part : window.parts) {
      for (const JoinRow& row : join_.window(part.slot).rows) {
        const std::int64_t delay = row.repeated ? kNoDelay : DelayOf(row);
        if (delay != kNoDelay) delays_s.push_back(static_cast<double>(delay) * 1e-6);
      }
    }
  });
  coverage.unknown += static_cast<std::int64_t>(join_.waiting());
  coverage.expired += join_.expired();
  coverage.too_late += too_late_;
}

std::vector<store::SettledPiece> EndpointWindows::OpenLabels(const WindowRange& range) const {
  std::vector<store::SettledPiece> pieces;
  ForEach(range, [&](const Key&, const Window& window) {
    for (const Part& part : window.parts) {
      std::vector<store::SettledPiece> found = PiecesOf(join_.window(part.slot));
      std::move(found.begin(), found.end(), std::back_inserter(pieces));
    }
  });
  return pieces;
}

}  // namespace mw::predictions
