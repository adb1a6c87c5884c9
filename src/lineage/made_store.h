// The SQL of lineage/made.h. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <vector>

#include "lineage/lineage_store.h"
#include "lineage/made.h"

namespace mw::lineage::store {

/// `before`: when query.before was made.
Result<std::vector<Made>> FindMade(db::Snapshot& snapshot, const MadeQuery& query, std::optional<Timestamp> before);

}  // namespace mw::lineage::store
