// One pass over the tasks in the graph's order; earlier steps get capacity first.
#include "pipelines/plan.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace mw::pipelines {
namespace {

constexpr double kEpsilon = 1e-9;  // sums of fractions of cores

bool Fits(const Resources& claim, const Resources& free) {
  return claim.cpu <= free.cpu + kEpsilon && claim.memory_bytes <= free.memory_bytes;
}

class Decider {
 public:
  Decider(const RunSnapshot& run, Timestamp now) : run_(run), now_(now), free_(run.free) {
    for (std::size_t i = 0; i < run.tasks.size(); ++i) {
      const TaskView& task = run.tasks[i];
      if (!IsFinal(task.state) || task.busy) unfinished_ = true;
      if (task.state == TaskState::kFailed && !failed_) failed_ = i;
      if (task.state == TaskState::kCanceled) canceled_ = true;
    }
  }

  std::vector<Action> Decide() {
    if (!unfinished_) {
      Finish();
    } else {
      for (std::size_t i = 0; i < run_.tasks.size(); ++i) DecideTask(i);
    }
    return std::move(actions_);
  }

 private:
  [[nodiscard]] bool Canceling() const { return run_.state == RunState::kCanceling; }
  [[nodiscard]] bool Stopping() const {
    return Canceling() || (failed_ && run_.graph.on_failure == FailurePolicy::kFailFast);
  }
  [[nodiscard]] std::string StopCause() const {
    if (Canceling()) return "the run was canceled";
    return Cat("step ", run_.graph.steps[*failed_].name, " failed and on_failure is fail_fast");
  }

  void Add(ActionKind kind, std::size_t task, std::string cause = {}, Timestamp not_before = {}) {
    actions_.push_back({kind, task, std::move(cause), not_before, {}});
  }

  void Finish() {
    RunState state = RunState::kSucceeded;
    std::string cause;
    if (failed_) {
      state = RunState::kFailed;
      cause = Cat("step ", run_.graph.steps[*failed_].name, " failed: ", run_.tasks[*failed_].failure);
    } else if (canceled_) {
      state = RunState::kCanceled;
      cause = "canceled on request";
    }
    actions_.push_back({ActionKind::kFinish, 0, std::move(cause), {}, state});
  }

  void DecideTask(std::size_t i) {
    const TaskView& task = run_.tasks[i];
    if (task.busy || IsFinal(task.state) || now_ < task.hold_until) return;
    if (IsActive(task.state)) {
      DecideActive(i, task);
    } else if (Canceling()) {
      Add(ActionKind::kCanceled, i, StopCause());
    } else if (Stopping()) {
      Add(ActionKind::kSkip, i, StopCause());
    } else {
      DecideWaiting(i, task);
    }
  }

  void DecideWaiting(std::size_t i, const TaskView& task) {
    for (const std::size_t upstream : run_.wiring.upstream[i]) {
      const TaskState state = run_.tasks[upstream].state;
      if (IsDone(state) && !run_.tasks[upstream].busy) continue;
      if (!IsFinal(state) || run_.tasks[upstream].busy) return;
      return Add(ActionKind::kSkip, i, Cat("step ", run_.graph.steps[upstream].name, " did not succeed"));
    }
    if (task.state == TaskState::kBackoff && now_ < task.not_before) return;
    if (task.lookup == Lookup::kNone) return Add(ActionKind::kResolve, i);
    if (task.lookup == Lookup::kHit) return Add(ActionKind::kReuse, i);
    if (task.lookup == Lookup::kMiss) Launch(i);
  }

  /// In order: when one does not fit, none after it may take the room it waits for.
  void Launch(std::size_t i) {
    if (blocked_) return;
    const Resources claim = Claim(run_.graph.steps[i].resources, run_.capacity);
    if (!Fits(claim, free_)) {
      blocked_ = true;
      return Add(ActionKind::kAwaitCapacity, i);
    }
    free_.cpu -= claim.cpu;
    free_.memory_bytes -= claim.memory_bytes;
    Add(ActionKind::kLaunch, i);
  }

