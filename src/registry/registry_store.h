// Remembers models, versions, aliases and their moves: the only file of the registry with SQL. Functions run
// inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "registry/model.h"

namespace mw::registry::store {

/// Makes the model when absent and counts it one version further; that version's number.
Result<std::int64_t> NextVersion(db::Transaction& transaction, const ModelName& name, Timestamp now);
Status InsertVersion(db::Transaction& transaction, const ModelVersion& version);
/// `change.version` 0 removes the alias. Adds the move to the history.
Status MoveAlias(db::Transaction& transaction, const ModelName& name, const AliasChange& change);

Result<std::optional<Model>> FindModel(db::Snapshot& snapshot, const ModelName& name);
Result<std::vector<Model>> FindModels(db::Snapshot& snapshot, std::string_view project, std::int64_t limit);
Result<std::optional<ModelVersion>> FindVersion(db::Snapshot& snapshot, const ModelName& name, std::int64_t version);
/// The version that this attempt registered, or the one that is this package.
Result<std::optional<ModelVersion>> FindRegistered(db::Snapshot& snapshot, const NewVersion& version);
/// Newest first.
Result<std::vector<ModelVersion>> FindVersions(db::Snapshot& snapshot, const ModelName& name, std::int64_t limit);
/// 0 when the alias is not set.
Result<std::int64_t> VersionOfAlias(db::Snapshot& snapshot, const ModelName& name, std::string_view alias);
/// Sorted; each "alias (version)".
Result<std::vector<std::string>> AliasNames(db::Snapshot& snapshot, const ModelName& name);
/// Newest first; of all aliases when `alias` is empty.
Result<std::vector<AliasChange>> FindChanges(db::Snapshot& snapshot, const ModelName& name, std::string_view alias,
                                             std::int64_t limit);
/// Of all models of the project, the latest `limit` of each kind.
Result<RegistryChanges> FindChangesSince(db::Snapshot& snapshot, std::string_view project, Timestamp since,
                                         std::int64_t limit);

}  // namespace mw::registry::store
