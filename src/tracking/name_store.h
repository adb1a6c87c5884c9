// SQL of the names of metrics, parameters and tags, which other tables hold as numbers, and of the counters that
// numbers come from. Functions run inside closures of db::Database.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "db/database.h"

namespace mw::tracking::store {

/// The next number, never given before.
Result<std::int64_t> NextNumber(db::Transaction& transaction, std::string_view counter);

/// The number of the name, given when it is new.
Result<std::int64_t> NeedName(db::Transaction& transaction, std::string_view name);
Result<std::optional<std::int64_t>> FindName(db::Snapshot& snapshot, std::string_view name);

}  // namespace mw::tracking::store
