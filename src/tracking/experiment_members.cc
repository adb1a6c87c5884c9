// What is known is brought up to date outside the lock: two who ask at once both read.
#include "tracking/experiment_members.h"

#include <algorithm>
#include <utility>

#include "tracking/run_match_store.h"

namespace mw::tracking {

Result<NumberSet> ExperimentMembers::Of(db::Snapshot& snapshot, const ExperimentId& experiment) {
  Known known{experiment, 0, {}};
  {
    const std::lock_guard lock(mutex_);
    for (const Known& one : latest_first_) {
      if (one.experiment == experiment) known = one;
    }
  }
  const std::int64_t newest = TRY(store::NewestRun(snapshot));
  if (known.newest == 0) {
    known.runs = TRY(store::RunsOf(snapshot, experiment, Stage::kActive));
    known.runs.Join(TRY(store::RunsOf(snapshot, experiment, Stage::kDeleted)));
  } else if (newest > known.newest) {
    known.runs.Join(TRY(store::RunsSince(snapshot, experiment, known.newest)));
  }
  known.newest = std::max(known.newest, newest);
  NumberSet runs = known.runs;
  const std::lock_guard lock(mutex_);
  const auto same = [&](const Known& one) { return one.experiment == experiment; };
  const auto before = std::find_if(latest_first_.begin(), latest_first_.end(), same);
  if (before != latest_first_.end()) {
    if (before->newest > known.newest) known = std::move(*before);
    latest_first_.erase(before);
  }
  latest_first_.push_front(std::move(known));
  if (latest_first_.size() > kKept) latest_first_.pop_back();
  return runs;
}

}  // namespace mw::tracking