  void DecideActive(std::size_t i, const TaskView& task) {
    if (!task.attempt) return;
    const jobs::Action& attempt = *task.attempt;
    if (attempt.kind == jobs::ActionKind::kEnd) return DecideEnded(i, task, attempt.ending);
    if (Stopping() && task.state != TaskState::kCanceling) return Add(ActionKind::kStop, i, StopCause());
    switch (attempt.kind) {
      case jobs::ActionKind::kLaunch: return Add(ActionKind::kRelaunch, i);
      case jobs::ActionKind::kMarkRunning:
        if (task.state == TaskState::kLaunching) Add(ActionKind::kMarkRunning, i);
        return;
      case jobs::ActionKind::kCancel: return Add(ActionKind::kSignal, i);
      case jobs::ActionKind::kWait:
      case jobs::ActionKind::kEnd: return;
    }
  }

  void DecideEnded(std::size_t i, const TaskView& task, const jobs::Ending& ending) {
    if (task.state == TaskState::kCanceling) return Add(ActionKind::kCanceled, i, StopCauseOr("stopped"));
    if (ending.outcome == jobs::Outcome::kSucceeded) return Add(ActionKind::kCollect, i);
    const Step& step = run_.graph.steps[i];
    std::vector<jobs::Outcome> outcomes = task.outcomes;
    outcomes.push_back(ending.outcome);
    const jobs::RetryPolicy policy{
        .retries = step.retries, .lost_retries = kLostRetries, .backoff = step.backoff, .backoff_max = kMaxBackoff};
    const auto delay = jobs::RetryDelay(policy, outcomes);
    if (!delay) return Add(ActionKind::kFail, i, ending.message);
    Add(ActionKind::kRetry, i, ending.message, now_ + *delay);
  }

  [[nodiscard]] std::string StopCauseOr(std::string_view otherwise) const {
    return Stopping() ? StopCause() : std::string(otherwise);
  }

  static constexpr Duration kMaxBackoff = std::chrono::hours(1);

  const RunSnapshot& run_;
  Timestamp now_;
  Resources free_;
  bool unfinished_ = false;
  bool canceled_ = false;
  bool blocked_ = false;
  std::optional<std::size_t> failed_;
  std::vector<Action> actions_;
};

}  // namespace

Wiring WiringOf(const Graph& graph) {
  std::map<std::string_view, std::size_t> index;
  for (std::size_t i = 0; i < graph.steps.size(); ++i) index.emplace(graph.steps[i].name, i);
  Wiring wiring;
  for (const Step& step : graph.steps) {
    std::vector<std::size_t>& upstream = wiring.upstream.emplace_back();
    for (const std::string& name : Dependencies(step)) upstream.push_back(index.at(name));
  }
  return wiring;
}

Resources Claim(const Resources& request, const Resources& capacity) {
  return {std::min(request.cpu, capacity.cpu), std::min(request.memory_bytes, capacity.memory_bytes)};
}

std::vector<Action> NextActions(const RunSnapshot& run, Timestamp now) {
  if (run.busy || IsFinal(run.state)) return {};
  if (run.state == RunState::kQueued) {
    if (!run.may_start) return {};
    return {Action{ActionKind::kAdmit, 0, {}, {}, RunState::kRunning}};
  }
  return Decider(run, now).Decide();
}

Timestamp NextDeadline(const RunSnapshot& run, Timestamp now) {
  Timestamp next = kNever;
  for (const TaskView& task : run.tasks) {
    if (IsFinal(task.state)) continue;
    if (task.hold_until > now) next = std::min(next, task.hold_until);
    if (task.state == TaskState::kBackoff && task.not_before > now) next = std::min(next, task.not_before);
  }
  return next;
}

}  // namespace mw::pipelines
