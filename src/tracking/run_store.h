// SQL of runs, their parameters and tags. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/database.h"
#include "tracking/point_store.h"
#include "tracking/run.h"

namespace mw::tracking::store {

/// A run with the number by which other tables know it.
struct StoredRun {
  std::int64_t number = 0;
  Run run;
};

/// For statements that read whole runs: the columns, and what they come from (r the run, e its experiment).
inline constexpr std::string_view kRunColumns =
    "r.number, r.id, r.experiment_id, r.name, r.user_id, r.source, r.status, r.stage, r.started_at, r.ended_at,"
    " e.artifact_location";
inline constexpr std::size_t kRunColumnCount = 11;
inline constexpr std::string_view kRunTables =
    " FROM tracking_runs r JOIN tracking_experiments e ON e.id = r.experiment_id";
Result<StoredRun> ReadRun(const db::Row& row);

/// Errors: kAlreadyExists.
Result<std::int64_t> InsertRun(db::Transaction& transaction, const Run& run);
Result<std::optional<StoredRun>> FindRun(db::Snapshot& snapshot, const RunId& id);
Status UpdateRun(db::Transaction& transaction, std::int64_t number, const Run& run);
/// Newest first, older than `before` unless that is empty.
Result<std::vector<Run>> FindRuns(db::Snapshot& snapshot, std::string_view project, std::string_view experiment,
                                  const RunId& before, std::int64_t limit);

/// What is needed to log to a run: found and its tail made longer by `bytes` in one statement.
struct LoggedRun {
  TailPlace place;
  ExperimentId experiment;
  Stage stage = Stage::kActive;
};
Result<std::optional<LoggedRun>> TouchRun(db::Transaction& transaction, const RunId& id, std::int64_t bytes);

/// The first bytes of a parameter's or tag's value, which an index holds. Below kHeadBytes they are all of it.
inline constexpr std::size_t kHeadBytes = 64;
std::string HeadOf(std::string_view value);

enum class Texts : std::uint8_t { kParams, kTags };
Result<std::optional<std::string>> FindText(db::Snapshot& snapshot, Texts kind, std::int64_t run, std::int64_t name);
Status SetText(db::Transaction& transaction, Texts kind, std::int64_t run, std::int64_t name, std::string_view value);
/// False when there is none.
Result<bool> DeleteText(db::Transaction& transaction, Texts kind, std::int64_t run, std::int64_t name);

}  // namespace mw::tracking::store
