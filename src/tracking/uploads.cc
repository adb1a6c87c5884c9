// Uploads in parts: checks, and what is remembered together.
#include "tracking/uploads.h"

#include "base/random.h"
#include "base/text.h"
#include "tracking/upload_store.h"

namespace mw::tracking {
namespace {

Status CheckNumber(std::int64_t number, std::string_view what) {
  if (number >= 1 && number <= Uploads::kPartsMax) return Ok();
  return InvalidArgument(what, " is ", number, "; it is 1 to ", Uploads::kPartsMax);
}

Result<Upload> MustFind(db::Snapshot& snapshot, std::string_view id) {
  std::optional<Upload> upload = TRY(store::FindUpload(snapshot, id));
  if (!upload) return NotFound("there is no upload ", Quoted(id), "; it was aborted, or is too old: begin again");
  return *std::move(upload);
}

}  // namespace

Task<Result<Upload>> Uploads::Begin(std::string path, std::int64_t parts) {
  CO_TRY(Artifacts::CheckPath(path));
  CO_TRY(CheckNumber(parts, "num_parts"));
  const Upload upload{Hex(RandomBytes(32)), path, "", {}};
  const std::int64_t now = ToMicros(clock_.Now());
  CO_TRY(co_await database_.Write([&](db::Transaction& t) { return store::InsertUpload(t, upload, now); }));
  co_return upload;
}

Task<Status> Uploads::PutPart(std::string id, UploadPart part) {
  CO_TRY(CheckNumber(part.number, "part_number"));
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    if (TRY(MustFind(t, id)).completed.empty()) return store::PutPart(t, id, part);
    return FailedPrecondition("the upload ", Quoted(id), " is completed; begin another one");
  });
}

Task<Result<Upload>> Uploads::Find(std::string id) {
  co_return co_await database_.Read([&](db::Snapshot& s) { return MustFind(s, id); });
}

Task<Status> Uploads::Finish(std::string id, Artifact artifact) {
  const std::int64_t now = ToMicros(clock_.Now()) / 1000;
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    TRY(MustFind(t, id));
    TRY(Artifacts::Put(t, artifact, now));
    return store::CompleteUpload(t, id, artifact.digest);
  });
}

Task<Status> Uploads::Abort(std::string id) {
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    if (TRY(MustFind(t, id)).completed.empty()) return store::DeleteUpload(t, id);
    return NotFound("the upload ", Quoted(id), " is completed; delete the artifact instead");
  });
}

Task<Result<std::int64_t>> Uploads::Forget(Timestamp before) {
  const std::int64_t then = ToMicros(before);
  co_return co_await database_.Write([&](db::Transaction& t) { return store::DeleteUploadsBefore(t, then); });
}

}  // namespace mw::tracking
