// The door of retention: rules that say how long runs stay, collecting garbage (purging what was deleted, sweeping
// blobs that nobody names), and what each experiment takes. Any thread; collections may go on side by side.
//
//   Rules --RunsToDelete, by the reconciler--> DeleteRun --> trash --Collect--> purged --Sweep--> blobs deleted
//
// Invariants: a run or logged model that a registered version was made of is neither deleted by a rule nor purged. A
// blob is deleted only when nothing names it and nobody stored or asked for it within the grace period, so that an
// upload is never overtaken. Whoever is killed in the middle has lost nothing that is named and goes on at the next
// collection.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "blob/blob_store.h"
#include "db/database.h"
#include "retention/named_blobs.h"
#include "retention/rule.h"
#include "tracking/tracking.h"
#include "tracking/trash.h"
#include "tracking/uploads.h"

namespace mw::retention {

std::vector<db::Migration> Migrations();

/// Everything outlives what is made of it.
struct Parts {
  db::Database& database;
  blob::BlobStore& blobs;
  Executor& workers;
  tracking::Tracking& tracking;
  tracking::Trash& trash;
  tracking::Uploads& uploads;
  const Clock& clock;
};

/// How long a blob must have been idle to be deleted: longer than any client takes from its upload to its name.
inline constexpr Duration kGrace = std::chrono::hours(1);
/// Uploads in parts that were not completed by then are forgotten.
inline constexpr Duration kUploadAgeMax = std::chrono::hours(24 * 7);

/// Which of the deleted are collected.
struct Collection {
  Duration older_than = Duration(0);          ///< deleted at least so long ago
  std::vector<std::string> experiments = {};  ///< ids; of these only. Empty, with `runs` empty: all
  std::vector<std::string> runs = {};         ///< ids; these only
  bool dry_run = false;                       ///< tells, and does nothing
  bool orphans = false;                       ///< also sweeps every blob that nobody names
  Duration grace = kGrace;
};

struct Kept {
  std::string id;
  std::string reason;
};

struct Report {
  std::vector<tracking::Trashed> runs;         ///< purged, or would be
  std::vector<tracking::Trashed> models;       ///< logged models, likewise
  std::vector<tracking::Trashed> experiments;  ///< likewise
  std::vector<Kept> kept;                      ///< deleted, but still needed
  std::int64_t blobs = 0;                      ///< deleted, or would be
  std::int64_t blob_bytes = 0;
  std::int64_t blobs_waiting = 0;  ///< of purged artifacts, within the grace period
};

class Retention {
 public:
  explicit Retention(Parts parts) : parts_(parts) {}

  /// By experiment.
  Task<Result<std::vector<Rule>>> Rules();
  /// Errors: kInvalidArgument; kNotFound no such experiment.
  Task<Status> SetRule(Rule rule);
  /// Errors: kNotFound.
  Task<Status> RemoveRule(std::string experiment);

  Task<Result<Report>> Collect(Collection collection);
  Task<Result<std::vector<tracking::ExperimentSize>>> Sizes() { return parts_.trash.Sizes(); }

  /// Applies the rules, collects what they let go, clears away what was purged. How many runs were deleted or purged.
  Task<Result<std::int64_t>> ApplyRules();

 private:
  Task<Status> DeleteByRule(const Rule& rule, const tracking::ExperimentId& experiment, std::int64_t& count);
  /// Whatever no version was made of, each by `take_away(transaction, trashed, now)`.
  template <typename TakeAway>
  Task<Status> Purge(const std::vector<tracking::Trashed>& wanted, bool dry_run, TakeAway take_away,
                     std::vector<tracking::Trashed>& purged, std::vector<Kept>& kept);
  Task<Status> PurgeExperiments(const std::vector<tracking::Trashed>& experiments, const Collection& collection,
                                Report& report);
  /// Runs, then logged models, then experiments that hold neither.
  Task<Status> PurgeAll(Timestamp before, const Collection& collection, Report& report);
  Task<Status> ClearAway();
  Task<Status> DeletePurgedBlobs(Duration grace, Report& report);
  Task<Status> SweepOrphans(const Collection& collection, Report& report);

  Parts parts_;
};

}  // namespace mw::retention
