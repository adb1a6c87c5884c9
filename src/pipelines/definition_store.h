// Remember: applied pipelines. For use inside db.Write and db.Read closures.
#pragma once

#include <optional>
#include <vector>

#include "db/database.h"
#include "pipelines/definitions.h"

namespace mw::pipelines {

/// The newest version, or nothing.
Result<std::optional<Definition>> CurrentDefinition(db::Snapshot& snapshot, const std::string& name);
Result<std::vector<Definition>> CurrentDefinitions(db::Snapshot& snapshot);
/// Every version applied at or after `since`, oldest first, at most `limit`.
Result<std::vector<Definition>> DefinitionsSince(db::Snapshot& snapshot, Timestamp since, int limit);
Status InsertDefinition(db::Transaction& transaction, const Definition& definition);

}  // namespace mw::pipelines
