// SQL of lineage. Walks over the graph are recursive common table expressions, shared by both databases.
#include "lineage/lineage_store.h"

#include "base/assert.h"
#include "base/text.h"

namespace mw::lineage::store {
namespace {

constexpr std::string_view kArtifactColumns = "a.id, a.project, a.type, a.digest, a.metadata, a.created_at";
constexpr std::string_view kExecutionColumns =
    "e.id, e.project, e.type, e.name, e.state, e.code_version, e.configuration, e.environment, e.started_at, "
    "e.ended_at";

std::string_view DirectionName(Direction direction) { return direction == Direction::kInput ? "input" : "output"; }

Result<ExecutionState> ParseState(std::string_view name) {
  for (const ExecutionState state : {ExecutionState::kComplete, ExecutionState::kCached, ExecutionState::kFailed}) {
    if (StateName(state) == name) return state;
  }
  return DataLoss("an execution of lineage has the unknown state ", Quoted(name));
}

Result<Artifact> ReadArtifact(const db::Row& row) {
  Json metadata = TRY(Json::Parse(row.Text(4)));
  return Artifact{ArtifactId(row.Text(0)), row.Text(1),           row.Text(2), row.Text(3),
                  std::move(metadata),     FromMicros(row.Int(5))};
}

Result<Execution> ReadExecution(const db::Row& row) {
  const auto state = TRY(ParseState(row.Text(4)));
  Json configuration = TRY(Json::Parse(row.Text(6)));
  Json environment = TRY(Json::Parse(row.Text(7)));
  return Execution{ExecutionId(row.Text(0)),
                   row.Text(1),
                   row.Text(2),
                   row.Text(3),
                   state,
                   row.Text(5),
                   std::move(configuration),
                   std::move(environment),
                   FromMicros(row.Int(8)),
                   FromMicros(row.Int(9))};
}

Event ReadEvent(const db::Row& row) {
  return Event{ExecutionId(row.Text(0)), ArtifactId(row.Text(1)),
               row.Text(2) == "input" ? Direction::kInput : Direction::kOutput, row.Text(3)};
}

template <typename Noun>
Result<std::vector<Noun>> ReadAll(const db::Rows& rows, Result<Noun> (*read)(const db::Row&)) {
  std::vector<Noun> all;
  all.reserve(rows.size());
  for (const db::Row& row : rows) all.push_back(TRY(read(row)));
  return all;
}

/// A common table expression `reached (artifact_id)`: the artifacts reached from the one parameter. UNION
/// drops what was reached before, so a diamond is walked once.
std::string ReachedFrom(Direction through) {
  const std::string_view near = DirectionName(through);
  const std::string_view far = DirectionName(through == Direction::kInput ? Direction::kOutput : Direction::kInput);
  return Cat(
      "WITH RECURSIVE reached (artifact_id) AS ("
      " SELECT id FROM lineage_artifacts WHERE id = ?"
      " UNION"
      " SELECT far.artifact_id FROM reached"
      " JOIN lineage_events near ON near.artifact_id = reached.artifact_id AND near.direction = '",
      near, "' JOIN lineage_events far ON far.execution_id = near.execution_id AND far.direction = '", far, "') ");
}

}  // namespace

Result<bool> InsertExecution(db::Transaction& transaction, const NewExecution& execution) {
  const std::int64_t inserted = TRY(transaction.Execute(
      "INSERT INTO lineage_executions (id, project, type, name, state, code_version, configuration, environment,"
      " started_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
      {execution.id.text(), execution.project, execution.type, execution.name, std::string(StateName(execution.state)),
       execution.code_version, execution.configuration.Dump(), execution.environment.Dump(),
       ToMicros(execution.started), ToMicros(execution.ended)}));
  return inserted == 1;
}

Status InsertArtifact(db::Transaction& transaction, const Artifact& artifact) {
  TRY(transaction.Execute(
      "INSERT INTO lineage_artifacts (id, project, type, digest, metadata, created_at) VALUES (?, ?, ?, ?, ?, ?)",
      {artifact.id.text(), artifact.project, artifact.type, artifact.digest, artifact.metadata.Dump(),
       ToMicros(artifact.created)}));
  return Ok();
}

Status InsertEvent(db::Transaction& transaction, const Event& event) {
  TRY(transaction.Execute(
      "INSERT INTO lineage_events (execution_id, artifact_id, direction, port) VALUES (?, ?, ?, ?)",
      {event.execution.text(), event.artifact.text(), std::string(DirectionName(event.direction)), event.port}));
  return Ok();
}

Status JoinContext(db::Transaction& transaction, const ContextName& context, std::string_view new_id,
                   const ExecutionId& execution) {
  TRY(
      transaction.Execute("INSERT INTO lineage_contexts (id, project, type, name) VALUES (?, ?, ?, ?)"
                          " ON CONFLICT (project, type, name) DO NOTHING",
                          {std::string(new_id), context.project, context.type, context.name}));
  TRY(
      transaction.Execute("INSERT INTO lineage_memberships (context_id, execution_id)"
                          " SELECT id, ? FROM lineage_contexts WHERE project = ? AND type = ? AND name = ?"
                          " ON CONFLICT (context_id, execution_id) DO NOTHING",
                          {execution.text(), context.project, context.type, context.name}));
  return Ok();
}

Result<std::optional<Artifact>> FindArtifact(db::Snapshot& snapshot, const ArtifactId& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kArtifactColumns, " FROM lineage_artifacts a WHERE a.id = ?"), {id.text()}));
  if (rows.empty()) return std::optional<Artifact>();
  return std::optional<Artifact>(TRY(ReadArtifact(rows[0])));
}

