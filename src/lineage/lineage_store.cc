// The SQL of recording and walking. Ids are asked for in lists of one of four lengths, so that few prepared statements
// do for every walk.
#include "lineage/lineage_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "db/scan.h"

namespace mw::lineage::store {
namespace {

constexpr std::size_t kPropertiesMax = 200;
constexpr std::size_t kPropertyDepthMax = 4;
constexpr std::size_t kPropertyBytesMax = 1024;

std::string_view DirectionName(Direction direction) { return direction == Direction::kInput ? "input" : "output"; }

using ReadView = Result<Event> (*)(const db::RowView&);
Result<Event> ViewExecutionEnd(const db::RowView& row) {
  Event event;
  event.execution = ExecutionId(std::string(row.Text(0)));
  return event;
}
Result<Event> ViewArtifactEnd(const db::RowView& row) {
  Event event;
  event.artifact = ArtifactId(std::string(row.Text(0)));
  return event;
}

Result<std::string> ViewName(const db::RowView& row) { return std::string(row.Text(0)); }

/// "(?), (?), (?)"
std::string Marks(std::size_t count) {
  std::string marks = "(?)";
  for (std::size_t i = 1; i < count; ++i) marks += ", (?)";
  return marks;
}

/// SELECT `what` FROM `from` WHERE `column` is one of the ids, which are all different, `tail`; read a batch at a time.
/// The last batch is filled up with ids that nothing has. As a join: PostgreSQL estimates each entry of a list by
/// itself, which takes longer than the rest; SQLite heeds the order of a CROSS JOIN.
template <typename Noun, typename IdType>
Result<std::vector<Noun>> QueryIn(db::Snapshot& snapshot, std::string_view what, std::string_view from,
                                  std::string_view column, std::string_view tail, std::span<const IdType> ids,
                                  Result<Noun> (*read)(const db::RowView&)) {
  std::vector<Noun> all;
  all.reserve(ids.size());
  Status outcome;
  const auto take = [&](const db::RowView& row) {
    Result<Noun> noun = read(row);
    if (noun.ok()) {
      all.push_back(*std::move(noun));
    } else if (outcome.ok()) {
      outcome = noun.error();
    }
  };
  for (std::size_t at = 0; at < ids.size();) {
    const std::size_t left = ids.size() - at;
    std::size_t batch = kShortBatch;
    while (batch < left && batch < kBatch) batch *= kBatchStep;
    db::Values parameters;
    parameters.reserve(batch);
    for (std::size_t i = 0; i < batch; ++i) parameters.emplace_back(i < left ? ids[at + i].text() : std::string());
    TRY(db::Scan(snapshot,
                 Cat("WITH asked (id) AS (VALUES ", Marks(batch), ") SELECT ", what, " FROM asked CROSS JOIN ", from,
                     " WHERE ", column, " = asked.id", tail),
                 parameters, take));
    TRY(outcome);
    at += std::min(batch, left);
  }
  return all;
}

struct Property {
  std::string name;
  db::Value number = nullptr, text = nullptr, truth = nullptr;
};

/// Members that are numbers, truths or short texts; those of objects in it under "outer.inner".
void Gather(const Json& object, const std::string& prefix, std::size_t depth, std::vector<Property>& out) {
  for (const auto& [key, value] : object.AsObject()) {
    if (out.size() >= kPropertiesMax) return;
    const std::string name = prefix.empty() ? key : Cat(prefix, ".", key);
    if (name.size() > kPropertyBytesMax || name.find('\0') != std::string::npos) continue;
    if (value.IsObject() && depth < kPropertyDepthMax) Gather(value, name, depth + 1, out);
    if (value.IsBool()) out.push_back({.name = name, .truth = std::int64_t{value.AsBool()}});
    if (value.IsNumber()) out.push_back({.name = name, .number = value.AsDouble()});
    if (value.IsString() && value.AsString().size() <= kPropertyBytesMax) {
      out.push_back({.name = name, .text = value.AsString()});
    }
  }
}

Status InsertProperties(db::Transaction& transaction, std::string_view owner, const Json& metadata) {
  if (!metadata.IsObject()) return Ok();
  std::vector<Property> properties;
  Gather(metadata, "", 1, properties);
  for (Property& property : properties) {
    TRY(
        transaction.Execute("INSERT INTO lineage_properties (owner, name, number, text, truth) VALUES (?, ?, ?, ?, ?)"
                            " ON CONFLICT (owner, name) DO NOTHING",
                            {std::string(owner), std::move(property.name), std::move(property.number),
                             std::move(property.text), std::move(property.truth)}));
  }
  return Ok();
}

/// What it is made of counts as metadata, unless metadata says otherwise.
Json WithDigest(const Json& metadata, const char* key, const std::string& digest) {
  Json all = metadata;
  if (!digest.empty() && all.IsObject() && all.Find(key) == nullptr) all[key] = digest;
  return all;
}

constexpr std::string_view kEvents = "v.execution_id, v.artifact_id, v.direction, v.port, v.at";

}  // namespace

Json SearchedOf(const Artifact& artifact) { return WithDigest(artifact.metadata, "digest", artifact.digest); }
Json SearchedOf(const Execution& execution) {
  return WithDigest(execution.metadata, "code_version", execution.code_version);
}

Result<bool> InsertExecution(db::Transaction& transaction, const Execution& execution) {
  const std::int64_t inserted = TRY(transaction.Execute(
      "INSERT INTO lineage_executions (id, project, type, name, state, code_version, configuration, environment,"
      " metadata, schema_version, description, labels, started_at, ended_at, created_at, updated_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
      {execution.id.text(), execution.project, execution.type, execution.name, std::string(StateName(execution.state)),
       execution.code_version, execution.configuration.Dump(), execution.environment.Dump(), execution.metadata.Dump(),
       execution.notes.schema_version, execution.notes.description, execution.notes.labels.Dump(),
       ToMicros(execution.started), ToMicros(execution.ended), ToMicros(execution.created),
       ToMicros(execution.updated)}));
  if (inserted == 1) TRY(InsertProperties(transaction, Cat("e:", execution.id.text()), SearchedOf(execution)));
  return inserted == 1;
}

Result<bool> UpdateExecution(db::Transaction& transaction, const Execution& execution) {
  const std::int64_t changed = TRY(transaction.Execute(
      "UPDATE lineage_executions SET name = ?, state = ?, code_version = ?, configuration = ?, environment = ?,"
      " metadata = ?, schema_version = ?, description = ?, labels = ?, started_at = ?, ended_at = ?, updated_at = ?"
      " WHERE id = ?",
      {execution.name, std::string(StateName(execution.state)), execution.code_version, execution.configuration.Dump(),
       execution.environment.Dump(), execution.metadata.Dump(), execution.notes.schema_version,
       execution.notes.description, execution.notes.labels.Dump(), ToMicros(execution.started),
       ToMicros(execution.ended), ToMicros(execution.updated), execution.id.text()}));
  if (changed == 1) TRY(SetProperties(transaction, Cat("e:", execution.id.text()), SearchedOf(execution)));
  return changed == 1;
}

Status InsertArtifact(db::Transaction& transaction, const Artifact& artifact) {
  TRY(transaction.Execute(
      "INSERT INTO lineage_artifacts (id, project, type, title, digest, uri, state, metadata, schema_version,"
      " description, labels, created_at, updated_at, searchable) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
      {artifact.id.text(), artifact.project, artifact.type, artifact.title, artifact.digest, artifact.uri,
       std::string(StateName(artifact.state)), artifact.metadata.Dump(), artifact.notes.schema_version,
       artifact.notes.description, artifact.notes.labels.Dump(), ToMicros(artifact.created),
       ToMicros(artifact.updated)}));
  return InsertProperties(transaction, Cat("a:", artifact.id.text()), SearchedOf(artifact));
}

Result<bool> UpdateArtifact(db::Transaction& transaction, const Artifact& artifact) {
  const std::int64_t changed = TRY(transaction.Execute(
      "UPDATE lineage_artifacts SET title = ?, uri = ?, state = ?, metadata = ?, schema_version = ?, description = ?,"
      " labels = ?, updated_at = ? WHERE id = ?",
      {artifact.title, artifact.uri, std::string(StateName(artifact.state)), artifact.metadata.Dump(),
       artifact.notes.schema_version, artifact.notes.description, artifact.notes.labels.Dump(),
       ToMicros(artifact.updated), artifact.id.text()}));
  if (changed == 1) TRY(SetProperties(transaction, Cat("a:", artifact.id.text()), SearchedOf(artifact)));
  return changed == 1;
}

Status InsertEvent(db::Transaction& transaction, const Event& event) {
  TRY(
      transaction.Execute("INSERT INTO lineage_events (execution_id, artifact_id, direction, port, at)"
                          " VALUES (?, ?, ?, ?, ?) ON CONFLICT (execution_id, direction, port) DO NOTHING",
                          {event.execution.text(), event.artifact.text(), std::string(DirectionName(event.direction)),
                           event.port, ToMicros(event.at)}));
  return Ok();
}

Status JoinContext(db::Transaction& transaction, const ContextName& context, std::string_view new_id,
                   const ExecutionId& execution, Timestamp now) {
  TRY(transaction.Execute(
      "INSERT INTO lineage_contexts (id, project, type, name, created_at, updated_at)"
      " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (project, type, name) DO NOTHING",
      {std::string(new_id), context.project, context.type, context.name, ToMicros(now), ToMicros(now)}));
  TRY(
      transaction.Execute("INSERT INTO lineage_memberships (context_id, execution_id)"
                          " SELECT id, ? FROM lineage_contexts WHERE project = ? AND type = ? AND name = ?"
                          " ON CONFLICT (context_id, execution_id) DO NOTHING",
                          {execution.text(), context.project, context.type, context.name}));
  return Ok();
}

Status SetProperties(db::Transaction& transaction, std::string_view owner, const Json& metadata) {
  TRY(transaction.Execute("DELETE FROM lineage_properties WHERE owner = ?", {std::string(owner)}));
  return InsertProperties(transaction, owner, metadata);
}

Result<std::size_t> MakeSearchable(db::Transaction& transaction) {
  const db::Rows rows = TRY(
      transaction.Query("SELECT id, metadata, digest FROM lineage_artifacts WHERE searchable = 0 ORDER BY id LIMIT ?",
                        {static_cast<std::int64_t>(kBatch)}));
  for (const db::Row& row : rows) {
    const Json metadata = WithDigest(TRY(Json::Parse(row.Text(1))), "digest", row.Text(2));
    TRY(InsertProperties(transaction, Cat("a:", row.Text(0)), metadata));
    TRY(transaction.Execute("UPDATE lineage_artifacts SET searchable = 1 WHERE id = ?", {row.Text(0)}));
  }
  return rows.size();
}

Result<std::optional<Artifact>> FindArtifact(db::Snapshot& snapshot, const ArtifactId& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kArtifactColumns, " FROM lineage_artifacts x WHERE x.id = ?"), {id.text()}));
  if (rows.empty()) return std::optional<Artifact>();
  return std::optional<Artifact>(TRY(ReadArtifact(rows[0])));
}

