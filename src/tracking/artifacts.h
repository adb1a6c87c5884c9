// The door of artifacts: files of runs and models by their path below the server's root,
// "3/<run>/artifacts/model/MLmodel". A file is a blob; a directory is what paths begin with, and is there as long as it
// holds a file. Any thread.
//
// Invariant: a path that was put names whole bytes that are on disk; putting again replaces them at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "db/database.h"

namespace mw::tracking {

struct Artifact {
  std::string path;    ///< whole
  std::string digest;  ///< of its blob
  std::int64_t size = 0;
};

/// One name in a directory.
struct ArtifactEntry {
  std::string name;
  bool is_directory = false;
  std::int64_t size = 0;  ///< of a file
};

class Artifacts {
 public:
  static constexpr std::size_t kPathBytesMax = 1024;
  static constexpr std::int64_t kListedMax = 100'000;  ///< files below a directory that is listed

  /// Both outlive this.
  Artifacts(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Relative, with names between single slashes; nothing that leads out ("..", a drive, a scheme, a backslash).
  /// Errors: kInvalidArgument.
  static Status CheckPath(std::string_view path);

  /// The blob is there already. Errors: kInvalidArgument: the path, or a file where a directory would be, or the other
  /// way round.
  Task<Status> Put(Artifact artifact);
  /// The same as part of a greater change; `now` in milliseconds.
  static Status Put(db::Transaction& transaction, const Artifact& artifact, std::int64_t now);
  /// Errors: kInvalidArgument; kNotFound.
  Task<Result<Artifact>> Find(std::string path);
  /// By name; of a directory that is not there, or a file, nothing. The empty path is the root.
  /// Errors: kInvalidArgument; kResourceExhausted beyond kListedMax.
  Task<Result<std::vector<ArtifactEntry>>> List(std::string directory);
  /// A file, or a directory with all in it. Errors: kInvalidArgument; kNotFound.
  Task<Status> Delete(std::string path);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace mw::tracking
