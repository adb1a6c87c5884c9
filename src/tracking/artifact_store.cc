// Below a directory is a range of the key: from "a/" to before "a0", since '0' follows '/'.
#include "tracking/artifact_store.h"

#include "base/text.h"

namespace mw::tracking::store {

Status PutArtifact(db::Transaction& transaction, const Artifact& artifact, std::int64_t now) {
  TRY(
      transaction.Execute("INSERT INTO tracking_artifacts (path, digest, size, updated_at) VALUES (?, ?, ?, ?)"
                          " ON CONFLICT (path) DO UPDATE SET digest = excluded.digest, size = excluded.size,"
                          " updated_at = excluded.updated_at",
                          {artifact.path, artifact.digest, artifact.size, now}));
  return Ok();
}

Result<std::optional<Artifact>> FindArtifact(db::Snapshot& snapshot, std::string_view path) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT path, digest, size FROM tracking_artifacts WHERE path = ?", {std::string(path)}));
  if (rows.empty()) return std::optional<Artifact>();
  return std::optional(Artifact{rows[0].Text(0), rows[0].Text(1), rows[0].Int(2)});
}

Result<std::vector<Artifact>> ArtifactsBelow(db::Snapshot& snapshot, std::string_view directory, std::int64_t limit) {
  const db::Rows rows = directory.empty()
      ? TRY(snapshot.Query("SELECT path, digest, size FROM tracking_artifacts ORDER BY path LIMIT ?", {limit}))
          : TRY(snapshot.Query("SELECT path, digest, size FROM tracking_artifacts WHERE path > ? AND path < ?"
                               " ORDER BY path LIMIT ?",
                               {Cat(directory, "/"), Cat(directory, "0"), limit}));
          std::vector<Artifact> artifacts;
          artifacts.reserve(rows.size());
          for (const db::Row& row : rows) artifacts.push_back({row.Text(0), row.Text(1), row.Int(2)});
          return artifacts;
}

Result<std::int64_t> DeleteArtifacts(db::Transaction& transaction, std::string_view path) {
          return transaction.Execute("DELETE FROM tracking_artifacts WHERE path = ? OR (path > ? AND path < ?)",
                                     {std::string(path), Cat(path, "/"), Cat(path, "0")});
}

}  // namespace mw::tracking::store
