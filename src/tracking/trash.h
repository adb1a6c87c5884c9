// Deletion that deletes: what becomes of deleted runs, logged models and experiments. A deleted run lies in the trash,
// from which it can be restored; purging takes it away with its points, parameters, tags and artifacts. A logged model
// that is deleted, or whose experiment is, likewise. Any thread.
//
//   deleted run --Notice--> in the trash since a time --Purge--> gone for everybody, remains listed
//                  \--RestoreRun, Notice--> active                     |--Clear, piece by piece--> nothing left
//
// Invariants: a run is gone before anything of it is taken away, so nobody sees half of one; what remains of it is
// listed in the same transaction, so that whoever dies in the middle goes on at the next Clear. The digests of its
// artifacts are listed likewise until their blobs are deleted, or are somebody else's too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "db/database.h"
#include "tracking/run.h"

namespace mw::tracking {

/// Where artifacts of the server's own store are: the part of an mlflow-artifacts URI behind its scheme and authority;
/// nothing for artifacts that lie elsewhere.
std::optional<std::string> ArtifactPlace(std::string_view uri);

/// A run, a logged model or an experiment that is deleted. Times are milliseconds.
struct Trashed {
  std::int64_t number = 0;
  std::string id;
  std::string name;
  ExperimentId experiment;
  std::int64_t deleted_at = 0;
  std::string artifact_uri;
};

/// What one experiment takes. Sums of all its runs, also of those in the trash.
struct ExperimentSize {
  ExperimentId id;
  std::string name;
  Stage stage = Stage::kActive;
  std::int64_t runs = 0;
  std::int64_t deleted_runs = 0;
  std::int64_t files = 0;
  std::int64_t artifact_bytes = 0;  ///< as if no two files had the same content
  std::int64_t point_bytes = 0;
};

/// What a retention rule looks at.
struct RunAge {
  RunId id;
  RunStatus status = RunStatus::kRunning;
  std::int64_t started = 0;
  std::optional<std::int64_t> ended;
};

class Trash {
 public:
  static std::vector<db::Migration> Migrations();
  /// Both outlive this.
  Trash(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Gives deleted runs that are new here the present time, and forgets those that were restored. To be called often:
  /// that is how exactly times of deletion are known.
  Task<Status> Notice();
  /// In the trash since before then, oldest first.
  Task<Result<std::vector<Trashed>>> Runs(Timestamp before);
  /// Logged models that were deleted before then, or with their experiment, oldest first.
  Task<Result<std::vector<Trashed>>> Models(Timestamp before);
  /// Deleted experiments without any run or logged model, deleted before then. Never the Default experiment.
  Task<Result<std::vector<Trashed>>> EmptyExperiments(Timestamp before);

  /// Makes the run, the logged model, or the experiment, gone, and lists what remains of it; false when it is not
  /// deleted any more.
  static Result<bool> PurgeRun(db::Transaction& transaction, const Trashed& run, std::int64_t now);
  Task<Result<bool>> PurgeRun(Trashed run);
  static Result<bool> PurgeModel(db::Transaction& transaction, const Trashed& model, std::int64_t now);
  Task<Result<bool>> PurgeExperiment(Trashed experiment);
  /// Takes a bounded piece of what remains of what was purged away; false when nothing remains.
  Task<Result<bool>> Clear();

  /// Digests of purged artifacts whose blobs may still be there.
  Task<Result<std::vector<std::string>>> PurgedBlobs();
  Task<Status> ForgetBlobs(std::vector<std::string> digests);

  Task<Result<std::vector<ExperimentSize>>> Sizes();
  /// Active runs of an experiment, the newest first.
  Task<Result<std::vector<RunAge>>> Ages(ExperimentId experiment);

 private:
  db::Database& database_;
  const Clock& clock_;
};

}  // namespace mw::tracking
