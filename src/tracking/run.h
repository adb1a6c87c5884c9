// The nouns of tracking: an experiment holds runs; a run has parameters, metrics step by step, and tags. Their names
// and their rules are MLflow's. Plain values, no I/O. Times are milliseconds since the epoch, as clients send them.
//
//   running | scheduled --UpdateRun--> finished | failed | killed
//   active <--RestoreRun / DeleteRun--> deleted          (experiments likewise, their runs with them)
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/result.h"
#include "tracking/dataset.h"
#include "tracking/points.h"

namespace mw::tracking {

using ExperimentId = Id<struct ExperimentTag>;  ///< digits; "0" is Default
using RunId = Id<struct RunTag>;

inline std::int64_t ToMillis(Timestamp at) { return ToMicros(at) / 1000; }

enum class RunStatus : std::uint8_t { kRunning, kScheduled, kFinished, kFailed, kKilled };
/// "running", "scheduled", "finished", "failed", "killed"
std::string_view StatusName(RunStatus status);
/// Errors: kInvalidArgument lists the names.
Result<RunStatus> ParseStatus(std::string_view name);

/// What is deleted is still there, until it is purged.
enum class Stage : std::uint8_t { kActive, kDeleted };
/// "active", "deleted"
std::string_view StageName(Stage stage);

struct Experiment {
  ExperimentId id;
  std::string project;
  std::string name;
  std::string artifact_location;  ///< a URI
  Stage stage = Stage::kActive;
  std::int64_t created = 0;
  std::int64_t updated = 0;
  std::map<std::string, std::string> tags = {};
};

struct NewExperiment {
  std::string project = "default";
  std::string name;
  std::string artifact_location = {};  ///< empty: the server's own place for it
  std::map<std::string, std::string> tags = {};
};

struct NewRun {
  RunId id;                 ///< the caller's: a run of a pipeline brings its own
  ExperimentId experiment;  ///< empty: the one of that name
  std::string project = "default";
  std::string experiment_name = "default";  ///< made when absent
  std::string name;
  std::string user;
  std::string source;  ///< what runs: the pipeline's name, a script
  std::map<std::string, std::string> tags;
  std::int64_t started = 0;
};

struct Run {
  RunId id;
  ExperimentId experiment;
  std::string name;
  std::string user;
  std::string source;
  RunStatus status = RunStatus::kRunning;
  Stage stage = Stage::kActive;
  std::int64_t started = 0;
  std::optional<std::int64_t> ended;
  std::string artifact_uri;
};

/// What UpdateRun changes; what is not given stays.
struct RunChange {
  std::optional<RunStatus> status;
  std::optional<std::int64_t> ended;
  std::optional<std::string> name;
};

struct MetricPoint {
  std::string key;
  Point point;
};

/// A parameter is logged once: the same again changes nothing, another value is refused. A step of a pipeline that is
/// tried again may log another one.
enum class ParamRule : std::uint8_t { kOnce, kLastStays };

/// Which logged model, and which dataset, one of a batch's metrics was measured of.
struct ModelPoint {
  std::size_t metric = 0;  ///< its place in LogBatch::metrics
  std::string model;       ///< id
  std::string dataset_name, dataset_digest;
};

struct LogBatch {
  RunId run;
  std::vector<MetricPoint> metrics;
  std::vector<std::pair<std::string, std::string>> params;
  std::vector<std::pair<std::string, std::string>> tags;  ///< the last value stays
  ParamRule param_rule = ParamRule::kOnce;
  std::vector<ModelPoint> model_points = {};
};

/// A run with what was logged last.
struct RunDetails {
  Run run;
  std::vector<std::pair<std::string, std::string>> params, tags;  ///< by key
  std::vector<std::pair<std::string, Point>> latest;              ///< by metric
  std::vector<DatasetInput> dataset_inputs;                       ///< as they were logged
  std::vector<std::string> model_inputs;                          ///< by id
  std::vector<ModelOutput> model_outputs;                         ///< by step
};

}  // namespace mw::tracking
