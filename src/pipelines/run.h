// The nouns of a run: one pipeline carried out once. A run has one task per step of its graph; a task has
// attempts, one after the other. Plain data and the legal transitions; no I/O.
//
//   run     QUEUED ----> RUNNING ----> SUCCEEDED | FAILED | CANCELED      (RunStore::AdmitRun, FinishRun)
//              ^            '--> CANCELING --> CANCELED | FAILED | SUCCEEDED   (RunStore::RequestCancel)
//              '--- FAILED | CANCELED                                     (RunStore::RetryRun)
//
//   task    WAITING, BACKOFF -----------> CACHED                  Reuse: an earlier success did the same
//              |  .--- BACKOFF <----.                             Retry: failed curably, or lost
//              v  v                 |
//           LAUNCHING --> RUNNING --+----> SUCCEEDED | FAILED     Launch; Collect, Fail (both from LAUNCHING
//              '-----------'------> CANCELING --> CANCELED        too, when it ended before it was seen); Stop
//           WAITING, BACKOFF -----> SKIPPED | CANCELED            an upstream step failed; the run is canceled
//           FAILED, SKIPPED, CANCELED --> WAITING                 RetryRun
//
// SUCCEEDED and CACHED are final for ever: a finished step never runs again. Each arrow is one transaction
// of RunStore (Transit), which asks Legal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/json.h"
#include "jobs/attempt.h"

namespace mw::pipelines {

using RunId = Id<struct RunTag>;

enum class RunState : std::uint8_t { kQueued, kRunning, kCanceling, kSucceeded, kFailed, kCanceled };

enum class TaskState : std::uint8_t {
  kWaiting,
  kBackoff,
  kLaunching,
  kRunning,
  kCanceling,
  kSucceeded,
  kCached,
  kFailed,
  kSkipped,
  kCanceled,
};

constexpr bool IsFinal(RunState state) { return state >= RunState::kSucceeded; }
constexpr bool IsFinal(TaskState state) { return state >= TaskState::kSucceeded; }
/// Its outputs exist: what waits for it may start.
constexpr bool IsDone(TaskState state) { return state == TaskState::kSucceeded || state == TaskState::kCached; }
/// An attempt of it may be alive: it holds resources.
constexpr bool IsActive(TaskState state) {
  return state == TaskState::kLaunching || state == TaskState::kRunning || state == TaskState::kCanceling;
}

bool Legal(RunState from, RunState to);
bool Legal(TaskState from, TaskState to);

std::string_view Name(RunState state);  ///< "queued", "running", ...
std::string_view Name(TaskState state);
/// Asserts that `name` is one: names come from our own tables.
RunState RunStateFromName(std::string_view name);
TaskState TaskStateFromName(std::string_view name);

/// A file or a directory kept in the blob store: what a step made.
struct Artifact {
  std::string digest;
  bool directory = false;
  std::int64_t size_bytes = 0;
  std::string lineage_id;              ///< of the artifact as lineage knows it
  Json metadata = Json::MakeObject();  ///< what the step says of it
};

struct NamedArtifact {
  std::string name;
  Artifact artifact;
};

/// What a task has come to, as stored.
struct TaskRecord {
  std::string step;
  TaskState state = TaskState::kWaiting;
  std::int64_t version = 0;             ///< grows by one with every transition
  int attempts = 0;                     ///< so many were launched
  std::vector<jobs::Outcome> outcomes;  ///< of those that ended badly since the run's start or its last retry
  std::string attempt_id;               ///< the latest; empty: none yet
  Timestamp not_before{};               ///< of BACKOFF
  std::string cache_key;                ///< empty: not computed, or the step is not cached
  std::string cache_parts;   ///< JSON of code, options, files and inputs by digest; set with the first attempt
  std::string cache_report;  ///< why its outputs were reused or it had to run
  std::string reused_from;   ///< the run that made the outputs of a CACHED task
  std::string summary;       ///< one line for people, from result.json
  std::string failure;       ///< why it failed; for a curable failure the latest
  Json findings = Json::MakeArray();
  Json metrics = Json::MakeObject();
  std::vector<NamedArtifact> outputs;
  Timestamp started{};  ///< of the latest attempt; 1970: never
  Timestamp ended{};
};

struct RunRecord {
  RunId id;
  std::string pipeline;
  RunState state = RunState::kQueued;
  std::int64_t version = 0;
  std::string base_directory;
  std::string goal_file;  ///< empty: none
  std::string cause;      ///< of its end: the first failed step's message, who canceled it
  Timestamp created{};
  Timestamp started{};
  Timestamp ended{};
};

/// One entry of the append-only history.
struct RunEvent {
  std::string id;  ///< ascends in time
  RunId run;
  std::string step;  ///< empty: of the run itself
  std::string from;
  std::string to;
  std::string attempt_id;
  std::string cause;
  Timestamp at{};
};

}  // namespace mw::pipelines
