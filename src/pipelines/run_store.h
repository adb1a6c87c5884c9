// Remember: runs, their tasks, their append-only history and the cache, in the database. The only files here with
// SQL are run_store.cc and pipelines_schema.cc.
//
// Every function works inside a closure of db.Write or db.Read and touches nothing but the transaction. A
// transition is compare-and-set by version together with its event: when the row has moved on, nothing is
// written and kAborted comes back, so a stale view can never undo what another has done.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "db/database.h"
#include "pipelines/cache_key.h"
#include "pipelines/graph.h"
#include "pipelines/run.h"

namespace mw::pipelines {

std::vector<db::Migration> Migrations();

struct StoredRun {
  RunRecord run;
  std::string graph;              ///< JSON, for GraphFromJson
  std::vector<TaskRecord> tasks;  ///< in the graph's order
};

struct NewRun {
  RunRecord run;
  std::string graph;
  std::string source;              ///< the pipeline's file as it was submitted
  std::vector<std::string> steps;  ///< names in the graph's order
};

/// Run and tasks, QUEUED and WAITING. Errors: kAlreadyExists.
Status InsertRun(db::Transaction& transaction, const NewRun& run, const Clock& clock);

struct RunTransition {
  RunId id;
  RunState from{};
  RunState to{};
  std::int64_t version = 0;  ///< that `from` was read with; afterwards it is one more
  std::string cause;
  Timestamp at{};
};
/// Errors: kAborted when the run has moved on.
Status Transit(db::Transaction& transaction, const RunTransition& transition, const Clock& clock);

struct TaskTransition {
  RunId run;
  std::size_t position = 0;
  TaskState from{};
  std::int64_t version = 0;  ///< that `from` was read with; afterwards it is one more
  TaskRecord to;             ///< the whole row as it shall be, but for its version
  std::string cause;
  Timestamp at{};
};
/// Errors: kAborted when the task has moved on.
Status Transit(db::Transaction& transaction, const TaskTransition& transition, const Clock& clock);

/// QUEUED or RUNNING -> CANCELING; nothing when it is CANCELING. Errors: kNotFound; kFailedPrecondition ended.
Status RequestCancel(db::Transaction& transaction, const RunId& id, const std::string& cause, const Clock& clock);
/// FAILED or CANCELED -> QUEUED; its tasks that did not succeed wait again, with fresh budgets.
/// Errors: kNotFound; kFailedPrecondition when it has not ended, or succeeded.
Status RetryRun(db::Transaction& transaction, const RunId& id, const Clock& clock);

/// Errors: kNotFound.
Result<StoredRun> LoadRun(db::Snapshot& snapshot, const RunId& id);
/// The run without its tasks and graph. Errors: kNotFound.
Result<RunRecord> LoadRunRecord(db::Snapshot& snapshot, const RunId& id);
/// Not ended, oldest first.
Result<std::vector<RunId>> OpenRuns(db::Snapshot& snapshot);

struct RunFilter {
  std::string pipeline;  ///< empty: all
  RunId before;          ///< page on: runs created before this one; empty: from the newest
  int limit = 50;
};
/// Newest first.
Result<std::vector<RunRecord>> ListRuns(db::Snapshot& snapshot, const RunFilter& filter);
/// In order of time, those after the event `after` ("" from the first), at most `limit`.
Result<std::vector<RunEvent>> RunEvents(db::Snapshot& snapshot, const RunId& id, const std::string& after, int limit);

struct CacheEntry {
  CacheKey key;
  std::string pipeline;
  std::string step;
  RunId run;
  std::string attempt_id;
  std::vector<NamedArtifact> outputs;
  std::string summary;
  Json findings = Json::MakeArray();
  Json metrics = Json::MakeObject();
  Timestamp created{};
};
/// Replaces an entry of the same key. Only from the transaction that commits SUCCEEDED.
Status PutCacheEntry(db::Transaction& transaction, const CacheEntry& entry);
Result<std::optional<CacheEntry>> FindCacheEntry(db::Snapshot& snapshot, const std::string& key);
/// The latest `limit` entries of a step, newest first: where a miss finds its nearest neighbour.
Result<std::vector<CacheEntry>> EarlierEntries(db::Snapshot& snapshot, const std::string& pipeline,
                                               const std::string& step, int limit);

struct PastTask {
  std::string step;
  Duration duration{};
};
/// Durations of the successful attempts of the pipeline's latest `runs` runs, newest first.
Result<std::vector<PastTask>> PastTasks(db::Snapshot& snapshot, const std::string& pipeline, int runs);

}  // namespace mw::pipelines
