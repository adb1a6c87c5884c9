// The join. Rows change only through ChangeRow, which keeps the window's counts true.
#include "predictions/label_join.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/assert.h"

namespace mw::predictions {

void LabelState::Add(double new_value, std::int64_t new_time_us, std::int64_t new_arrival) {
  if (count > 0 && new_value != value) contradicted = true;
  const bool later = std::pair(new_time_us, new_arrival) >= std::pair(time_us, arrival);
  if (count == 0 || later) {
    value = new_value;
    time_us = new_time_us;
    arrival = new_arrival;
  }
  if (count < std::numeric_limits<std::int32_t>::max()) ++count;
}

void JoinCounts::Count(const JoinRow& row, int sign) {
  rows += sign;
  if (row.repeated) {
    repeated += sign;
    return;
  }
  if (row.label.count == 0) return;
  labelled += sign;
  duplicates += sign * (row.label.count - 1);
  contradictions += row.label.contradicted ? sign : 0;
  early += row.early ? sign : 0;
  label_sum.Add(row.label.value, sign);
  prediction_sum.Add(row.prediction, sign);
}

LabelJoin::Slot LabelJoin::AddWindow(std::int64_t version) {
  windows_.push_back(std::make_unique<JoinWindow>());
  windows_.back()->version = version;
  return static_cast<Slot>(windows_.size() - 1);
}

JoinRow* LabelJoin::LiveRow(RowPlace place) {
  JoinWindow* window = windows_[place.window].get();
  return window == nullptr || window->settled ? nullptr : &window->rows[place.row];
}

template <typename Change>
void LabelJoin::ChangeRow(RowPlace place, Change change) {
  JoinWindow& window = *windows_[place.window];
  JoinRow& row = window.rows[place.row];
  const JoinWindow::Piece& piece =
      *std::prev(std::upper_bound(window.pieces.begin(), window.pieces.end(), place.row,
                                  [](std::size_t at, const JoinWindow::Piece& p) { return at < p.first_row; }));
  window.counts.Count(row, -1);
  change(row);
  row.early = row.label.count > 0 && row.label.arrival < piece.arrival;
  if (row.label.count > 0) window.oldest_label = std::min(window.oldest_label, row.label.arrival);
  window.counts.Count(row, 1);
  if (changed_.empty() || changed_.back() != place.window) changed_.push_back(place.window);
}

void LabelJoin::AddRows(Slot slot, const PieceRows& piece) {
  JoinWindow& window = *windows_[slot];
  MW_ASSERT(!window.settled);
  window.pieces.push_back({piece.arrival, window.rows.size(), piece.ids.size()});
  changed_.push_back(slot);
  for (std::size_t i = 0; i < piece.ids.size(); ++i) AddRow(slot, piece, i);
}

void LabelJoin::AddRow(Slot slot, const PieceRows& piece, std::size_t index) {
  JoinWindow& window = *windows_[slot];
  const RowPlace place{slot, static_cast<std::uint32_t>(window.rows.size())};
  JoinRow row;
  row.event_time_us = piece.event_times_us[index];
  row.prediction = piece.predictions[index];
  window.rows.push_back(row);
  window.counts.Count(row, 1);
  ++live_rows_;
  const IdHash id = HashOf(wire::LabelBy::kPrediction, piece.ids[index]);
  if (const std::optional<LabelState> label = LabelsOf(id, place)) {
    ChangeRow(place, [&label](JoinRow& changed) { changed.label = *label; });
  }
  index_.Insert(id, place);
  if (piece.keys.empty() || piece.keys[index].empty()) return;
  const IdHash key = HashOf(wire::LabelBy::kKey, piece.keys[index]);
  index_.Insert(key, place);
  if (const auto entity = entities_.find(key); entity != entities_.end()) ResolveEntity(key, entity->second);
}

/// What is known of an id when a row of it comes: from its other rows, which all have the same labels, or from those
/// that wait. On the way, rows that the newcomer repeats are marked.
std::optional<LabelState> LabelJoin::LabelsOf(const IdHash& hash, RowPlace newcomer) {
  std::optional<LabelState> found;
  const std::int64_t event_time_us = windows_[newcomer.window]->rows[newcomer.row].event_time_us;
  index_.ForEach(hash, [&](RowPlace place) {
    JoinRow* row = LiveRow(place);
    if (row == nullptr) return;
    if (row->label.count > 0 && row->label.by_id) found = row->label;
    const bool same_version = windows_[place.window]->version == windows_[newcomer.window]->version;
    if (same_version && row->event_time_us == event_time_us && !row->repeated) {
      ChangeRow(place, [](JoinRow& changed) { changed.repeated = true; });
    }
  });
  if (found) return found;
  const auto waiting = waiting_by_id_.find(hash);
  if (waiting == waiting_by_id_.end()) return std::nullopt;
  found = waiting->second.label;
  waiting_by_id_.erase(waiting);
  return found;
}

LabelJoin::Effect LabelJoin::AddLabel(const wire::Label& label, std::int64_t arrival) {
  return label.by == wire::LabelBy::kPrediction ? AddById(label, arrival) : AddByKey(label, arrival);
}

LabelJoin::Presence LabelJoin::PresenceOf(const IdHash& hash, std::int64_t arrival) {
  Presence presence;
  index_.ForEach(hash, [&](RowPlace place) {
    if (LiveRow(place) != nullptr) {
      presence.live = true;
    } else if (Wanted(place)) {
      presence.settled = true;
      presence.consumed = presence.consumed || arrival < windows_[place.window]->settled_at;
    }
  });
  return presence;
}

LabelJoin::Effect LabelJoin::AddById(const wire::Label& label, std::int64_t arrival) {
  const IdHash hash = HashOf(label.by, label.id);
  const Presence presence = PresenceOf(hash, arrival);
  if (presence.live) {
    index_.ForEach(hash, [&](RowPlace place) {
      if (LiveRow(place) == nullptr) return;
      ChangeRow(place, [&](JoinRow& row) {
        if (!row.label.by_id) row.label = LabelState{};
        row.label.by_id = true;
        row.label.Add(label.value, label.time_us, arrival);
      });
    });
    return Effect::kJoined;
  }
  if (presence.settled) return presence.consumed ? Effect::kConsumed : Effect::kTooLate;
  const auto [waiting, is_new] = waiting_by_id_.try_emplace(hash);
  waiting->second.label.by_id = true;
  waiting->second.label.Add(label.value, label.time_us, arrival);
  if (is_new) {
    waiting->second.queued = arrival;
    Wait({arrival, label.time_us, hash, label.by});
  }
  return Effect::kWaiting;
}

LabelJoin::Effect LabelJoin::AddByKey(const wire::Label& label, std::int64_t arrival) {
  const IdHash hash = HashOf(label.by, label.id);
  const Presence presence = PresenceOf(hash, arrival);
  if (presence.settled && !presence.live) return presence.consumed ? Effect::kConsumed : Effect::kTooLate;
  Entity& entity = entities_[hash];
  const auto earlier = [](const KeyLabel& a, const KeyLabel& b) {
    return std::pair(a.time_us, a.arrival) < std::pair(b.time_us, b.arrival);
  };
  if (entity.size() >= kLabelsPerKeyMax) {
    const auto first = std::min_element(entity.begin(), entity.end(), earlier);
    waiting_by_key_ -= first->landed ? 0 : 1;
    entity.erase(first);
  }
  entity.push_back({label.value, label.time_us, arrival});
  ++waiting_by_key_;
  ResolveEntity(hash, entity);
  if (entity.back().landed) return Effect::kJoined;
  Wait({arrival, label.time_us, hash, label.by});
  return Effect::kWaiting;
}

/// By version, then time.
std::vector<RowPlace> LabelJoin::LiveRowsOf(const IdHash& hash) {
  std::vector<RowPlace> rows;
  index_.ForEach(hash, [&](RowPlace place) {
    if (LiveRow(place) != nullptr) rows.push_back(place);
  });
  const auto order = [this](RowPlace place) {
    const JoinWindow& window = *windows_[place.window];
    return std::tuple(window.version, window.rows[place.row].event_time_us, place.window, place.row);
  };
  std::sort(rows.begin(), rows.end(), [&order](RowPlace a, RowPlace b) { return order(a) < order(b); });
  return rows;
}

/// When the entity was next predicted by the version of the first of these rows; rows of one time go together.
std::int64_t LabelJoin::TakenOverAt(std::span<const RowPlace> rows) const {
  const JoinWindow& window = *windows_[rows[0].window];
  for (const RowPlace place : rows) {
    const JoinWindow& other = *windows_[place.window];
    if (other.version != window.version) break;
    const std::int64_t at = other.rows[place.row].event_time_us;
    if (at > window.rows[rows[0].row].event_time_us) return at;
  }
  return std::numeric_limits<std::int64_t>::max();
}

/// The labels that belong to the first of these rows; the others are the entity's later ones.
LabelState LabelJoin::LandOn(Entity& entity, std::span<const RowPlace> rows) const {
  const std::int64_t from = windows_[rows[0].window]->rows[rows[0].row].event_time_us;
  const std::int64_t until = TakenOverAt(rows);
  const bool last = until == std::numeric_limits<std::int64_t>::max();
  LabelState state;
  for (KeyLabel& label : entity) {
    const bool timeless = label.time_us == wire::kNoLabelTime;
    if (timeless ? !last : (label.time_us < from || label.time_us >= until)) continue;
    state.Add(label.value, label.time_us, label.arrival);
    label.landed = true;
  }
  return state;
}

void LabelJoin::ResolveEntity(const IdHash& hash, Entity& entity) {
  const std::vector<RowPlace> rows = LiveRowsOf(hash);
  for (KeyLabel& label : entity) {
    waiting_by_key_ += label.landed ? 1 : 0;
    label.landed = false;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LabelState state = LandOn(entity, std::span(rows).subspan(i));
    const LabelState& known = windows_[rows[i].window]->rows[rows[i].row].label;
    if (known.by_id || known == state) continue;
    ChangeRow(rows[i], [&state](JoinRow& row) { row.label = state; });
  }
  for (const KeyLabel& label : entity) waiting_by_key_ -= label.landed ? 1 : 0;
}

void LabelJoin::Wait(const Queued& queued) {
  queue_.push_back(queued);
  while (queue_.size() > waiting_max_) DropFirstWaiting();
}

void LabelJoin::DropFirstWaiting() {
  const Queued first = queue_.front();
  queue_.pop_front();
  first.by == wire::LabelBy::kPrediction ? DropWaitingId(first) : DropWaitingKey(first);
}

void LabelJoin::DropWaitingId(const Queued& queued) {
  // When it was joined meanwhile, it is not there; another of its id may be, with a place of its own.
  const auto waiting = waiting_by_id_.find(queued.hash);
  if (waiting == waiting_by_id_.end() || waiting->second.queued != queued.arrival) return;
  expired_ += waiting->second.label.count;
  waiting_by_id_.erase(waiting);
}

void LabelJoin::DropWaitingKey(const Queued& queued) {
  const auto found = entities_.find(queued.hash);
  if (found == entities_.end()) return;
  const std::size_t dropped = std::erase_if(
      found->second, [&queued](const KeyLabel& label) { return !label.landed && label.arrival <= queued.arrival; });
  expired_ += static_cast<std::int64_t>(dropped);
  waiting_by_key_ -= dropped;
  if (found->second.empty()) entities_.erase(found);
}

/// Lets go of labels whose rows have been released.
void LabelJoin::SweepEntities() {
  for (auto at = entities_.begin(); at != entities_.end();) {
    bool live = false;
    index_.ForEach(at->first, [&](RowPlace place) { live = live || LiveRow(place) != nullptr; });
    if (!live) std::erase_if(at->second, [](const KeyLabel& label) { return label.landed; });
    at = at->second.empty() ? entities_.erase(at) : std::next(at);
  }
}

void LabelJoin::Settle(Slot slot, std::int64_t settled_at) {
  windows_[slot]->settled = true;
  windows_[slot]->settled_at = settled_at;
}

void LabelJoin::Reopen(Slot slot) { windows_[slot]->settled = false; }

void LabelJoin::Release(Slot slot) {
  JoinWindow& window = *windows_[slot];
  MW_ASSERT(window.settled);
  live_rows_ -= window.rows.size();
  window.rows = {};
  window.pieces = {};
  window.oldest_label = std::numeric_limits<std::int64_t>::max();
}

void LabelJoin::Forget(Slot slot) { windows_[slot].reset(); }

void LabelJoin::Expire(const std::function<bool(std::int64_t, std::int64_t)>& due) {
  while (!queue_.empty() && due(queue_.front().time_us, queue_.front().arrival)) DropFirstWaiting();
  SweepEntities();
}

std::vector<LabelJoin::Slot> LabelJoin::TakeChanged() { return std::exchange(changed_, {}); }

std::size_t LabelJoin::waiting() const { return waiting_by_id_.size() + waiting_by_key_; }

std::int64_t LabelJoin::OldestNeededLabel() const {
  std::int64_t oldest = queue_.empty() ? std::numeric_limits<std::int64_t>::max() : queue_.front().arrival;
  for (const auto& window : windows_) {
    if (window != nullptr) oldest = std::min(oldest, window->oldest_label);
  }
  return oldest;
}

}  // namespace mw::predictions