Result<std::vector<Artifact>> FindArtifacts(db::Snapshot& snapshot, std::string_view project, std::string_view digest,
                                            std::int64_t limit) {
  return ReadAll(TRY(snapshot.Query(Cat("SELECT ", kArtifactColumns,
                                        " FROM lineage_artifacts x WHERE x.project = ? AND x.digest = ?"
                                        " ORDER BY x.created_at DESC, x.id DESC LIMIT ?"),
                                    {std::string(project), std::string(digest), limit})),
                 ReadArtifact);
}

Result<std::vector<Artifact>> FindTitled(db::Snapshot& snapshot, std::string_view project, std::string_view type,
                                         std::string_view title, std::string_view digest, std::int64_t limit) {
  db::Values parameters = {std::string(project), std::string(type), std::string(title)};
  if (!digest.empty()) parameters.emplace_back(std::string(digest));
  parameters.emplace_back(limit);
  return ReadAll(TRY(snapshot.Query(
                     Cat("SELECT ", kArtifactColumns,
                         " FROM lineage_artifacts x WHERE x.project = ? AND x.type = ? AND x.title = ?",
                         digest.empty() ? "" : " AND x.digest = ?", " ORDER BY x.created_at DESC, x.id DESC LIMIT ?"),
                     parameters)),
                 ReadArtifact);
}

