// SQL of searches over logged models. Functions run inside closures of db::Database.
#pragma once

#include <vector>

#include "db/database.h"
#include "tracking/logged_model_search.h"
#include "tracking/logged_model_store.h"

namespace mw::tracking::store {

/// A model and where it stands in the order.
struct FoundModel {
  StoredModel stored;
  RunPlace place;
};

/// In the query's order, at most its limit.
Result<std::vector<FoundModel>> SearchModels(db::Snapshot& snapshot, const LoggedModelQuery& query);

}  // namespace mw::tracking::store
