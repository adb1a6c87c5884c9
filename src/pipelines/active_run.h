// One open run as the reconciler holds it in memory: its rows as loaded or last committed, and what only this
// process knows of each task. Everything here can be had again from the database. Control loop only.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipelines/run_reconciler.h"

namespace mw::pipelines {

/// What only this process knows of a task.
struct RunReconciler::Work {
  std::optional<jobs::Attempt> attempt;  ///< open attempt; set while the task is LAUNCHING, RUNNING, CANCELING
  bool signaled = false;                 ///< this process has sent SIGTERM
  CacheKey key;
  std::string report;  ///< why it is a hit or a miss
  std::optional<CacheEntry> hit;
};

struct RunReconciler::ActiveRun {
  RunRecord record;
  Graph graph;
  Wiring wiring;
  std::vector<TaskRecord> tasks;
  std::vector<TaskView> views;
  std::vector<Work> work;
  std::set<std::size_t> active;  ///< positions of tasks that hold capacity
  bool busy = false;             ///< a transition of the run itself is under way
  bool stale = false;            ///< its rows have moved on: loaded again once nothing is under way
  std::size_t under_way = 0;     ///< actions

  /// The committed row of a task, and the view that follows from it.
  void Set(std::size_t position, TaskRecord record_now) {
    TaskView& view = views[position];
    view.state = record_now.state;
    view.not_before = record_now.not_before;
    view.outcomes = record_now.outcomes;
    view.failure = record_now.failure;
    view.attempt.reset();
    if (record_now.state == TaskState::kBackoff) view.lookup = Lookup::kNone;  // its files may have changed
    if (IsActive(record_now.state)) {
      active.insert(position);
    } else {
      active.erase(position);
      work[position].attempt.reset();
      work[position].signaled = false;
    }
    tasks[position] = std::move(record_now);
  }
};

}  // namespace mw::pipelines