Result<std::optional<Execution>> FindExecution(db::Snapshot& snapshot, const ExecutionId& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kExecutionColumns, " FROM lineage_executions x WHERE x.id = ?"), {id.text()}));
  if (rows.empty()) return std::optional<Execution>();
  return std::optional<Execution>(TRY(ReadExecution(rows[0])));
}

Result<std::vector<Execution>> FindExecutions(db::Snapshot& snapshot, const ContextName& context) {
  return ReadAll(TRY(snapshot.Query(Cat("SELECT ", kExecutionColumns,
                                        " FROM lineage_contexts c"
                                        " JOIN lineage_memberships m ON m.context_id = c.id"
                                        " JOIN lineage_executions x ON x.id = m.execution_id"
                                        " WHERE c.project = ? AND c.type = ? AND c.name = ?"
                                        " ORDER BY x.started_at, x.id"),
                                    {context.project, context.type, context.name})),
                 ReadExecution);
}

Result<std::vector<Event>> EventsOf(db::Snapshot& snapshot, const ExecutionId& id) {
  return ReadAll(TRY(snapshot.Query(Cat("SELECT ", kEvents,
                                        " FROM lineage_events v WHERE v.execution_id = ?"
                                        " ORDER BY v.direction, v.port"),
                                    {id.text()})),
                 ReadEvent);
}

Result<std::vector<Artifact>> FindArtifacts(db::Snapshot& snapshot, std::span<const ArtifactId> ids) {
  return QueryIn(snapshot, kArtifactColumns, "lineage_artifacts x", "x.id", "", ids, ReadArtifact);
}

