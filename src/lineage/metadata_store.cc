// A filter becomes a condition on x, the row; what it asks of metadata and contexts becomes EXISTS over their indexes.
#include "lineage/metadata_store.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "lineage/lineage_store.h"

namespace mw::lineage::store {
namespace {

constexpr std::string_view kContextColumns =
    "x.id, x.project, x.type, x.name, x.metadata, x.schema_version, x.description, x.labels, x.created_at,"
    " x.updated_at";

struct Condition {
  std::string sql;
  db::Values parameters;
};

std::string_view ColumnOf(Noun noun, Subject subject) {
  switch (subject) {
    case Subject::kDisplayName: return noun == Noun::kArtifact ? "x.title" : "x.name";
    case Subject::kUri: return "x.uri";
    case Subject::kState: return "x.state";
    case Subject::kSchemaTitle: return "x.type";
    case Subject::kCreateTime: return "x.created_at";
    case Subject::kUpdateTime: return "x.updated_at";
    default: return "x.id";
  }
}

std::string_view OwnerPrefix(Noun noun) {
  if (noun == Noun::kArtifact) return "a:";
  return noun == Noun::kExecution ? "e:" : "c:";
}

/// A resource has such a member, and it compares so.
void OnProperty(Noun noun, std::string_view column, const FilterTerm& term, db::Value value, Condition& out) {
  CatTo(out.sql, "EXISTS (SELECT 1 FROM lineage_properties p WHERE p.owner = '", OwnerPrefix(noun),
        "' || x.id AND p.name = ? AND p.", column, " ", CompareSign(term.compare), " ?)");
  out.parameters.emplace_back(term.key);
  out.parameters.push_back(std::move(value));
}

/// Put into the context, or, of artifacts, read or made by an execution in it.
void OnContext(Noun noun, const FilterTerm& term, Condition& out) {
  if (noun == Noun::kExecution) {
    out.sql += "EXISTS (SELECT 1 FROM lineage_memberships m WHERE m.execution_id = x.id AND m.context_id = ?)";
    out.parameters.emplace_back(term.text);
    return;
  }
  out.sql +=
      "(EXISTS (SELECT 1 FROM lineage_attributions m WHERE m.artifact_id = x.id AND m.context_id = ?) OR"
      " EXISTS (SELECT 1 FROM lineage_events v JOIN lineage_memberships m ON m.execution_id = v.execution_id"
      " WHERE v.artifact_id = x.id AND m.context_id = ?))";
  out.parameters.emplace_back(term.text);
  out.parameters.emplace_back(term.text);
}

void OnTerm(Noun noun, const FilterTerm& term, Condition& out) {
  switch (term.subject) {
    case Subject::kMetadataNumber: return OnProperty(noun, "number", term, term.number, out);
    case Subject::kMetadataText: return OnProperty(noun, "text", term, term.text, out);
    case Subject::kMetadataTruth: return OnProperty(noun, "truth", term, std::int64_t{term.truth}, out);
    case Subject::kInContext: return OnContext(noun, term, out);
    case Subject::kParentContexts:
      out.sql += "EXISTS (SELECT 1 FROM lineage_parents r WHERE r.context_id = x.id AND r.parent_id = ?)";
      break;
    case Subject::kChildContexts:
      out.sql += "EXISTS (SELECT 1 FROM lineage_parents r WHERE r.parent_id = x.id AND r.context_id = ?)";
      break;
    default: CatTo(out.sql, ColumnOf(noun, term.subject), " ", CompareSign(term.compare), " ?");
  }
  const bool time = term.subject == Subject::kCreateTime || term.subject == Subject::kUpdateTime;
  out.parameters.push_back(time ? db::Value(ToMicros(term.time)) : db::Value(term.text));
}

void OnNode(Noun noun, const FilterNode& node, Condition& out) {
  if (node.kind == FilterNode::Kind::kTerm) return OnTerm(noun, node.term, out);
  if (node.parts.empty()) {
    out.sql += "1 = 1";
    return;
  }
  out.sql += node.kind == FilterNode::Kind::kNot ? "NOT (" : "(";
  for (std::size_t i = 0; i < node.parts.size(); ++i) {
    if (i > 0) out.sql += node.kind == FilterNode::Kind::kAll ? " AND " : " OR ";
    OnNode(noun, node.parts[i], out);
  }
  out.sql += ")";
}

/// Behind the last entry: greater in the first key, or equal there and greater in the next, and so on.
void Behind(Noun noun, const Selection& selection, Condition& out) {
  std::vector<OrderKey> keys = selection.order;
  keys.push_back({Subject::kName, keys.empty() || keys.back().descending});
  out.sql += " AND (";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    out.sql += i == 0 ? "(" : " OR (";
    for (std::size_t j = 0; j <= i; ++j) {
      const std::string_view sign = j < i ? "=" : keys[j].descending ? "<" : ">";
      CatTo(out.sql, j == 0 ? "" : " AND ", ColumnOf(noun, keys[j].subject), " ", sign, " ?");
      out.parameters.push_back(selection.after[j]);
    }
    out.sql += ")";
  }
  out.sql += ")";
}

std::string OrderBy(Noun noun, const Selection& selection) {
  std::string sql = " ORDER BY ";
  for (const OrderKey& key : selection.order) {
    CatTo(sql, ColumnOf(noun, key.subject), key.descending ? " DESC, " : ", ");
  }
  return Cat(sql, "x.id", selection.order.empty() || selection.order.back().descending ? " DESC" : "", " LIMIT ?");
}

Result<db::Rows> Select(db::Snapshot& snapshot, Noun noun, std::string_view columns, std::string_view table,
                        const Selection& selection) {
  Condition where;
  where.parameters.emplace_back(selection.project);
  OnNode(noun, selection.filter, where);
  if (!selection.after.empty()) Behind(noun, selection, where);
  std::string places;
  for (const OrderKey& key : selection.order) CatTo(places, ", ", ColumnOf(noun, key.subject));
  where.parameters.emplace_back(selection.limit);
  return snapshot.Query(Cat("SELECT ", columns, places, " FROM ", table, " x WHERE x.project = ? AND ", where.sql,
                            OrderBy(noun, selection)),
                        where.parameters);
}

Result<Context> ReadContext(const db::Row& row) {
  Json metadata = TRY(Json::Parse(row.Text(4)));
  Json labels = TRY(Json::Parse(row.Text(7)));
  Context context;
  context.id = ContextId(row.Text(0));
  context.name = {row.Text(1), row.Text(2), row.Text(3)};
  context.metadata = std::move(metadata);
  context.notes = {row.Text(5), row.Text(6), std::move(labels)};
  context.created = FromMicros(row.Int(8));
  context.updated = FromMicros(row.Int(9));
  return context;
}

/// `columns`: of the noun, before those of the order.
template <typename Noun>
Result<Selected<Noun>> ReadSelected(const db::Rows& rows, Result<Noun> (*read)(const db::Row&), std::size_t columns) {
  Selected<Noun> selected;
  for (const db::Row& row : rows) {
    selected.entries.push_back(TRY(read(row)));
    db::Values place;
    for (std::size_t i = columns; i < row.size(); ++i) place.push_back(row.At(i));
    place.push_back(row.At(0));
    selected.places.push_back(std::move(place));
  }
  return selected;
}

Status ReadParents(db::Snapshot& snapshot, Context& context) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT parent_id FROM lineage_parents WHERE context_id = ? ORDER BY parent_id", {context.id.text()}));
  for (const db::Row& row : rows) context.parents.emplace_back(row.Text(0));
  return Ok();
}

