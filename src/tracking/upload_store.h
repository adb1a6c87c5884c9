// SQL of uploads in parts. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <string_view>

#include "db/database.h"
#include "tracking/uploads.h"

namespace mw::tracking::store {

Status InsertUpload(db::Transaction& transaction, const Upload& upload, std::int64_t now);
/// With the parts that have arrived.
Result<std::optional<Upload>> FindUpload(db::Snapshot& snapshot, std::string_view id);
Status PutPart(db::Transaction& transaction, std::string_view id, const UploadPart& part);
/// Its parts are gone then.
Status CompleteUpload(db::Transaction& transaction, std::string_view id, std::string_view digest);
Status DeleteUpload(db::Transaction& transaction, std::string_view id);
Result<std::int64_t> DeleteUploadsBefore(db::Transaction& transaction, std::int64_t created);

}  // namespace mw::tracking::store