Result<std::vector<Execution>> FindExecutions(db::Snapshot& snapshot, std::span<const ExecutionId> ids) {
  return QueryIn(snapshot, kExecutionColumns, "lineage_executions x", "x.id", "", ids, ReadExecution);
}

Result<std::vector<Event>> EventsAt(db::Snapshot& snapshot, std::span<const ArtifactId> artifacts, Direction direction,
                                    std::size_t limit, Part part) {
  const std::string tail = Cat(" AND v.direction = '", DirectionName(direction), "' LIMIT ", limit);
  const bool whole = part == Part::kWhole;
  return QueryIn(snapshot, whole ? kEvents : "v.execution_id", "lineage_events v", "v.artifact_id", tail, artifacts,
                 whole ? ReadView(ReadEvent) : ViewExecutionEnd);
}

Result<std::vector<Event>> EventsAt(db::Snapshot& snapshot, std::span<const ExecutionId> executions,
                                    Direction direction, Part part) {
  const std::string tail = Cat(" AND v.direction = '", DirectionName(direction), "'");
  const bool whole = part == Part::kWhole;
  return QueryIn(snapshot, whole ? kEvents : "v.artifact_id", "lineage_events v", "v.execution_id", tail, executions,
                 whole ? ReadView(ReadEvent) : ViewArtifactEnd);
}

Result<std::vector<ArtifactId>> ReachedFrom(db::Snapshot& snapshot, std::span<const ArtifactId> artifacts,
                                            Direction through, std::size_t limit) {
  const std::string_view near = DirectionName(through);
  const std::string_view far = DirectionName(through == Direction::kInput ? Direction::kOutput : Direction::kInput);
  db::Values parameters;
  for (std::size_t i = 0; i < kShortBatch; ++i) {
    parameters.emplace_back(i < artifacts.size() ? artifacts[i].text() : std::string());
  }
  parameters.emplace_back(static_cast<std::int64_t>(limit));
  // Both databases go on breadth first, and no further than what is asked for.
  std::vector<ArtifactId> ids;
  TRY(db::Scan(
      snapshot,
      Cat("WITH RECURSIVE asked (id) AS (VALUES ", Marks(kShortBatch),
          "), reached (artifact_id) AS (SELECT x.id FROM asked CROSS JOIN lineage_artifacts x WHERE x.id = asked.id"
          " UNION SELECT f.artifact_id FROM reached r JOIN lineage_events v ON v.artifact_id = r.artifact_id"
          " AND v.direction = '",
          near, "' JOIN lineage_events f ON f.execution_id = v.execution_id AND f.direction = '", far,
          "') SELECT artifact_id FROM reached LIMIT ?"),
      parameters, [&](const db::RowView& row) { ids.emplace_back(std::string(row.Text(0))); }));
  return ids;
}

Result<std::vector<ExecutionId>> NewestAt(db::Snapshot& snapshot, const ArtifactId& artifact, std::int64_t limit) {
  std::vector<ExecutionId> newest;
  for (const Direction direction : {Direction::kInput, Direction::kOutput}) {
    for (const db::Row& row :
         TRY(snapshot.Query("SELECT DISTINCT execution_id FROM lineage_events WHERE artifact_id = ? AND direction = ?"
                            " ORDER BY execution_id DESC LIMIT ?",
                            {artifact.text(), std::string(DirectionName(direction)), limit}))) {
      newest.emplace_back(row.Text(0));
    }
  }
  return newest;
}

Result<std::vector<std::string>> RunsOf(db::Snapshot& snapshot, const std::vector<ExecutionId>& executions) {
  const std::span<const ExecutionId> ids = executions;
  const std::vector<std::string> grouped =
      TRY(QueryIn(snapshot, "DISTINCT c.name", "lineage_memberships m JOIN lineage_contexts c ON c.id = m.context_id",
                  "m.execution_id", " AND c.type = 'run'", ids, ViewName));
  const std::vector<std::string> tracked =
      TRY(QueryIn(snapshot, "x.id", "lineage_executions x", "x.id", " AND x.type = 'tracked_run'", ids, ViewName));
  std::set<std::string> names(grouped.begin(), grouped.end());
  names.insert(tracked.begin(), tracked.end());
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::vector<std::pair<ArtifactId, std::string>>> TitlesOf(db::Snapshot& snapshot, std::string_view project,
                                                                 std::string_view type, std::int64_t limit) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT id, title FROM lineage_artifacts WHERE project = ? AND type = ? AND title > ''"
                         " ORDER BY created_at DESC, id DESC LIMIT ?",
                         {std::string(project), std::string(type), limit}));
  std::vector<std::pair<ArtifactId, std::string>> titles;
  for (const db::Row& row : rows) titles.emplace_back(row.Text(0), row.Text(1));
  return titles;
}

}  // namespace mw::lineage::store
