// Cutting rows into what a model learns from, what tells it when to stop, and what judges it: by time, or,
// for rows without one, by the hash of what names them. Pure; any thread.
//
//        train              stop_early          evaluate
//   [from ........ until - stop_early_on) [..... until) [until ....... evaluate_until)   by event time
//
// The rule that keeps a split honest: a model trained at `until` could have seen only labels that were
// known by then, so a row of train or stop_early whose label became known later is left out.
// A row without a label is in no part.
//
// By hash the same rows fall into the same parts, whatever their order and however many others there are;
// rows with equal names (of one customer, of one patient) fall into one part together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/dataset.h"

namespace mw::data {

struct TimeRange {
  Timestamp from;
  Timestamp until;  ///< not included
  [[nodiscard]] bool empty() const { return until <= from; }
  bool operator==(const TimeRange&) const = default;
};

struct SplitPlan {
  TimeRange train;
  TimeRange stop_early;  ///< empty: train until the last round
  TimeRange evaluate;    ///< empty: nothing is held back
  Timestamp labels_known_by;
  bool operator==(const SplitPlan&) const = default;
};

/// `learn` is what training may use; its end from `stop_early_from` on becomes stop_early.
/// Errors: kInvalidArgument naming the times that leave a part empty or out of order.
Result<SplitPlan> PlanSplit(TimeRange learn, Timestamp stop_early_from, Timestamp evaluate_until);

/// Shares of the rows; what is left is for training.
struct HashSplit {
  std::vector<std::string> by;  ///< columns whose values name a row
  std::int64_t seed = 1;
  double evaluate = 0.2;
  double stop_early = 0.15;
};
/// Errors: kInvalidArgument for shares that leave nothing to train on.
Status Check(const HashSplit& split);
/// The rows with a label whose hash, as a number from 0 to 1, lies in [from, until), as an SQL condition.
std::string HashCondition(const HashSplit& split, const std::string& label, double from, double until);

/// The rows of one part of a split by time as an SQL condition. `labels_known_by` is kNever for the part that
/// evaluates. Columns of `roles` that are empty restrict nothing.
std::string PartCondition(const Roles& roles, TimeRange part, Timestamp labels_known_by);

}  // namespace mw::data
