// Remembers experiments, runs and what they logged: the only file of tracking with SQL. Functions run inside
// closures of db::Database; nothing is checked here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "tracking/run.h"

namespace mw::tracking::store {

/// The experiment of that name, made under `new_id` when absent.
Result<ExperimentId> NeedExperiment(db::Transaction& transaction, std::string_view project, std::string_view name,
                                    std::string_view new_id, Timestamp now);
/// Nothing happens when the run is there already.
Status InsertRun(db::Transaction& transaction, const Run& run);
/// Only a running run ends.
Status EndRun(db::Transaction& transaction, const RunId& id, RunStatus status, Timestamp ended);
Status InsertPoint(db::Transaction& transaction, const RunId& run, std::string_view attempt_id,
                   const MetricPoint& point);
Status SetParam(db::Transaction& transaction, const RunId& run, std::string_view key, std::string_view value);
Status SetTag(db::Transaction& transaction, const RunId& run, std::string_view key, std::string_view value);

Result<std::optional<Run>> FindRun(db::Snapshot& snapshot, const RunId& id);
/// Newest first, older than `before` unless that is empty.
Result<std::vector<Run>> FindRuns(db::Snapshot& snapshot, std::string_view project, std::string_view experiment,
                                  const RunId& before, std::int64_t limit);
Result<std::vector<Experiment>> FindExperiments(db::Snapshot& snapshot, std::string_view project);
Result<std::map<std::string, std::string>> ParamsOf(db::Snapshot& snapshot, const RunId& id);
Result<std::map<std::string, std::string>> TagsOf(db::Snapshot& snapshot, const RunId& id);
Result<std::vector<MetricPoint>> LatestOf(db::Snapshot& snapshot, const RunId& id);
Result<std::vector<MetricPoint>> HistoryOf(db::Snapshot& snapshot, const RunId& id, std::string_view key,
                                           std::int64_t limit);

}  // namespace mw::tracking::store
