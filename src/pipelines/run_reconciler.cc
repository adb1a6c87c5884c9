// Looking and choosing: loading runs, polling attempts, starting actions. What each action does is in run_actions.cc.
#include "pipelines/run_reconciler.h"

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "pipelines/active_run.h"

namespace mw::pipelines {
namespace {

/// Actions under way at once, over all runs: bounds the queues of the database and of the workers.
constexpr std::size_t kMaxActions = 256;
/// Attempts are looked at this often even if no change is reported.
constexpr Duration kPollInterval = std::chrono::seconds(1);
/// After an action failed on our side (disk full, database away).
constexpr Duration kHold = std::chrono::seconds(2);

}  // namespace

RunReconciler::RunReconciler(RunnerParts parts, RunnerOptions options) : parts_(parts), options_(std::move(options)) {}

RunReconciler::~RunReconciler() { MW_ASSERT(actions_under_way_ == 0); }

void RunReconciler::Notice(const RunId& run) {
  {
    const Lock lock(mutex_);
    noticed_.insert(run);
  }
  if (changed_) changed_(run);
  if (wake_) wake_();
}

Task<void> RunReconciler::Drain() {
  if (actions_under_way_ == 0) co_return;
  drained_.emplace();
  co_await *drained_;
  drained_.reset();
}

AttemptPaths RunReconciler::PathsOf(const RunId& run, const std::string& step, const std::string& attempt) const {
  return {Cat(options_.runs_directory, "/", run.text(), "/", step, "/", attempt)};
}

bool RunReconciler::Killed(std::string_view point) {
  if (!killed_ && options_.killed_at && options_.killed_at(point)) killed_ = true;
  return killed_;
}

Task<Timestamp> RunReconciler::Tick(Timestamp now) {
  if (killed_) co_return kNever;
  const bool took_up = co_await TakeUp();
  Timestamp next = took_up ? kNever : now + kHold;
  Resources free = Free();
  const std::vector<std::pair<RunId, RunPtr>> runs(runs_.begin(), runs_.end());
  for (const auto& [id, run] : runs) {
    if (run->stale) continue;
    Poll(*run, now);
    const RunSnapshot snapshot = SnapshotOf(*run, free);
    for (const Action& action : NextActions(snapshot, now)) {
      if (actions_under_way_ >= kMaxActions) break;  // the end of one of them wakes us
      if (action.kind == ActionKind::kAwaitCapacity) {
        free = {0, 0};  // no later run may take the room that this step waits for
      } else if (Begin(run, action) && action.kind == ActionKind::kLaunch) {
        const Resources claim = Claim(run->graph.steps[action.task].resources, options_.capacity);
        free.cpu -= claim.cpu;
        free.memory_bytes -= claim.memory_bytes;
      }
    }
    next = std::min(next, NextDeadline(snapshot, now));
    if (!run->active.empty()) next = std::min(next, now + kPollInterval);
  }
  co_return next;
}

/// Loads what is open at the first Tick, later what was noticed. False: the database is away, try again.
Task<bool> RunReconciler::TakeUp() {
  if (!loaded_open_runs_) {
    const auto open = co_await parts_.database.Read([](db::Snapshot& snapshot) { return OpenRuns(snapshot); });
    if (!open.ok()) {
      LogError("open runs cannot be read", {{"error", open.error().ToString()}});
      co_return false;
    }
    const Lock lock(mutex_);
    noticed_.insert(open->begin(), open->end());
    loaded_open_runs_ = true;
  }
  std::set<RunId> look;
  {
    const Lock lock(mutex_);
    look.swap(noticed_);
  }
  for (const auto& [id, run] : runs_) {
    if (run->stale) look.insert(id);
  }
  bool complete = true;
  for (const RunId& id : look) {
    const Status status = co_await LookAt(id);
    if (status.ok() || status.error().code == Code::kNotFound) continue;
    LogError("a run cannot be loaded", {{"run", id.text()}, {"error", status.error().ToString()}});
    const Lock lock(mutex_);
    noticed_.insert(id);
    complete = false;
  }
  co_return complete;
}

Task<Status> RunReconciler::LookAt(RunId id) {
  const auto found = runs_.find(id);
  if (found == runs_.end()) co_return co_await Load(id);
  const RunPtr run = found->second;
  if (run->stale) {
    if (run->under_way > 0) co_return Ok();  // it stays stale: the end of the last action brings us back
    runs_.erase(id);
    co_return co_await Load(id);
  }
  if (run->busy) {  // its own transition finds out that the row has moved on
    const Lock lock(mutex_);
    noticed_.insert(id);
    co_return Ok();
  }
  RunRecord record =
      CO_TRY(co_await parts_.database.Read([&](db::Snapshot& snapshot) { return LoadRunRecord(snapshot, id); }));
  if (!run->busy && record.version > run->record.version) run->record = std::move(record);
  co_return Ok();
}

Task<Status> RunReconciler::Load(RunId id) {
  struct Loaded {
    StoredRun stored;
    std::vector<jobs::Attempt> attempts;
  };
  Loaded loaded = CO_TRY(co_await parts_.database.Read([&](db::Snapshot& snapshot) -> Result<Loaded> {
    Loaded read;
    read.stored = TRY(LoadRun(snapshot, id));
    read.attempts = TRY(jobs::Open(snapshot));
    return read;
  }));
  if (IsFinal(loaded.stored.run.state)) co_return Ok();
  auto run = std::make_shared<ActiveRun>();
  const Json graph = CO_TRY(Json::Parse(loaded.stored.graph));
  run->graph = CO_TRY(GraphFromJson(graph));
  if (run->graph.steps.size() != loaded.stored.tasks.size()) {
    co_return DataLoss("run ", id.text(), " has ", loaded.stored.tasks.size(), " tasks for ", run->graph.steps.size(),
                       " steps; the database was changed by another program");
  }
  run->record = std::move(loaded.stored.run);
  run->wiring = WiringOf(run->graph);
  const std::size_t count = run->graph.steps.size();
  run->tasks.resize(count);
  run->views.resize(count);
  run->work.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    CO_TRY(TakeUpTask(*run, i, std::move(loaded.stored.tasks[i]), loaded.attempts));
  }
  runs_[id] = run;
  co_return Ok();
}

