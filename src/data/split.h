// Cutting rows by time into what a model learns from, what tells it when to stop, and what judges it.
// Pure; any thread.
//
//        train              stop_early          evaluate
//   [from ........ until - stop_early_on) [..... until) [until ....... evaluate_until)   by event time
//
// The rule that keeps a split honest: a model trained at `until` could have seen only labels that were
// known by then, so a row of train or stop_early whose label became known later is left out.
// A row without a label is in no part.
#pragma once

#include <string>

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

/// The rows of one part as an SQL condition. `labels_known_by` is kNever for the part that evaluates.
/// Columns of `roles` that are empty restrict nothing.
std::string PartCondition(const Roles& roles, TimeRange part, Timestamp labels_known_by);

}  // namespace mw::data
