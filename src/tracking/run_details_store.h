// SQL of what runs logged last, of many runs in few statements. Functions run inside closures of db::Database.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "db/database.h"
#include "tracking/run.h"
#include "tracking/run_store.h"

namespace mw::tracking::store {

inline constexpr std::size_t kRunsAtOnce = 256;  ///< of one statement

/// "(?, ?, ...)" for the numbers, which are appended, in a few sizes, so that there are few statements to prepare.
std::string Marks(std::span<const std::int64_t> numbers, db::Values& values);

/// Of each run, in their order; at most kRunsAtOnce.
Result<std::vector<RunDetails>> DetailsOf(db::Snapshot& snapshot, std::span<const StoredRun> runs);

}  // namespace mw::tracking::store
