// Searches as SQL that the indexes of both databases answer. Functions run inside closures of db::Database.
#pragma once

#include "db/database.h"
#include "registry/registry_search.h"

namespace mw::registry::store {

/// With aliases, tags and latest versions.
Result<ModelPage> SearchModels(db::Snapshot& snapshot, const SearchQuery& query);
/// With aliases and tags.
Result<VersionPage> SearchVersions(db::Snapshot& snapshot, const SearchQuery& query);

}  // namespace mw::registry::store
