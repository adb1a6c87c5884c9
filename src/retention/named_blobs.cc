// Column after column, a page at a time; then the manifests.
#include "retention/named_blobs.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/offload.h"
#include "blob/directory_artifact.h"
#include "db/catalogue.h"
#include "retention/named_store.h"

namespace mw::retention {
namespace {

constexpr std::int64_t kDigestsAtATime = 20'000;
constexpr std::int64_t kTextsAtATime = 200;
constexpr std::string_view kManifestBegins = "{\"files\":[";

/// Columns of one digest a row have many short texts; others few, which may be long.
bool IsShort(const db::Column& column) { return column.name == "digest" || column.name == "package"; }

/// What clients' files and parts are is never a manifest of ours.
bool MayNameManifests(const db::Column& column) {
  return column.table != "tracking_artifacts" && column.table != "tracking_upload_parts";
}

bool Counts(const db::Column& column, Keep keep) {
  if (!column.is_text || column.table == "tracking_purged_blobs") return false;
  return keep == Keep::kAllNamed || !column.table.starts_with("lineage_");
}

/// The digests in one column: into `named`, and the texts into `manifests` when these may be such.
Task<Status> Look(db::Database& database, const db::Column& column, DigestSet& named,
                  std::set<std::string>& manifests) {
  const std::int64_t limit = IsShort(column) ? kDigestsAtATime : kTextsAtATime;
  std::string after;
  while (true) {
    const auto read = [&](db::Snapshot& s) { return store::TextsWithDigests(s, column, after, limit); };
    const std::vector<std::string> texts = CO_TRY(co_await database.Read(read));
    for (const std::string& text : texts) {
      named.AddAllIn(text);
      if (!MayNameManifests(column)) continue;
      for (std::size_t at = text.find("sha256:"); at != std::string::npos; at = text.find("sha256:", at + 1)) {
        if (const std::string digest = text.substr(at, 71); blob::IsDigest(digest)) manifests.insert(digest);
      }
    }
    if (texts.size() < static_cast<std::size_t>(limit)) co_return Ok();
    after = texts.back();
  }
}

/// The files of a directory, when the blob is one's manifest and is there.
Status AddFilesOf(blob::BlobStore& blobs, const std::string& digest, DigestSet& named) {
  std::string begin(kManifestBegins.size(), '\0');
  const Result<std::size_t> got = blobs.ReadAt(digest, 0, begin);
  if (!got.ok()) return got.error().code == Code::kNotFound ? Ok() : Status(got.error());
  if (begin != kManifestBegins || TRY(blobs.Size(digest)) > blob::kManifestBytesMax) return Ok();
  named.AddAllIn(TRY(blobs.Get(digest, blob::kManifestBytesMax)));
  return Ok();
}

}  // namespace

Task<Result<DigestSet>> NamedBlobs(db::Database& database, blob::BlobStore& blobs, Executor& workers, Keep keep) {
  DigestSet named;
  std::set<std::string> manifests;
  for (const db::Column& column : CO_TRY(co_await db::Columns(database))) {
    if (Counts(column, keep)) CO_TRY(co_await Look(database, column, named, manifests));
  }
  const auto follow = [&]() -> Status {
    for (const std::string& digest : manifests) TRY(AddFilesOf(blobs, digest, named));
    named.Seal();
    return Ok();
  };
  CO_TRY(co_await Offload(workers, follow));
  co_return named;
}

}  // namespace mw::retention
