// A page is chosen by an index, and only then is it asked who made each, and how many read it.
#include "lineage/made_store.h"

#include <string>
#include <utility>

#include "base/text.h"

namespace mw::lineage::store {
namespace {

constexpr std::size_t kColumns = 13;  ///< of an artifact

std::string ContextOf(std::string_view type) {
  return Cat("(SELECT MIN(c.name) FROM lineage_memberships m JOIN lineage_contexts c ON c.id = m.context_id",
             " WHERE m.execution_id = x.maker AND c.type = '", type, "')");
}

std::string TextOr(const db::Row& row, std::size_t column) { return row.IsNull(column) ? "" : row.Text(column); }

Result<Made> ReadMade(const db::Row& row) {
  Made made;
  made.artifact = TRY(ReadArtifact(row));
  made.readers = row.Int(kColumns);
  if (row.IsNull(kColumns + 1)) return made;
  Maker maker;
  maker.id = ExecutionId(row.Text(kColumns + 1));
  maker.type = row.Text(kColumns + 2);
  maker.name = row.Text(kColumns + 3);
  maker.started = FromMicros(row.Int(kColumns + 4));
  maker.port = row.Text(kColumns + 5);
  maker.pipeline = TextOr(row, kColumns + 6);
  maker.run = TextOr(row, kColumns + 7);
  made.maker = std::move(maker);
  return made;
}

}  // namespace

Result<std::vector<Made>> FindMade(db::Snapshot& snapshot, const MadeQuery& query, std::optional<Timestamp> before) {
  db::Values parameters = {query.project, query.type};
  if (before) {
    const std::int64_t at = ToMicros(*before);
    parameters.insert(parameters.end(), {at, at, query.before.text()});
  }
  parameters.emplace_back(query.limit);
  // Ids ascend with time: the least is that of the first.
  return ReadAll(
      TRY(snapshot.Query(
          Cat("WITH page AS (SELECT * FROM lineage_artifacts x WHERE x.project = ? AND x.type = ? AND x.title = ''",
              before ? " AND x.created_at <= ? AND (x.created_at < ? OR x.id < ?)" : "",
              " ORDER BY x.created_at DESC, x.id DESC LIMIT ?), known AS (SELECT x.*,"
              " (SELECT COUNT(DISTINCT v.execution_id) FROM lineage_events v WHERE v.artifact_id = x.id"
              " AND v.direction = 'input') AS readers,"
              " (SELECT MIN(v.execution_id) FROM lineage_events v WHERE v.artifact_id = x.id"
              " AND v.direction = 'output') AS maker FROM page x) SELECT ",
              kArtifactColumns,
              ", x.readers, e.id, e.type, e.name, e.started_at,"
              " (SELECT MIN(v.port) FROM lineage_events v WHERE v.execution_id = x.maker AND v.direction = 'output'"
              " AND v.artifact_id = x.id), ",
              ContextOf("pipeline"), ", ", ContextOf("run"),
              " FROM known x LEFT JOIN lineage_executions e ON e.id = x.maker"
              " ORDER BY x.created_at DESC, x.id DESC"),
          parameters)),
      ReadMade);
}

}  // namespace mw::lineage::store
