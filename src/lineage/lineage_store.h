// Remembers contexts, executions, artifacts and events: the only file of lineage with SQL. Functions run
// inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "lineage/graph.h"

namespace mw::lineage::store {

/// False when an execution of that id is there already.
Result<bool> InsertExecution(db::Transaction& transaction, const NewExecution& execution);
Status InsertArtifact(db::Transaction& transaction, const Artifact& artifact);
Status InsertEvent(db::Transaction& transaction, const Event& event);
/// Makes the context when absent, under `new_id`, and puts the execution into it.
Status JoinContext(db::Transaction& transaction, const ContextName& context, std::string_view new_id,
                   const ExecutionId& execution);

Result<std::optional<Artifact>> FindArtifact(db::Snapshot& snapshot, const ArtifactId& id);
/// The newest first.
Result<std::vector<Artifact>> FindArtifacts(db::Snapshot& snapshot, std::string_view project, std::string_view digest,
                                            std::int64_t limit);
Result<std::optional<Execution>> FindExecution(db::Snapshot& snapshot, const ExecutionId& id);
Result<std::vector<Execution>> FindExecutions(db::Snapshot& snapshot, const ContextName& context);
Result<std::vector<Event>> EventsOf(db::Snapshot& snapshot, const ExecutionId& id);

/// All artifacts that are reached from `start` against the direction of `through` events, i.e. kOutput: from
/// an output to its execution to that one's inputs (upstream); kInput: the other way. At most `limit`.
Result<Graph> Reach(db::Snapshot& snapshot, const ArtifactId& start, Direction through, std::int64_t limit);

}  // namespace mw::lineage::store
