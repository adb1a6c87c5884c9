// SQL of searches over runs: a filter and an order become one statement; a page begins behind the last run of the page
// before, by that run's own place in the order, so runs that are added meanwhile move nothing.
// Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <vector>

#include "db/database.h"
#include "tracking/run_search.h"
#include "tracking/run_store.h"

namespace mw::tracking::store {

struct FoundRun {
  StoredRun stored;
  RunPlace place;
};

/// At most `query.limit`, in order.
Result<std::vector<FoundRun>> SearchRuns(db::Snapshot& snapshot, const RunQuery& query);

}  // namespace mw::tracking::store