constexpr std::size_t CountColumns(std::string_view columns) {
  std::size_t count = 1;
  for (const char c : columns) count += c == ',' ? 1U : 0U;
  return count;
}

}  // namespace

Result<bool> InsertContext(db::Transaction& transaction, const Context& context) {
  const std::int64_t inserted = TRY(transaction.Execute(
      "INSERT INTO lineage_contexts (id, project, type, name, metadata, schema_version, description, labels,"
      " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      {context.id.text(), context.name.project, context.name.type, context.name.name, context.metadata.Dump(),
       context.notes.schema_version, context.notes.description, context.notes.labels.Dump(), ToMicros(context.created),
       ToMicros(context.updated)}));
  if (inserted == 1) TRY(SetProperties(transaction, Cat("c:", context.id.text()), context.metadata));
  return inserted == 1;
}

Result<bool> UpdateContext(db::Transaction& transaction, const Context& context) {
  const std::int64_t changed = TRY(transaction.Execute(
      "UPDATE lineage_contexts SET name = ?, metadata = ?, schema_version = ?, description = ?,"
      " labels = ?, updated_at = ? WHERE id = ?",
      {context.name.name, context.metadata.Dump(), context.notes.schema_version, context.notes.description,
       context.notes.labels.Dump(), ToMicros(context.updated), context.id.text()}));
  if (changed == 1) TRY(SetProperties(transaction, Cat("c:", context.id.text()), context.metadata));
  return changed == 1;
}

Result<std::optional<Context>> FindContext(db::Snapshot& snapshot, const ContextId& id) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kContextColumns, " FROM lineage_contexts x WHERE x.id = ?"), {id.text()}));
  if (rows.empty()) return std::optional<Context>();
  Context context = TRY(ReadContext(rows[0]));
  TRY(ReadParents(snapshot, context));
  return std::optional<Context>(std::move(context));
}

