// SQL of uploads in parts.
#include "tracking/upload_store.h"

namespace mw::tracking {

std::vector<db::Migration> Uploads::Migrations() {
  return {{"uploads", 1, R"sql(
CREATE TABLE tracking_uploads (
  id TEXT COLLATE "C" PRIMARY KEY,
  path TEXT COLLATE "C" NOT NULL,
  completed TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE TABLE tracking_upload_parts (
  upload TEXT COLLATE "C" NOT NULL REFERENCES tracking_uploads (id),
  number BIGINT NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  size BIGINT NOT NULL,
  PRIMARY KEY (upload, number)
);
)sql"}};
}

namespace store {

Status InsertUpload(db::Transaction& transaction, const Upload& upload, std::int64_t now) {
  TRY(transaction.Execute("INSERT INTO tracking_uploads (id, path, completed, created_at) VALUES (?, ?, '', ?)",
                          {upload.id, upload.path, now}));
  return Ok();
}

Result<std::optional<Upload>> FindUpload(db::Snapshot& snapshot, std::string_view id) {
  const std::string key(id);
  const db::Rows rows = TRY(snapshot.Query("SELECT path, completed FROM tracking_uploads WHERE id = ?", {key}));
  if (rows.empty()) return std::optional<Upload>();
  Upload upload{key, rows[0].Text(0), rows[0].Text(1), {}};
  const db::Rows parts = TRY(
      snapshot.Query("SELECT number, digest, size FROM tracking_upload_parts WHERE upload = ? ORDER BY number", {key}));
  for (const db::Row& part : parts) upload.parts.push_back({part.Int(0), part.Text(1), part.Int(2)});
  return std::optional(std::move(upload));
}

Status PutPart(db::Transaction& transaction, std::string_view id, const UploadPart& part) {
  TRY(
      transaction.Execute("INSERT INTO tracking_upload_parts (upload, number, digest, size) VALUES (?, ?, ?, ?)"
                          " ON CONFLICT (upload, number) DO UPDATE SET digest = excluded.digest, size = excluded.size",
                          {std::string(id), part.number, part.digest, part.size}));
  return Ok();
}

Status CompleteUpload(db::Transaction& transaction, std::string_view id, std::string_view digest) {
  const std::string key(id);
  TRY(transaction.Execute("DELETE FROM tracking_upload_parts WHERE upload = ?", {key}));
  TRY(transaction.Execute("UPDATE tracking_uploads SET completed = ? WHERE id = ?", {std::string(digest), key}));
  return Ok();
}

Status DeleteUpload(db::Transaction& transaction, std::string_view id) {
  const std::string key(id);
  TRY(transaction.Execute("DELETE FROM tracking_upload_parts WHERE upload = ?", {key}));
  TRY(transaction.Execute("DELETE FROM tracking_uploads WHERE id = ?", {key}));
  return Ok();
}

Result<std::int64_t> DeleteUploadsBefore(db::Transaction& transaction, std::int64_t created) {
  TRY(
      transaction.Execute("DELETE FROM tracking_upload_parts WHERE upload IN"
                          " (SELECT id FROM tracking_uploads WHERE created_at < ?)",
                          {created}));
  return transaction.Execute("DELETE FROM tracking_uploads WHERE created_at < ?", {created});
}

}  // namespace store
}  // namespace mw::tracking
