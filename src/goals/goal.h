// A goal: the business outcome a model works for, its KPI with the costs behind it, and the targets of
// quality, performance, freshness and cost that decide releases and alerts. What a goal file says,
// checked as a whole: a Goal that exists is valid. Pure but for ParseGoal, which looks the time zone up in the
// system's database; any thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "goals/metric.h"
#include "goals/require.h"
#include "goals/window.h"

namespace mw::goals {

/// What the two kinds of mistake and of work cost. In the file each amount carries a name of its own
/// that begins with `missed` or `flagged`.
struct Costs {
  std::string missed_name, flagged_name;
  double missed = 0;   ///< of a positive that was not flagged
  double flagged = 0;  ///< of acting on any flagged row, right or wrong
  std::string currency;
};

struct Kpi {
  std::string name;
  Requirement require;
  WindowLength window;
  std::optional<Timestamp> deadline;
};

/// "Mon-Fri 08:00-18:00 Europe/Berlin": when a target counts.
struct Calendar {
  std::array<bool, 7> days{};  ///< from Monday
  int from_minute = 0;         ///< of the local day
  int until_minute = 24 * 60;
  std::string zone;
  std::string text;
};

/// When a label becomes known: a column's time and a delay.
struct LabelTiming {
  std::string column;
  Duration delay{};
  double expected_share = 1;  ///< of rows that ever get one
};

struct Target {
  std::string name;
  Kind kind = Kind::kQuality;
  int priority = 3;  ///< 1 stops a release and pages, 2 opens a ticket, 3 is only shown
  Requirement require;
  std::optional<Money> cost_of_miss;  ///< per hour
  std::optional<double> objective;    ///< share of requests or records that must meet `require`
  std::optional<Calendar> calendar;
  std::optional<double> peak_per_second;
  WindowLength window;
  std::vector<std::string> slices;
};

struct Goal {
  std::string name;
  std::string outcome;
  std::string owner;
  std::string model;
  std::string label;
  Problem problem = Problem::kBinaryClassification;
  Duration horizon{};
  double threshold = 0.5;  ///< probabilities at or above it are flagged
  std::optional<LabelTiming> labels;
  std::optional<Kpi> kpi;
  std::optional<Costs> costs;
  std::string impact_of_miss;
  TimeZone zone;  ///< of windows that are days or months
  WindowLength window;
  std::vector<std::string> slices;
  std::vector<Target> targets;
  /// Things that are allowed but probably not meant; each one line.
  std::vector<std::string> warnings;

  [[nodiscard]] const Target* Find(std::string_view target) const;
  /// Of the costs, or of the first target that names money; empty when none does.
  [[nodiscard]] std::string_view Currency() const;
};

/// Reads a goal file. Errors: kInvalidArgument with every complaint, each "FILE:LINE: what, and what to
/// write instead".
Result<Goal> ParseGoal(std::string_view text, std::string_view file_name);
/// The goal as the API shows it: every default filled in.
Json ToJson(const Goal& goal);

/// Errors: kInvalidArgument.
Result<Calendar> ParseCalendar(std::string_view text);

/// One difference between two states of a declared object.
struct Change {
  std::string path;    ///< "targets.ranking.require"
  std::string before;  ///< empty: added
  std::string after;   ///< empty: removed
};
/// What differs between two JSON states; elements of lists are matched by their "name" where they have
/// one. In the order of `after`, removals last.
std::vector<Change> Diff(const Json& before, const Json& after);

}  // namespace mw::goals
