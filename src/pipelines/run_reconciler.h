// Act: carries runs out. One Tick looks at every open run (its rows as loaded, its attempts as the executor shows
// them), asks NextActions, and starts each action as a coroutine of its own, so that hashing a large output or a
// slow launch of one step holds up no other. Nothing is remembered only here: after a kill at any point, a new
// reconciler on the same database and directories goes on as if undisturbed.
//
// The order that makes this true, per attempt: commit LAUNCHING -> lay out files, launch (idempotent by attempt
// id) -> commit RUNNING -> program ends -> outputs into the blob store -> commit SUCCEEDED with outputs, lineage
// and cache entry in one transaction. A step whose SUCCEEDED is committed never runs again.
//
// Threads: Tick and the coroutines run on the control loop; Notice may be called by any thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/reconciler.h"
#include "blob/blob_store.h"
#include "db/database.h"
#include "jobs/jobs.h"
#include "lineage/lineage.h"
#include "pipelines/cache_lookup.h"
#include "pipelines/plan.h"
#include "pipelines/run_store.h"
#include "pipelines/step_protocol.h"
#include "pipelines/step_recorder.h"
#include "pipelines/step_tokens.h"
#include "pipelines/step_workspace.h"

namespace mw::pipelines {

/// What the reconciler works with; all of it outlives the reconciler.
struct RunnerParts {
  db::Database& database;
  blob::BlobStore& blobs;
  jobs::Jobs& jobs;
  Executor& workers;  ///< a bounded pool for files and hashes
  StepTokens& tokens;
  const lineage::Lineage& lineage;
  StepRecorder& recorder;
  FileDigests& digests;
  const Clock& clock;
  MetricsRegistry& metrics;
};

struct RunnerOptions {
  std::string runs_directory;  ///< HOME/runs, absolute
  std::string mw_step;         ///< path of the program with the built-in steps
  std::string program;         ///< version and build of it: part of the cache key of built-in steps
  std::string url;             ///< of the API, for steps
  std::string path;            ///< PATH of steps
  Resources capacity;          ///< of this machine
  Json environment;            ///< machine and versions, for lineage
  /// Called at named points around every effect; true: act as if killed there, do nothing more. For tests.
  std::function<bool(std::string_view point)> killed_at;
};

class RunReconciler final : public Reconciler {
 public:
  RunReconciler(RunnerParts parts, RunnerOptions options);
  ~RunReconciler() override;

  Task<Timestamp> Tick(Timestamp now) override;

  /// A run was made, canceled or retried: look at it in the next Tick. Any thread.
  void Notice(const RunId& run);
  /// `wake` asks for a Tick soon; called on the control loop when an action has ended and by Notice on any thread.
  /// Set before the first Tick.
  void OnWake(std::function<void()> wake) { wake_ = std::move(wake); }
  /// `changed` is called when a run or one of its tasks may have changed, where OnWake's function is called.
  void OnChange(std::function<void(const RunId&)> changed) { changed_ = std::move(changed); }
  /// Returns when no action is under way: before destruction, on the control loop. No Tick may begin meanwhile.
  Task<void> Drain();
  /// Whether killed_at has said so.
  [[nodiscard]] bool killed() const { return killed_; }

  /// "RUNS/run/step/attempt": where the attempt's log, TASK.json and result.json are.
  [[nodiscard]] AttemptPaths PathsOf(const RunId& run, const std::string& step, const std::string& attempt) const;

 private:
  struct Work;
  struct ActiveRun;
  using RunPtr = std::shared_ptr<ActiveRun>;

  // Looking.
  Task<bool> TakeUp();
  Task<Status> LookAt(RunId id);
  Task<Status> Load(RunId id);
  Status TakeUpTask(ActiveRun& run, std::size_t task, TaskRecord record, const std::vector<jobs::Attempt>& attempts);
  void Poll(ActiveRun& run, Timestamp now);
  [[nodiscard]] RunSnapshot SnapshotOf(const ActiveRun& run, Resources free) const;
  [[nodiscard]] Resources Free() const;
  [[nodiscard]] bool MayStart(const ActiveRun& run) const;

  // Acting.
  bool Begin(const RunPtr& run, const Action& action);
  bool HasTwin(const RunPtr& run, std::size_t task);
  Task<void> Carry(RunPtr run, Action action);
  Task<Status> Perform(RunPtr run, Action action);
  void Settle(const RunPtr& run, const Action& action, const Status& status);
  void ReleaseKey(const RunPtr& run, std::size_t task);
  Task<Status> ChangeRun(RunPtr run, RunState to, std::string cause);
  Task<Status> ChangeTask(RunPtr run, std::size_t task, TaskRecord to, std::string cause);
  [[nodiscard]] KeySource KeySourceOf(const ActiveRun& run, std::size_t task) const;
  Task<Status> Resolve(RunPtr run, std::size_t task);
  Task<Status> Reuse(RunPtr run, std::size_t task);
  Task<Status> Launch(RunPtr run, std::size_t task);
  Task<Status> Start(RunPtr run, std::size_t task);
  Task<Status> MarkRunning(RunPtr run, std::size_t task);
  Task<Status> Collect(RunPtr run, std::size_t task);
  Task<Status> Succeed(RunPtr run, std::size_t task, Collected collected, jobs::Ending ending, bool files_changed);
  Task<Result<std::vector<NamedArtifact>>> CommitFinished(TaskTransition transition, FinishedStep finished,
                                                          std::optional<jobs::Ending> ending,
                                                          std::optional<CacheEntry> entry);
  Task<Status> End(RunPtr run, std::size_t task, jobs::Ending ending, TaskRecord to, std::string cause);
  Task<Status> EndAs(RunPtr run, Action action, TaskState to);
  Task<Status> Stop(RunPtr run, std::size_t task, std::string cause);
  Task<Status> Signal(RunPtr run, std::size_t task);
  Task<Status> Leave(RunPtr run, Action action, TaskState to);

  [[nodiscard]] std::vector<NamedArtifact> InputsOf(const ActiveRun& run, std::size_t task) const;
  [[nodiscard]] TaskContext ContextOf(const ActiveRun& run, std::size_t task) const;
  [[nodiscard]] jobs::Attempt NewAttempt(const ActiveRun& run, std::size_t task, const std::string& id) const;
  bool Killed(std::string_view point);

  RunnerParts parts_;
  RunnerOptions options_;
  std::function<void()> wake_;
  std::function<void(const RunId&)> changed_;
  std::map<RunId, RunPtr> runs_;  ///< open runs, oldest first
  std::map<std::string, std::set<std::pair<RunId, std::size_t>>> waiting_for_key_;
  std::map<std::string, std::pair<RunId, std::size_t>> key_owner_;  ///< who is making the outputs of a cache key
  std::size_t actions_under_way_ = 0;
  std::optional<Completion<bool>> drained_;
  bool loaded_open_runs_ = false;
  std::atomic<bool> killed_ = false;
  Mutex mutex_;
  std::set<RunId> noticed_ MW_GUARDED_BY(mutex_);
};

}  // namespace mw::pipelines