Result<std::vector<Artifact>> FindArtifacts(db::Snapshot& snapshot, std::string_view project, std::string_view digest,
                                            std::int64_t limit) {
  return ReadAll(TRY(snapshot.Query(Cat("SELECT ", kArtifactColumns,
                                        " FROM lineage_artifacts a WHERE a.project = ? AND a.digest = ?"
                                        " ORDER BY a.created_at DESC, a.id DESC LIMIT ?"),
                                    {std::string(project), std::string(digest), limit})),
                 ReadArtifact);
}

Result<std::optional<Execution>> FindExecution(db::Snapshot& snapshot, const ExecutionId& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kExecutionColumns, " FROM lineage_executions e WHERE e.id = ?"), {id.text()}));
  if (rows.empty()) return std::optional<Execution>();
  return std::optional<Execution>(TRY(ReadExecution(rows[0])));
}

Result<std::vector<Execution>> FindExecutions(db::Snapshot& snapshot, const ContextName& context) {
  return ReadAll(TRY(snapshot.Query(Cat("SELECT ", kExecutionColumns,
                                        " FROM lineage_contexts c"
                                        " JOIN lineage_memberships m ON m.context_id = c.id"
                                        " JOIN lineage_executions e ON e.id = m.execution_id"
                                        " WHERE c.project = ? AND c.type = ? AND c.name = ?"
                                        " ORDER BY e.started_at, e.id"),
                                    {context.project, context.type, context.name})),
                 ReadExecution);
}

Result<std::vector<Event>> EventsOf(db::Snapshot& snapshot, const ExecutionId& id) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT execution_id, artifact_id, direction, port FROM lineage_events WHERE execution_id = ?", {id.text()}));
  std::vector<Event> events;
  for (const db::Row& row : rows) events.push_back(ReadEvent(row));
  return events;
}

Result<Graph> Reach(db::Snapshot& snapshot, const ArtifactId& start, Direction through, std::int64_t limit) {
  const std::string reached = ReachedFrom(through);
  Graph graph;
  graph.artifacts =
      TRY(ReadAll(TRY(snapshot.Query(Cat(reached, "SELECT ", kArtifactColumns,
                                         " FROM reached r JOIN lineage_artifacts a ON a.id = r.artifact_id"
                                         " ORDER BY a.created_at, a.id LIMIT ?"),
                                     {start.text(), limit + 1})),
                  ReadArtifact));
  graph.truncated = graph.artifacts.size() > static_cast<std::size_t>(limit);
  if (graph.truncated) graph.artifacts.pop_back();
  // An execution belongs to the walk when one of its near events is reached: its outputs upstream, its
  // inputs downstream.
  const std::string walked =
      Cat(reached, ", walked (id) AS (SELECT DISTINCT v.execution_id FROM reached r JOIN lineage_events v",
          " ON v.artifact_id = r.artifact_id AND v.direction = '", DirectionName(through), "') ");
  graph.executions = TRY(ReadAll(
      TRY(snapshot.Query(Cat(walked, "SELECT ", kExecutionColumns,
                             " FROM walked w JOIN lineage_executions e ON e.id = w.id ORDER BY e.started_at, e.id"),
                         {start.text()})),
      ReadExecution));
  const db::Rows events = TRY(snapshot.Query(
      Cat(walked,
          "SELECT v.execution_id, v.artifact_id, v.direction, v.port FROM walked w"
          " JOIN lineage_events v ON v.execution_id = w.id JOIN reached r ON r.artifact_id = v.artifact_id"
          " ORDER BY v.execution_id, v.direction, v.port"),
      {start.text()}));
  for (const db::Row& row : events) graph.events.push_back(ReadEvent(row));
  return graph;
}

}  // namespace mw::lineage::store
