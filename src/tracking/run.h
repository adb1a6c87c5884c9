// The nouns of tracking: an experiment holds runs; a run has parameters, metrics step by step, and tags.
// Plain values, no I/O.
//
//   running --EndRun--> finished | failed | killed        (a run that ended stays so)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"

namespace mw::tracking {

using ExperimentId = Id<struct ExperimentTag>;
using RunId = Id<struct RunTag>;

enum class RunStatus : std::uint8_t { kRunning, kFinished, kFailed, kKilled };
/// "running", "finished", "failed", "killed"
std::string_view StatusName(RunStatus status);
/// Errors: kInvalidArgument lists the names.
Result<RunStatus> ParseStatus(std::string_view name);

struct Experiment {
  ExperimentId id;
  std::string project;
  std::string name;
  Timestamp created{};
};

struct NewRun {
  RunId id;  ///< the caller's: a run of a pipeline brings its own
  std::string project = "default";
  std::string experiment = "default";  ///< made when absent
  std::string name;
  std::string source;  ///< what runs: the pipeline's name, a script
  std::map<std::string, std::string> tags;
  Timestamp started{};
};

struct Run {
  RunId id;
  ExperimentId experiment;
  std::string name;
  std::string source;
  RunStatus status = RunStatus::kRunning;
  Timestamp started{};
  Timestamp ended{};  ///< of the epoch while it runs
};

/// One value of a metric. `value` may be NaN or infinite.
struct MetricPoint {
  std::string key;
  std::int64_t step = 0;
  double value = 0;
  Timestamp time{};
  bool operator==(const MetricPoint&) const = default;
};

/// What a step tells of itself.
struct LogBatch {
  RunId run;
  std::string attempt_id;  ///< part of a point's identity: a retried step logs its curve anew; may be empty
  std::vector<MetricPoint> metrics;
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
};

/// A run with what was logged last.
struct RunDetails {
  Run run;
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
  std::map<std::string, MetricPoint> latest;  ///< by key: the point of the latest time, then step
};

}  // namespace mw::tracking