Status JoinContext(db::Transaction& transaction, const ContextId& context, const ArtifactId& artifact) {
  TRY(
      transaction.Execute("INSERT INTO lineage_attributions (context_id, artifact_id) VALUES (?, ?)"
                          " ON CONFLICT (context_id, artifact_id) DO NOTHING",
                          {context.text(), artifact.text()}));
  return Ok();
}

Status JoinContext(db::Transaction& transaction, const ContextId& context, const ExecutionId& execution) {
  TRY(
      transaction.Execute("INSERT INTO lineage_memberships (context_id, execution_id) VALUES (?, ?)"
                          " ON CONFLICT (context_id, execution_id) DO NOTHING",
                          {context.text(), execution.text()}));
  return Ok();
}

Status SetParent(db::Transaction& transaction, const ContextId& child, const ContextId& parent) {
  TRY(
      transaction.Execute("INSERT INTO lineage_parents (context_id, parent_id) VALUES (?, ?)"
                          " ON CONFLICT (context_id, parent_id) DO NOTHING",
                          {child.text(), parent.text()}));
  return Ok();
}

Status RemoveParent(db::Transaction& transaction, const ContextId& child, const ContextId& parent) {
  TRY(transaction.Execute("DELETE FROM lineage_parents WHERE context_id = ? AND parent_id = ?",
                          {child.text(), parent.text()}));
  return Ok();
}

Result<bool> IsAbove(db::Snapshot& snapshot, const ContextId& ancestor, const ContextId& context) {
  const db::Rows rows =
      TRY(snapshot.Query("WITH RECURSIVE above (id) AS (SELECT id FROM lineage_contexts WHERE id = ? UNION"
                         " SELECT r.parent_id FROM above a JOIN lineage_parents r ON r.context_id = a.id)"
                         " SELECT 1 FROM above WHERE id = ?",
                         {context.text(), ancestor.text()}));
  return !rows.empty();
}

Result<std::vector<ArtifactId>> ArtifactsIn(db::Snapshot& snapshot, const ContextId& context, std::int64_t limit) {
  const db::Rows rows = TRY(
      snapshot.Query("SELECT artifact_id FROM lineage_attributions WHERE context_id = ? ORDER BY artifact_id LIMIT ?",
                     {context.text(), limit}));
  std::vector<ArtifactId> ids;
  for (const db::Row& row : rows) ids.emplace_back(row.Text(0));
  return ids;
}

Result<std::vector<ExecutionId>> ExecutionsIn(db::Snapshot& snapshot, const ContextId& context, std::int64_t limit) {
  const db::Rows rows = TRY(
      snapshot.Query("SELECT execution_id FROM lineage_memberships WHERE context_id = ? ORDER BY execution_id LIMIT ?",
                     {context.text(), limit}));
  std::vector<ExecutionId> ids;
  for (const db::Row& row : rows) ids.emplace_back(row.Text(0));
  return ids;
}

Result<Selected<Artifact>> SelectArtifacts(db::Snapshot& snapshot, const Selection& selection) {
  const db::Rows rows = TRY(Select(snapshot, Noun::kArtifact, kArtifactColumns, "lineage_artifacts", selection));
  return ReadSelected(rows, ReadArtifact, CountColumns(kArtifactColumns));
}

Result<Selected<Execution>> SelectExecutions(db::Snapshot& snapshot, const Selection& selection) {
  const db::Rows rows = TRY(Select(snapshot, Noun::kExecution, kExecutionColumns, "lineage_executions", selection));
  return ReadSelected(rows, ReadExecution, CountColumns(kExecutionColumns));
}

Result<Selected<Context>> SelectContexts(db::Snapshot& snapshot, const Selection& selection) {
  const db::Rows rows = TRY(Select(snapshot, Noun::kContext, kContextColumns, "lineage_contexts", selection));
  Selected<Context> selected = TRY(ReadSelected(rows, ReadContext, CountColumns(kContextColumns)));
  for (Context& context : selected.entries) TRY(ReadParents(snapshot, context));
  return selected;
}

Result<std::vector<ArtifactId>> Matching(db::Snapshot& snapshot, const std::vector<ArtifactId>& among,
                                         const FilterNode& filter) {
  Condition where;
  OnNode(Noun::kArtifact, filter, where);
  std::vector<ArtifactId> matching;
  for (const ArtifactId& id : among) {
    db::Values parameters = where.parameters;
    parameters.emplace_back(id.text());
    const db::Rows rows =
        TRY(snapshot.Query(Cat("SELECT 1 FROM lineage_artifacts x WHERE ", where.sql, " AND x.id = ?"), parameters));
    if (!rows.empty()) matching.push_back(id);
  }
  return matching;
}

}  // namespace mw::lineage::store
