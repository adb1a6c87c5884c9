// Decide: what a run needs next. A pure function of what is remembered, what was seen of its attempts and the
// time, so every policy of this module (order, cache, retries, failure policy, cancel, capacity) is tested
// without a database, a process or a clock.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "jobs/decide.h"
#include "pipelines/graph.h"
#include "pipelines/run.h"

namespace mw::pipelines {

/// What the cache has said of a waiting task.
enum class Lookup : std::uint8_t {
  kNone,  ///< not asked yet
  kMiss,  ///< it has to run
  kHit,   ///< outputs of an earlier success are there
  kTwin,  ///< the same work is running at this moment: wait for it
};

struct TaskView {
  TaskState state = TaskState::kWaiting;
  bool busy = false;  ///< an action on it is under way: leave it alone
  Lookup lookup = Lookup::kNone;
  Timestamp not_before{};               ///< of BACKOFF
  Timestamp hold_until{};               ///< an action failed on our side (disk full): leave it alone until then
  std::vector<jobs::Outcome> outcomes;  ///< of its earlier attempts that ended badly
  std::optional<jobs::Action> attempt;  ///< what its open attempt needs; set while LAUNCHING, RUNNING, CANCELING
  std::string failure;                  ///< of a FAILED task
};

/// Each step's upstream steps by position: computed once per run.
struct Wiring {
  std::vector<std::vector<std::size_t>> upstream;
};
Wiring WiringOf(const Graph& graph);

struct RunSnapshot {
  const Graph& graph;
  const Wiring& wiring;
  RunState state = RunState::kRunning;
  bool busy = false;                ///< a transition of the run itself is under way
  bool may_start = true;            ///< quota.max_concurrent_runs leaves room
  std::span<const TaskView> tasks;  ///< one per step, in the graph's order
  Resources free;                   ///< of the pool, not held by any active task
  Resources capacity;               ///< of the pool: who asks for more gets all of it, alone
};

enum class ActionKind : std::uint8_t {
  kAdmit,          ///< the run starts
  kResolve,        ///< compute the task's cache key and look it up
  kReuse,          ///< WAITING -> CACHED
  kLaunch,         ///< new attempt: -> LAUNCHING, then start it
  kRelaunch,       ///< LAUNCHING, and its program never started: start it
  kMarkRunning,    ///< -> RUNNING
  kCollect,        ///< it exited with 0: keep its outputs, -> SUCCEEDED
  kRetry,          ///< -> BACKOFF until not_before
  kFail,           ///< -> FAILED
  kStop,           ///< -> CANCELING
  kSignal,         ///< send SIGTERM (SIGKILL follows after the grace)
  kCanceled,       ///< -> CANCELED
  kSkip,           ///< -> SKIPPED
  kAwaitCapacity,  ///< it could start but for the pool; nothing may overtake it
  kFinish,         ///< the run ends in `run_state`
};

struct Action {
  ActionKind kind{};
  std::size_t task = 0;  ///< position of the step; unused by kAdmit and kFinish
  std::string cause;     ///< for the history
  Timestamp not_before{};
  RunState run_state{};
};

/// At most one action per task. Actions of different tasks are independent of each other.
std::vector<Action> NextActions(const RunSnapshot& run, Timestamp now);

/// When NextActions may say something new although nothing happens: the end of a backoff. kNever: never.
Timestamp NextDeadline(const RunSnapshot& run, Timestamp now);

/// What the task holds of the pool while active: its request, at most the pool's capacity.
Resources Claim(const Resources& request, const Resources& capacity);

/// Lost attempts (power cut, shim killed) are retried at once from a budget of their own.
inline constexpr int kLostRetries = 3;

}  // namespace mw::pipelines
