// Remembers the tags of models and versions. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "registry/model.h"

namespace mw::registry::store {

/// How the value begins, for the index: whole characters, at most 64 bytes.
std::string HeadOf(std::string_view value);
/// `columns` IN (?, ?, ...) with the texts bound.
std::string InList(std::string_view column, const std::vector<std::string>& texts, db::Values& values);

Status SetTag(db::Transaction& transaction, const ModelName& name, const std::string& key, const std::string& value);
Status SetTag(db::Transaction& transaction, const ModelName& name, std::int64_t version, const std::string& key,
              const std::string& value);
/// No tag, no error.
Status DeleteTag(db::Transaction& transaction, const ModelName& name, const std::string& key);
Status DeleteTag(db::Transaction& transaction, const ModelName& name, std::int64_t version, const std::string& key);
Result<bool> IsPrompt(db::Snapshot& snapshot, const ModelName& name);

struct OwnedTag {
  std::string model;
  std::int64_t version = 0;  ///< 0: the model's own
  std::string key, value;
};
/// Of models of one project, in no order.
Result<std::vector<OwnedTag>> TagsOfModels(db::Snapshot& snapshot, const std::string& project,
                                           const std::vector<std::string>& models);
/// Of their versions from `first` to `last`.
struct VersionRange {
  std::int64_t first = 0, last = 0;
};
Result<std::vector<OwnedTag>> TagsOfVersions(db::Snapshot& snapshot, const std::string& project,
                                             const std::vector<std::string>& models, VersionRange range);

}  // namespace mw::registry::store