Status RunReconciler::TakeUpTask(ActiveRun& run, std::size_t task, TaskRecord record,
                                 const std::vector<jobs::Attempt>& attempts) {
  run.Set(task, std::move(record));
  const TaskRecord& now = run.tasks[task];
  if (!now.cache_parts.empty()) {
    run.work[task].key.digest = now.cache_key;
    run.work[task].key.parts = TRY(PartsFromJson(TRY(Json::Parse(now.cache_parts))));
    run.work[task].report = now.cache_report;
  }
  if (!IsActive(now.state)) return Ok();
  const auto attempt = std::find_if(attempts.begin(), attempts.end(),
                                    [&now](const jobs::Attempt& each) { return each.id.text() == now.attempt_id; });
  if (attempt == attempts.end()) {
    return DataLoss("step ", now.step, " is ", Name(now.state), " but its attempt ", now.attempt_id,
                    " is not open; the database was changed by another program");
  }
  run.work[task].attempt = *attempt;
  if (!now.cache_key.empty()) key_owner_.try_emplace(now.cache_key, run.record.id, task);
  return Ok();
}

void RunReconciler::Poll(ActiveRun& run, Timestamp now) {
  for (const std::size_t task : run.active) {
    TaskView& view = run.views[task];
    const std::optional<jobs::Attempt>& attempt = run.work[task].attempt;
    if (view.busy || !attempt) continue;
    Result<jobs::Action> action = parts_.jobs.Next(*attempt);
    if (action.ok()) {
      view.attempt = std::move(*action);
      continue;
    }
    LogWarning("an attempt cannot be looked at", {{"run", run.record.id.text()},
                                                  {"step", run.tasks[task].step},
                                                  {"attempt", attempt->id.text()},
                                                  {"error", action.error().ToString()}});
    view.attempt.reset();
    view.hold_until = now + kHold;
  }
}

RunSnapshot RunReconciler::SnapshotOf(const ActiveRun& run, Resources free) const {
  return RunSnapshot{.graph = run.graph,
                     .wiring = run.wiring,
                     .state = run.record.state,
                     .busy = run.busy,
                     .may_start = MayStart(run),
                     .tasks = run.views,
                     .free = free,
                     .capacity = options_.capacity};
}

