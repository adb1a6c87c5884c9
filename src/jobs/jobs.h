// The door: one attempt of one program, remembered in the database and run by an executor.
//
// The caller (pipelines) owns the loop. It writes attempts inside its own transactions and acts between
// them, in this order, which makes a kill at any point harmless:
//   1. Write: Insert(attempt in LAUNCHING)            together with the task's own transition
//   2. Next(attempt) says kLaunch -> Launch(attempt)  the executor never runs one id twice
//   3. Next says kMarkRunning -> Write: MarkRunning
//   4. Next says kEnd -> collect outputs -> Write: End together with the task's own transition
// A restart is Open() and then Next for each. Repeating any call is harmless.
//
// The functions that take a Transaction or Snapshot are for use inside db.Write and db.Read closures and
// touch nothing else; the others are for the control loop's thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "db/database.h"
#include "exec/executor.h"
#include "jobs/attempt.h"
#include "jobs/decide.h"

namespace mw::jobs {

std::vector<db::Migration> Migrations();

// Remember -----------------------------------------------------------------------------------------

/// Errors: kAlreadyExists when the id, or (run, task, number), is there, or the task has an attempt that
/// has not ended.
Status Insert(db::Transaction& transaction, const Attempt& attempt);
/// LAUNCHING -> RUNNING; nothing when it is RUNNING already. Errors: kNotFound; kFailedPrecondition ended.
Status MarkRunning(db::Transaction& transaction, const AttemptId& id, Timestamp started);
/// -> ENDED; the first ending stays. False when it had ended before: then nobody acts on it again.
/// Errors: kNotFound.
Result<bool> End(db::Transaction& transaction, const AttemptId& id, const Ending& ending);
/// Remembers the wish; Next then says kCancel until it has ended. Nothing when it has. Errors: kNotFound.
Status RequestCancel(db::Transaction& transaction, const AttemptId& id);

/// Errors: kNotFound.
Result<Attempt> Get(db::Snapshot& snapshot, const AttemptId& id);
/// All that have not ended, oldest first: what a restarted control plane takes up again.
Result<std::vector<Attempt>> Open(db::Snapshot& snapshot);
/// All of a run, by task and number.
Result<std::vector<Attempt>> OfRun(db::Snapshot& snapshot, const std::string& run_id);
/// Directories beneath `from` become the same beneath `to`, as when a home was restored elsewhere. Attempts that had
/// not ended count as RUNNING from then on: what they left behind is not there, so Next finds them lost.
/// Returns the new directories of those.
Result<std::vector<std::string>> MoveDirectories(db::Transaction& transaction, const std::string& from,
                                                 const std::string& to);

// Act ----------------------------------------------------------------------------------------------

class Jobs {
 public:
  /// Both outlive this.
  Jobs(exec::Executor& executor, const Clock& clock) : executor_(executor), clock_(clock) {}

  /// Asks the executor how the attempt is and decides. Errors: the executor's; asking again is right.
  Result<Action> Next(const Attempt& attempt);
  /// Starts it unless it was started before. `secrets` join its environment and are stored in no
  /// database. Errors: kInvalidArgument - it can never start: End it; kResourceExhausted and kUnavailable
  /// - call again later.
  Status Launch(const Attempt& attempt, const std::map<std::string, std::string>& secrets);
  /// Returns at once; Next tells when it has ended. Idempotent.
  Status Cancel(const Attempt& attempt);
  /// `wake` is called from any thread soon after an attempt has changed.
  void OnChange(std::function<void()> wake) { executor_.OnChange(std::move(wake)); }
  /// Output from byte `offset`, at most `limit` bytes.
  static Result<std::string> ReadLog(const Attempt& attempt, std::uint64_t offset, std::size_t limit);
  /// The executor's isolation in force, for `doctor`.
  [[nodiscard]] std::string IsolationTier() const { return executor_.IsolationTier(); }

 private:
  exec::Executor& executor_;
  const Clock& clock_;
};

}  // namespace mw::jobs
