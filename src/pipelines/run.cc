// Names and legal transitions of runs and tasks, as drawn in run.h.
#include "pipelines/run.h"

#include <array>

#include "base/assert.h"

namespace mw::pipelines {
namespace {

constexpr std::array<std::string_view, 6> kRunStateNames = {"queued",    "running", "canceling",
                                                            "succeeded", "failed",  "canceled"};
constexpr std::array<std::string_view, 10> kTaskStateNames = {
    "waiting", "backoff", "launching", "running", "canceling", "succeeded", "cached", "failed", "skipped", "canceled"};

template <std::size_t N>
std::size_t IndexOfName(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return i;
  }
  MW_ASSERT(false);
  return 0;
}

}  // namespace

bool Legal(RunState from, RunState to) {
  switch (from) {
    case RunState::kQueued: return to == RunState::kRunning || to == RunState::kCanceling;
    case RunState::kRunning: return to == RunState::kCanceling || IsFinal(to);
    case RunState::kCanceling: return IsFinal(to);
    case RunState::kFailed:
    case RunState::kCanceled: return to == RunState::kQueued;
    case RunState::kSucceeded: return false;
  }
  return false;
}

bool Legal(TaskState from, TaskState to) {
  switch (from) {
    case TaskState::kWaiting:
      return to == TaskState::kCached || to == TaskState::kLaunching || to == TaskState::kSkipped ||
             to == TaskState::kCanceled;
    case TaskState::kBackoff:
      return to == TaskState::kCached || to == TaskState::kLaunching || to == TaskState::kSkipped ||
             to == TaskState::kCanceled;
    case TaskState::kLaunching:
      if (to == TaskState::kRunning) return true;
      [[fallthrough]];
    case TaskState::kRunning:
      return to == TaskState::kSucceeded || to == TaskState::kFailed || to == TaskState::kBackoff ||
             to == TaskState::kCanceling;
    case TaskState::kCanceling: return to == TaskState::kCanceled;
    case TaskState::kFailed:
    case TaskState::kSkipped:
    case TaskState::kCanceled: return to == TaskState::kWaiting;
    case TaskState::kSucceeded:
    case TaskState::kCached: return false;
  }
  return false;
}

std::string_view Name(RunState state) { return kRunStateNames.at(static_cast<std::size_t>(state)); }
std::string_view Name(TaskState state) { return kTaskStateNames.at(static_cast<std::size_t>(state)); }

RunState RunStateFromName(std::string_view name) { return static_cast<RunState>(IndexOfName(kRunStateNames, name)); }
TaskState TaskStateFromName(std::string_view name) {
  return static_cast<TaskState>(IndexOfName(kTaskStateNames, name));
}

}  // namespace mw::pipelines
