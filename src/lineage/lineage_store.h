// Remembers contexts, executions, artifacts and events, for recording and walking; with metadata_store and made_store
// the only files of lineage with SQL. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "db/database.h"
#include "db/scan.h"
#include "lineage/graph.h"

namespace mw::lineage::store {

/// So many ids are asked for at once; where fewer are left, 8, 32 or 128.
inline constexpr std::size_t kBatch = 512;
inline constexpr std::size_t kShortBatch = 8;
inline constexpr std::size_t kBatchStep = 4;

/// What is read of an event. kOtherEnd: what it leads to alone, its artifact or its execution; a fraction of the time.
enum class Part : std::uint8_t { kOtherEnd, kWhole };

/// False when an execution of that id is there already.
Result<bool> InsertExecution(db::Transaction& transaction, const Execution& execution);
/// All but its id, project, type and created. False when there is none.
Result<bool> UpdateExecution(db::Transaction& transaction, const Execution& execution);
Status InsertArtifact(db::Transaction& transaction, const Artifact& artifact);
/// All but its id, project, type, digest and created. False when there is none.
Result<bool> UpdateArtifact(db::Transaction& transaction, const Artifact& artifact);
/// The same port again changes nothing.
Status InsertEvent(db::Transaction& transaction, const Event& event);
/// Makes the context when absent, under `new_id`, and puts the execution into it.
Status JoinContext(db::Transaction& transaction, const ContextName& context, std::string_view new_id,
                   const ExecutionId& execution, Timestamp now);
/// Makes old metadata searchable, of at most kBatch artifacts; how many there were.
Result<std::size_t> MakeSearchable(db::Transaction& transaction);
/// Replaces what the owner ("a:", "e:", "c:" and an id) can be found by.
Status SetProperties(db::Transaction& transaction, std::string_view owner, const Json& metadata);

Result<std::optional<Artifact>> FindArtifact(db::Snapshot& snapshot, const ArtifactId& id);
/// The newest first.
Result<std::vector<Artifact>> FindArtifacts(db::Snapshot& snapshot, std::string_view project, std::string_view digest,
                                            std::int64_t limit);
/// The newest first; of that digest too unless it is empty.
Result<std::vector<Artifact>> FindTitled(db::Snapshot& snapshot, std::string_view project, std::string_view type,
                                         std::string_view title, std::string_view digest, std::int64_t limit);
Result<std::optional<Execution>> FindExecution(db::Snapshot& snapshot, const ExecutionId& id);
Result<std::vector<Execution>> FindExecutions(db::Snapshot& snapshot, const ContextName& context);
Result<std::vector<Event>> EventsOf(db::Snapshot& snapshot, const ExecutionId& id);

/// Of those ids, in any order; what is not there is left out.
Result<std::vector<Artifact>> FindArtifacts(db::Snapshot& snapshot, std::span<const ArtifactId> ids);
Result<std::vector<Execution>> FindExecutions(db::Snapshot& snapshot, std::span<const ExecutionId> ids);
/// Events of that direction of any of those artifacts (of each kBatch of them at most `limit`), or of those executions.
Result<std::vector<Event>> EventsAt(db::Snapshot& snapshot, std::span<const ArtifactId> artifacts, Direction direction,
                                    std::size_t limit, Part part = Part::kWhole);
Result<std::vector<Event>> EventsAt(db::Snapshot& snapshot, std::span<const ExecutionId> executions,
                                    Direction direction, Part part = Part::kWhole);
/// What those came from (`through` kOutput) or reached (kInput), at any depth, themselves included: nearest first, at
/// most `limit`. At most kShortBatch of them.
Result<std::vector<ArtifactId>> ReachedFrom(db::Snapshot& snapshot, std::span<const ArtifactId> artifacts,
                                            Direction through, std::size_t limit);

/// Executions that read the artifact and such that made it, of each the `limit` with the greatest ids, in any order.
Result<std::vector<ExecutionId>> NewestAt(db::Snapshot& snapshot, const ArtifactId& artifact, std::int64_t limit);

/// Metadata as it can be found by and is shown: with "digest", and "code_version".
Json SearchedOf(const Artifact& artifact);
Json SearchedOf(const Execution& execution);

/// Names of the contexts of type "run" that any of those are in, and those that are tracked runs themselves; sorted.
Result<std::vector<std::string>> RunsOf(db::Snapshot& snapshot, const std::vector<ExecutionId>& executions);
/// Ids and titles of all that have that type and a title, the newest first.
Result<std::vector<std::pair<ArtifactId, std::string>>> TitlesOf(db::Snapshot& snapshot, std::string_view project,
                                                                 std::string_view type, std::int64_t limit);

// For metadata_store, which reads the same rows (lineage_rows.cc).
inline constexpr std::string_view kArtifactColumns =
    "x.id, x.project, x.type, x.title, x.digest, x.uri, x.state, x.metadata, x.schema_version, x.description, x.labels,"
    " x.created_at, x.updated_at";
inline constexpr std::string_view kExecutionColumns =
    "x.id, x.project, x.type, x.name, x.state, x.code_version, x.configuration, x.environment, x.metadata,"
    " x.schema_version, x.description, x.labels, x.started_at, x.ended_at, x.created_at, x.updated_at";
Result<Artifact> ReadArtifact(const db::Row& row);
Result<Artifact> ReadArtifact(const db::RowView& row);
Result<Execution> ReadExecution(const db::Row& row);
Result<Execution> ReadExecution(const db::RowView& row);
Result<Event> ReadEvent(const db::Row& row);
Result<Event> ReadEvent(const db::RowView& row);
template <typename Noun>
Result<std::vector<Noun>> ReadAll(const db::Rows& rows, Result<Noun> (*read)(const db::Row&)) {
  std::vector<Noun> all;
  all.reserve(rows.size());
  for (const db::Row& row : rows) all.push_back(TRY(read(row)));
  return all;
}

}  // namespace mw::lineage::store
