// A goal over its windows: the strip of targets, what misses have cost, why they happened, what was saved; and how an
// altered goal would have done. Made of measured windows by pure functions; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "monitoring/production.h"
#include "monitoring/why.h"

namespace mw::monitoring {

/// Windows by their length (goals::FormatWindowLength), each list in order of time: those of the versions' evaluations,
/// then production. Targets with a length of their own are measured over their own windows.
using MeasuredWindows = std::map<std::string, std::vector<MeasuredWindow>>;

struct GoalBoard {
  goals::Goal goal;
  std::int64_t goal_version = 0;
  std::string endpoint;  ///< empty: nothing serves the goal's model
  MeasuredWindows windows;
  std::vector<Why> whys;     ///< in order of time
  std::int64_t pending = 0;  ///< windows that changed and wait to be measured again
  std::int64_t changes = 0;  ///< of predictions, that are in here
};

/// The length whose windows are the board's columns: the KPI's, else the goal's.
const goals::WindowLength& BoardLength(const goals::Goal& goal);
/// Every length that the KPI or a target is measured over, the board's first.
std::vector<goals::WindowLength> LengthsOf(const goals::Goal& goal);

/// The measured line `index` (LinesOf) in a column: that of its window; of several, shorter ones the worst. nullptr:
/// there is none.
const MeasuredTarget* TargetIn(const GoalBoard& board, std::size_t index, const MeasuredWindow& column);

/// "Jul" for "Jul 2013" when all are of one year, else as they are.
std::vector<std::string> ShortLabels(const std::vector<std::string>& labels);

/// Puts the windows that the versions' evaluations saw before those of production, where they do not overlap: of
/// versions that answered in production alone.
void AddEvaluations(GoalBoard& board, const std::vector<VersionFacts>& versions);

/// How often each target was met in the windows of production: "would have been met in 5 of 8 months of 2013 by v1
/// (Jun, Jul, Dec missed)"; empty for one that no window could measure. In the order of LinesOf.
std::vector<std::string> Feasibility(const goals::Goal& goal, const MeasuredWindows& windows);

/// GET /api/v1/goals/{goal}/production
Json ToJson(const GoalBoard& board);

}  // namespace mw::monitoring
