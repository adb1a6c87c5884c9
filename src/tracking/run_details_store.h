// SQL of what runs logged last, of many runs in few statements. Functions run inside closures of db::Database.
#pragma once

#include <span>
#include <vector>

#include "db/database.h"
#include "tracking/run.h"
#include "tracking/run_store.h"

namespace mw::tracking::store {

inline constexpr std::size_t kRunsAtOnce = 256;  ///< of one statement

/// Of each run, in their order; at most kRunsAtOnce.
Result<std::vector<RunDetails>> DetailsOf(db::Snapshot& snapshot, std::span<const StoredRun> runs);

}  // namespace mw::tracking::store
