// SQL of retention rules. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <string_view>
#include <vector>

#include "db/database.h"
#include "retention/rule.h"

namespace mw::retention::store {

Result<std::vector<Rule>> FindRules(db::Snapshot& snapshot);
Status PutRule(db::Transaction& transaction, const Rule& rule, std::int64_t now);
Result<bool> DeleteRule(db::Transaction& transaction, std::string_view experiment);

}  // namespace mw::retention::store
