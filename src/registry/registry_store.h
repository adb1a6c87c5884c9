// Remembers models, versions, aliases and their moves. Functions run inside closures of db::Database; nothing is
// checked here.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "registry/model.h"

namespace mw::registry::store {

/// Columns of registry_versions as `v`, and of registry_models as `m`, in the order that the Read functions want.
extern const std::string_view kVersionColumns;
extern const std::string_view kModelColumns;
Result<ModelVersion> ReadVersion(const db::Row& row);
Model ReadModel(const db::Row& row);

/// Errors: kAlreadyExists.
Status InsertModel(db::Transaction& transaction, const Model& model);
/// Everything of it goes too.
Status DeleteModel(db::Transaction& transaction, const ModelName& name);
/// What belongs to it follows. Errors: kAlreadyExists.
Status RenameModel(db::Transaction& transaction, const ModelName& name, std::string_view to, Timestamp now);
Status DescribeModel(db::Transaction& transaction, const ModelName& name, std::string_view description, Timestamp now);
Status TouchModel(db::Transaction& transaction, const ModelName& name, Timestamp now);

/// Makes the model when absent and counts it one version further; that version's number.
Result<std::int64_t> NextVersion(db::Transaction& transaction, const ModelName& name, Timestamp now);
/// The greatest number that was ever given; 0: no such model, or none yet.
Result<std::int64_t> LastNumber(db::Snapshot& snapshot, const ModelName& name);
/// That number, and those before it, are given from now on.
Status CountVersion(db::Transaction& transaction, const ModelName& name, std::int64_t version);
Status InsertVersion(db::Transaction& transaction, const ModelVersion& version);
/// Description, stage, package and time of change.
Status UpdateVersion(db::Transaction& transaction, const ModelVersion& version);
/// Its aliases and tags go too.
Status DeleteVersion(db::Transaction& transaction, const ModelName& name, std::int64_t version);
/// The versions at `stage` but that one become archived.
Status Archive(db::Transaction& transaction, const ModelVersion& but, Stage stage, Timestamp now);
/// `change.version` 0 removes the alias. Adds the move to the history.
Status MoveAlias(db::Transaction& transaction, const ModelName& name, const AliasChange& change);

/// Without tags and latest versions.
Result<std::optional<Model>> FindModel(db::Snapshot& snapshot, const ModelName& name);
Result<std::vector<Model>> FindModels(db::Snapshot& snapshot, std::string_view project, std::int64_t limit);
Result<std::optional<ModelVersion>> FindVersion(db::Snapshot& snapshot, const ModelName& name, std::int64_t version);
/// The version that this attempt registered, or the first one that is this package.
Result<std::optional<ModelVersion>> FindRegistered(db::Snapshot& snapshot, const NewVersion& version);
/// Newest first.
Result<std::vector<ModelVersion>> FindVersions(db::Snapshot& snapshot, const ModelName& name, std::int64_t limit);
/// Registered from it, newest first.
Result<std::vector<ModelVersion>> FindVersionsOf(db::Snapshot& snapshot, std::string_view project,
                                                 std::string_view logged_model, std::int64_t limit);
/// The newest of each stage, of all these models of one project: by model, then number.
Result<std::vector<ModelVersion>> FindLatest(db::Snapshot& snapshot, std::string_view project,
                                             const std::vector<std::string>& models);
/// Newest first.
Result<std::vector<std::int64_t>> VersionNumbers(db::Snapshot& snapshot, const ModelName& name, std::int64_t limit);
/// Adds what they have, whatever models they are of (of one project).
Status AddAliasesAndTags(db::Snapshot& snapshot, std::vector<ModelVersion>& versions);
Status AddAliasesAndTags(db::Snapshot& snapshot, std::vector<Model>& models);

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
