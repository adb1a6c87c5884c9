// SQL of artifacts. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "tracking/artifacts.h"

namespace mw::tracking::store {

Status PutArtifact(db::Transaction& transaction, const Artifact& artifact, std::int64_t now);
Result<std::optional<Artifact>> FindArtifact(db::Snapshot& snapshot, std::string_view path);
/// Every file below the directory, by path, at most `limit`.
Result<std::vector<Artifact>> ArtifactsBelow(db::Snapshot& snapshot, std::string_view directory, std::int64_t limit);
/// The file, and every file below the directory of that name: how many.
Result<std::int64_t> DeleteArtifacts(db::Transaction& transaction, std::string_view path);

}  // namespace mw::tracking::store
