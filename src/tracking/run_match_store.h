// SQL of questions about all runs of an experiment at once, answered with their numbers: which there are, which a
// filter leaves. Indexes are walked, of which no driver holds more than some ten thousand rows.
// Functions run inside closures of db::Database.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "db/scan.h"
#include "search/filter.h"
#include "tracking/number_set.h"
#include "tracking/run.h"
#include "tracking/run_clause_store.h"

namespace mw::tracking::store {

using TakeRow = std::function<void(const db::Row&)>;

/// The rows d of the walk: the run, the value or the text's head, and what the head test says, if there is one. In the
/// order of the index.
Status WalkIndex(db::Snapshot& snapshot, const ClauseWalk& walk, const db::TakeView& take);

/// `select` ends before the list of numbers in "... IN"; asked again and again until all `numbers` are.
Status AskNumbers(db::Snapshot& snapshot, const Sql& select, const std::vector<std::int64_t>& numbers,
                  const TakeRow& take);

Result<NumberSet> RunsOf(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage);
/// Of both stages, with a number greater than that.
Result<NumberSet> RunsSince(db::Snapshot& snapshot, const ExperimentId& experiment, std::int64_t number);
/// The greatest number; 0: there is no run.
Result<std::int64_t> NewestRun(db::Snapshot& snapshot);
/// The runs of the experiment that all clauses fit: of one stage, or of both; then `members` are all its runs.
Result<NumberSet> MatchRuns(db::Snapshot& snapshot, const ExperimentId& experiment, std::optional<Stage> stage,
                            const search::Filter& filter, const NumberSet& members);

}  // namespace mw::tracking::store