Resources RunReconciler::Free() const {
  Resources free = options_.capacity;
  for (const auto& [id, run] : runs_) {
    for (const std::size_t task : run->active) {
      const Resources claim = Claim(run->graph.steps[task].resources, options_.capacity);
      free.cpu -= claim.cpu;
      free.memory_bytes -= claim.memory_bytes;
    }
  }
  return free;
}

bool RunReconciler::MayStart(const ActiveRun& run) const {
  if (run.record.state != RunState::kQueued || run.graph.max_concurrent_runs == 0) return true;
  const auto started = std::count_if(runs_.begin(), runs_.end(), [&run](const auto& entry) {
    const ActiveRun& other = *entry.second;
    return &other != &run && other.record.pipeline == run.record.pipeline &&
           (other.record.state != RunState::kQueued || other.busy);
  });
  return started < run.graph.max_concurrent_runs;
}

bool RunReconciler::Begin(const RunPtr& run, const Action& action) {
  if (action.kind == ActionKind::kLaunch && HasTwin(run, action.task)) return false;
  if (action.kind == ActionKind::kSignal && run->work[action.task].signaled) return false;
  if (action.kind == ActionKind::kLaunch) run->active.insert(action.task);
  if (action.kind == ActionKind::kAdmit || action.kind == ActionKind::kFinish) {
    run->busy = true;
  } else {
    run->views[action.task].busy = true;
  }
  ++run->under_way;
  ++actions_under_way_;
  Spawn(*Executor::Current(), Carry(run, action));
  return true;
}

/// Whether the same work is running already; then the task waits for its outcome instead.
bool RunReconciler::HasTwin(const RunPtr& run, std::size_t task) {
  const std::string& key = run->work[task].key.digest;
  if (key.empty()) return false;
  const std::pair self(run->record.id, task);
  const auto [owner, is_new] = key_owner_.try_emplace(key, self);
  if (is_new || owner->second == self) return false;
  run->views[task].lookup = Lookup::kTwin;
  waiting_for_key_[key].insert(self);
  return true;
}

/// The task has ended: whoever waited for the same work asks the cache again.
void RunReconciler::ReleaseKey(const RunPtr& run, std::size_t task) {
  const auto owner = key_owner_.find(run->work[task].key.digest);
  if (owner == key_owner_.end() || owner->second != std::pair(run->record.id, task)) return;
  const auto waiting = waiting_for_key_.extract(owner->first);
  key_owner_.erase(owner);
  if (waiting.empty()) return;
  for (const auto& [id, position] : waiting.mapped()) {
    const auto found = runs_.find(id);
    if (found == runs_.end()) continue;
    TaskView& view = found->second->views[position];
    if (view.lookup == Lookup::kTwin) view.lookup = Lookup::kNone;
  }
}

Task<void> RunReconciler::Carry(RunPtr run, Action action) {
  Status status;
  if (!killed_) status = co_await Perform(run, action);
  Settle(run, action, status);
}

void RunReconciler::Settle(const RunPtr& run, const Action& action, const Status& status) {
  --run->under_way;
  --actions_under_way_;
  if (actions_under_way_ == 0 && drained_) drained_->Set(true);
  const bool of_run = action.kind == ActionKind::kAdmit || action.kind == ActionKind::kFinish;
  if (of_run) run->busy = false;
  if (!of_run) run->views[action.task].busy = false;
  if (killed_) return;
  if (!status.ok()) {
    LogWarning("an action of a run failed and will be tried again",
               {{"run", run->record.id.text()},
                {"step", of_run ? Json() : Json(run->tasks[action.task].step)},
                {"error", status.error().ToString()}});
    if (status.error().code == Code::kAborted) run->stale = true;
    if (!of_run) run->views[action.task].hold_until = parts_.clock.Now() + kHold;
  }
  if (!of_run) {
    const TaskState state = run->tasks[action.task].state;
    if (!IsActive(state)) run->active.erase(action.task);
    if (IsFinal(state)) ReleaseKey(run, action.task);
  }
  if (changed_) changed_(run->record.id);
  if (wake_) wake_();
}

}  // namespace mw::pipelines
