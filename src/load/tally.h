// What a lane of the generator counts, and the plan it follows: arrivals due, waiting for a free connection, dropped.
// A Pacer and its Tally belong to one lane and its thread; tallies are merged at the end.
//
// Invariant of a Tally: planned = answered + wrong + failed + not_sent, of the arrivals behind the settling time; each
// of them is in the latency histogram once, all but the answered as unbounded.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "load/latency_histogram.h"
#include "load/requests.h"
#include "load/schedule.h"

namespace mw::load {

/// HTTP's, as which every protocol's right answers are counted.
inline constexpr int kStatusOk = 200;

/// A part of the run, by the time at which requests were due.
struct Slice {
  LatencyHistogram latency;
  std::uint64_t planned = 0;
  std::uint64_t answered_within = 0;  ///< right answers that came during this part, whenever they were due
  std::uint64_t rows_within = 0;
};

struct KindTally {
  LatencyHistogram latency;
  std::uint64_t planned = 0;
  std::uint64_t answered = 0;
};

struct Tally {
  explicit Tally(std::size_t kinds = 0, std::size_t parts = 0) : by_kind(kinds), slices(parts) {}

  LatencyHistogram latency;  ///< from when a request was due to its whole answer
  LatencyHistogram service;  ///< from when it was sent; hides what waited, shown for comparison
  LatencyHistogram lag;      ///< how late the generator itself looked at an arrival
  std::vector<KindTally> by_kind;
  std::vector<Slice> slices;
  std::map<int, std::uint64_t> statuses;  ///< 0: no answer came
  std::uint64_t planned = 0;
  std::uint64_t answered = 0;  ///< rightly
  std::uint64_t wrong = 0;     ///< status 200, but not what was asked for
  std::uint64_t failed = 0;    ///< another status, or no answer
  std::uint64_t not_sent = 0;  ///< no connection was free in time
  std::uint64_t waiting_max = 0;
  // Right answers of the whole run, settling included: what processor time is divided by.
  std::uint64_t all_answers = 0;
  std::uint64_t all_rows = 0;
  std::uint64_t reconnects = 0;

  void Merge(const Tally& other);
};

/// One request on its way.
struct Shot {
  Duration due{0};
  Duration sent{0};
  std::uint32_t kind = 0;
  std::uint32_t number = 0;  ///< in the kind's requests
};

struct Pacing {
  RatePlan plan;
  bool closed = false;  ///< no plan: the next request is due when a connection is free, until the plan's duration ends
  Duration settle{0};   ///< what is due before counts for nothing but the processor time
  std::size_t slices = 1;
  std::size_t waiting_max = 100'000;  ///< arrivals that wait for a free connection; more are not sent
};

class Pacer {
 public:
  /// `kinds` outlives the pacer.
  Pacer(const Pacing& pacing, const std::vector<RequestKind>& kinds, int part, int parts);

  /// Before anything else: the time that the plan counts from.
  void Start(Duration at);
  /// Takes over what has become due.
  void Advance(Duration now);
  [[nodiscard]] bool HasWork() const { return !waiting_.empty() || (pacing_.closed && !over_); }
  /// When HasWork(). Sent now.
  Shot Take(Duration now);
  /// A shot whose connection ended before the server looked at it.
  void PutBack(const Shot& shot) { waiting_.push_front(shot); }
  /// Nothing is due any more and nothing waits.
  [[nodiscard]] bool Finished() const { return over_ && waiting_.empty(); }
  /// When Advance is wanted next; Duration::max() once nothing is due any more.
  [[nodiscard]] Duration NextDue() const { return over_ ? Duration::max() : next_due_; }
  [[nodiscard]] Duration end() const { return start_ + pacing_.plan.duration; }
  /// What still waits is not sent any more.
  void GiveUpWaiting();

  void Answered(const Shot& shot, Duration now, int status, bool right);
  /// No answer came, or none will.
  void Lost(const Shot& shot);
  void Reconnected() { ++tally_.reconnects; }

  [[nodiscard]] const RequestKind& KindOf(const Shot& shot) const { return kinds_[shot.kind]; }
  [[nodiscard]] std::string_view BytesOf(const Shot& shot) const { return kinds_[shot.kind].requests[shot.number]; }
  [[nodiscard]] const Tally& tally() const { return tally_; }

 private:
  Shot Choose(Duration due);
  void FindNext();
  void Plan(const Shot& shot);
  void CountUnbounded(const Shot& shot);
  [[nodiscard]] bool Counts(const Shot& shot) const { return shot.due >= start_ + pacing_.settle; }
  [[nodiscard]] std::size_t SliceAt(Duration at) const;

  Pacing pacing_;
  const std::vector<RequestKind>& kinds_;
  Schedule schedule_;
  Random random_;
  double weights_ = 0;
  std::vector<std::uint32_t> next_;  // request of each kind
  std::uint32_t step_;
  std::deque<Shot> waiting_;
  Duration start_{0};
  Duration next_due_{0};
  bool over_ = false;
  Tally tally_;
};

}  // namespace mw::load
