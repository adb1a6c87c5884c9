// SQL of questions about all runs of an experiment at once, answered with their numbers: which there are, which a
// filter leaves. Indexes are walked some thousand rows at a time, so 100,000 runs take no more memory than those.
// Functions run inside closures of db::Database.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "search/filter.h"
#include "tracking/number_set.h"
#include "tracking/run.h"
#include "tracking/run_clause_store.h"

namespace mw::tracking::store {

using TakeRow = std::function<void(const db::Row&)>;

/// The rows d of the walk: the run, the value or the text's head, and what the head test says, if there is one. In the
/// order of the index.
Status WalkIndex(db::Snapshot& snapshot, const ClauseWalk& walk, const TakeRow& take);

/// `select` ends before the list of numbers in "... IN"; asked again and again until all `numbers` are.
Status AskNumbers(db::Snapshot& snapshot, const Sql& select, const std::vector<std::int64_t>& numbers,
                  const TakeRow& take);

Result<NumberSet> RunsOf(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage);
/// The runs that all clauses fit.
Result<NumberSet> MatchRuns(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage,
                            const search::Filter& filter);

}  // namespace mw::tracking::store
