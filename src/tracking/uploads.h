// Uploads in parts: a large artifact arrives as numbered parts in any order, each of which may be sent again, and
// becomes one file when all are there. The bytes are in the blob store; here is which blobs they are. Any thread.
//
//   Begin --> open --PutPart (any number of times)--> open --Finish--> completed --Forget (old)--> gone
//                \--Abort, or Forget (old)--> gone
//
// Invariant: until Finish the artifact's path shows what it showed before; Finish replaces it at once, and may be asked
// for again.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "db/database.h"
#include "tracking/artifacts.h"

namespace mw::tracking {

struct UploadPart {
  std::int64_t number = 0;  ///< from 1
  std::string digest;
  std::int64_t size = 0;
};

struct Upload {
  std::string id;  ///< 64 random hexadecimal digits
  std::string path;
  std::string completed;          ///< the file's digest; empty while it is open
  std::vector<UploadPart> parts;  ///< that have arrived, by number
};

class Uploads {
 public:
  static constexpr std::int64_t kPartsMax = 10'000;

  static std::vector<db::Migration> Migrations();
  /// Both outlive this.
  Uploads(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Errors: kInvalidArgument: the path, or a number of parts that is not 1 to kPartsMax.
  Task<Result<Upload>> Begin(std::string path, std::int64_t parts);
  /// The part's blob is there already. Errors: kNotFound; kInvalidArgument; kFailedPrecondition when it is completed.
  Task<Status> PutPart(std::string id, UploadPart part);
  /// Errors: kNotFound.
  Task<Result<Upload>> Find(std::string id);
  /// Puts the artifact in its place. Errors: kNotFound; kInvalidArgument as Artifacts::Put.
  Task<Status> Finish(std::string id, Artifact artifact);
  /// Errors: kNotFound, also for one that is completed.
  Task<Status> Abort(std::string id);
  /// Uploads that began before then, open or completed: how many.
  Task<Result<std::int64_t>> Forget(Timestamp before);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace mw::tracking
