// Counting, and choosing what is due.
#include "load/tally.h"

#include <algorithm>

#include "base/assert.h"

namespace mw::load {

void Tally::Merge(const Tally& other) {
  latency.Merge(other.latency);
  service.Merge(other.service);
  lag.Merge(other.lag);
  for (std::size_t i = 0; i < by_kind.size(); ++i) {
    by_kind[i].latency.Merge(other.by_kind[i].latency);
    by_kind[i].planned += other.by_kind[i].planned;
    by_kind[i].answered += other.by_kind[i].answered;
  }
  for (std::size_t i = 0; i < slices.size(); ++i) {
    slices[i].latency.Merge(other.slices[i].latency);
    slices[i].planned += other.slices[i].planned;
    slices[i].answered_within += other.slices[i].answered_within;
    slices[i].rows_within += other.slices[i].rows_within;
  }
  for (const auto& [status, count] : other.statuses) statuses[status] += count;
  planned += other.planned;
  answered += other.answered;
  wrong += other.wrong;
  failed += other.failed;
  not_sent += other.not_sent;
  waiting_max += other.waiting_max;
  all_answers += other.all_answers;
  all_rows += other.all_rows;
  reconnects += other.reconnects;
}

Pacer::Pacer(const Pacing& pacing, const std::vector<RequestKind>& kinds, int part, int parts)
    : pacing_(pacing),
      kinds_(kinds),
      schedule_(pacing.plan, part, parts),
      random_(pacing.plan.seed * 1'000'003 + static_cast<std::uint64_t>(part)),
      step_(static_cast<std::uint32_t>(parts)),
      tally_(kinds.size(), std::max<std::size_t>(1, pacing.slices)) {
  for (const RequestKind& kind : kinds_) {
    MW_ASSERT(!kind.requests.empty());
    weights_ += kind.weight;
    next_.push_back(static_cast<std::uint32_t>(part) % static_cast<std::uint32_t>(kind.requests.size()));
  }
}

void Pacer::Start(Duration at) {
  start_ = at;
  FindNext();
}

void Pacer::FindNext() {
  if (pacing_.closed) {
    next_due_ = end();
    return;
  }
  const std::optional<std::int64_t> next = schedule_.Next();
  over_ = !next;
  next_due_ = next ? start_ + Duration(*next / 1000) : end();
}

Shot Pacer::Choose(Duration due) {
  std::uint32_t kind = 0;
  if (kinds_.size() > 1) {
    double at = random_.Uniform() * weights_;
    while (kind + 1 < kinds_.size() && (at -= kinds_[kind].weight) >= 0) ++kind;
  }
  const std::uint32_t number = next_[kind];
  next_[kind] = (number + step_) % static_cast<std::uint32_t>(kinds_[kind].requests.size());
  return Shot{due, due, kind, number};
}

void Pacer::Plan(const Shot& shot) {
  if (!Counts(shot)) return;
  ++tally_.planned;
  ++tally_.by_kind[shot.kind].planned;
  ++tally_.slices[SliceAt(shot.due)].planned;
}

void Pacer::Advance(Duration now) {
  if (pacing_.closed) {
    over_ = now >= end();
    return;
  }
  while (!over_ && next_due_ <= now) {
    const Shot shot = Choose(next_due_);
    Plan(shot);
    if (Counts(shot)) tally_.lag.Add(now - shot.due);
    if (waiting_.size() < pacing_.waiting_max) {
      waiting_.push_back(shot);
    } else if (Counts(shot)) {
      ++tally_.not_sent;
      CountUnbounded(shot);
    }
    FindNext();
  }
  tally_.waiting_max = std::max<std::uint64_t>(tally_.waiting_max, waiting_.size());
}

Shot Pacer::Take(Duration now) {
  Shot shot;
  if (waiting_.empty()) {
    shot = Choose(now);
    Plan(shot);
  } else {
    shot = waiting_.front();
    waiting_.pop_front();
  }
  shot.sent = now;
  return shot;
}

void Pacer::GiveUpWaiting() {
  for (const Shot& shot : waiting_) {
    if (!Counts(shot)) continue;
    ++tally_.not_sent;
    CountUnbounded(shot);
  }
  waiting_.clear();
}

std::size_t Pacer::SliceAt(Duration at) const {
  const Duration from = start_ + pacing_.settle;
  const auto whole = static_cast<double>((end() - from).count());
  const double share = static_cast<double>((at - from).count()) / std::max(1.0, whole);
  const auto slice = static_cast<std::int64_t>(share * static_cast<double>(tally_.slices.size()));
  return static_cast<std::size_t>(std::clamp<std::int64_t>(slice, 0, std::ssize(tally_.slices) - 1));
}

void Pacer::CountUnbounded(const Shot& shot) {
  tally_.latency.AddUnbounded();
  tally_.by_kind[shot.kind].latency.AddUnbounded();
  tally_.slices[SliceAt(shot.due)].latency.AddUnbounded();
}

void Pacer::Answered(const Shot& shot, Duration now, int status, bool right) {
  if (right) {
    ++tally_.all_answers;
    tally_.all_rows += static_cast<std::uint64_t>(kinds_[shot.kind].rows);
    if (now >= start_ + pacing_.settle && now < end()) {
      Slice& slice = tally_.slices[SliceAt(now)];
      ++slice.answered_within;
      slice.rows_within += static_cast<std::uint64_t>(kinds_[shot.kind].rows);
    }
  }
  if (!Counts(shot)) return;
  ++tally_.statuses[status];
  if (!right) {
    ++(status == kStatusOk ? tally_.wrong : tally_.failed);
    return CountUnbounded(shot);
  }
  ++tally_.answered;
  ++tally_.by_kind[shot.kind].answered;
  tally_.latency.Add(now - shot.due);
  tally_.service.Add(now - shot.sent);
  tally_.by_kind[shot.kind].latency.Add(now - shot.due);
  tally_.slices[SliceAt(shot.due)].latency.Add(now - shot.due);
}

void Pacer::Lost(const Shot& shot) {
  if (!Counts(shot)) return;
  ++tally_.statuses[0];
  ++tally_.failed;
  CountUnbounded(shot);
}

}  // namespace mw::load
