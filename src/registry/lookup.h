// Models and versions that have to be there, and the sentences for those that are not, which say what there is instead.
// For the registry alone; inside closures of db::Database. Errors: kNotFound.
#pragma once

#include <string>
#include <string_view>

#include "db/database.h"
#include "registry/model.h"

namespace mw::registry {

/// model "iris"
std::string Named(const ModelName& name);
Result<Model> MustFindModel(db::Snapshot& snapshot, const ModelName& name);
/// With tags, aliases and latest versions.
Result<Model> MustFindWholeModel(db::Snapshot& snapshot, const ModelName& name);
Result<ModelVersion> MustFindVersion(db::Snapshot& snapshot, const ModelName& name, std::int64_t number);
/// What to say of an alias that is not set.
Result<Error> NoAlias(db::Snapshot& snapshot, const ModelName& name, std::string_view alias);

}  // namespace mw::registry
