// All runs of an experiment as a table that a console scrolls, sorts and filters: lines that say little of every run,
// one column over all runs, whole rows of the few that are seen, and which runs a filter leaves. Reads only. Any
// thread.
//
// Invariant: lines and columns speak of runs by their numbers, which ascend as runs are made and never change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/task.h"
#include "db/database.h"
#include "search/filter.h"
#include "tracking/experiment_members.h"
#include "tracking/number_set.h"
#include "tracking/run.h"

namespace mw::tracking {

/// What every run says in the table.
struct RunLine {
  std::int64_t number = 0;
  RunId id;
  std::string name;
  RunStatus status = RunStatus::kRunning;
  std::int64_t started = 0;
  std::optional<std::int64_t> ended;
};

/// Where a page of lines begins: behind this one.
struct LinePlace {
  std::int64_t started = 0;
  RunId id;
};

/// Names that runs of the experiment have, sorted.
struct RunKeys {
  std::vector<std::string> metrics, params, tags;
};

enum class ColumnKind : std::uint8_t { kMetric, kParam, kTag };

/// (number of the run, latest value) of the runs that have one: ascending by value, NaN last, then by number.
using MetricColumn = std::vector<std::pair<std::int64_t, double>>;

/// A text and the numbers of the runs that have it.
struct TextGroup {
  std::string text;
  std::vector<std::int64_t> runs;
};
/// Each text once, ascending by its bytes: a parameter has few of them as a rule.
using TextColumn = std::vector<TextGroup>;

class RunTable {
 public:
  static constexpr std::int64_t kLinesMax = 20'000;  ///< of one page
  static constexpr std::size_t kRowsMax = 500;
  static constexpr std::int64_t kSampledMax = 300;  ///< runs that Keys looks at

  /// Outlives this.
  explicit RunTable(db::Database& database) : database_(database) {}

  /// Newest first, at most `limit` (1 to kLinesMax), behind `before`.
  Task<Result<std::vector<RunLine>>> Lines(ExperimentId experiment, Stage stage, std::optional<LinePlace> before,
                                           std::int64_t limit);
  /// Active runs that were made after the one of that number, oldest first, at most kLinesMax.
  Task<Result<std::vector<RunLine>>> LinesSince(ExperimentId experiment, std::int64_t number);
  /// In the order asked for; runs that are not there are left out. Errors: kInvalidArgument beyond kRowsMax.
  Task<Result<std::vector<RunDetails>>> Rows(std::vector<RunId> runs);
  /// Of the newest runs, and of others spread over the time since the first: kSampledMax at most.
  Task<Result<RunKeys>> Keys(ExperimentId experiment);
  /// The latest value of one metric. Runs of other experiments are left out.
  Task<Result<MetricColumn>> Metrics(ExperimentId experiment, std::string key);
  /// One parameter or tag.
  Task<Result<TextColumn>> Texts(ExperimentId experiment, ColumnKind kind, std::string key);
  /// The numbers of the runs that the filter leaves, of one stage or of both: those that a search with it finds.
  Task<Result<NumberSet>> Matches(ExperimentId experiment, std::optional<Stage> stage, search::Filter filter);

 private:
  db::Database& database_;
  ExperimentMembers members_;
};

}  // namespace mw::tracking
