// Names of a run's states.
#include "tracking/run.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace mw::tracking {
namespace {

constexpr std::array kRunStatuses = {RunStatus::kRunning, RunStatus::kScheduled, RunStatus::kFinished,
                                     RunStatus::kFailed, RunStatus::kKilled};

}  // namespace

std::string_view StatusName(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning: return "running";
    case RunStatus::kScheduled: return "scheduled";
    case RunStatus::kFinished: return "finished";
    case RunStatus::kFailed: return "failed";
    case RunStatus::kKilled: break;
  }
  return "killed";
}

Result<RunStatus> ParseStatus(std::string_view name) {
  const auto* found = std::find_if(kRunStatuses.begin(), kRunStatuses.end(),
                                   [name](RunStatus status) { return StatusName(status) == name; });
  if (found != kRunStatuses.end()) return *found;
  return InvalidArgument("run status ", Quoted(name), " is none of: running, scheduled, finished, failed, killed");
}

std::string_view StageName(Stage stage) { return stage == Stage::kActive ? "active" : "deleted"; }

}  // namespace mw::tracking
