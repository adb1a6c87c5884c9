// Remember: applied pipelines.
#include "pipelines/definition_store.h"

#include "base/text.h"

namespace mw::pipelines {
namespace {

constexpr std::string_view kColumns = "name, version, source, file_name, base_directory, applied_at";

Definition FromRow(const db::Row& row) {
  return {row.Text(0), row.Int(1), row.Text(2), row.Text(3), row.Text(4), FromMicros(row.Int(5))};
}

}  // namespace

Result<std::optional<Definition>> CurrentDefinition(db::Snapshot& snapshot, const std::string& name) {
  const db::Rows rows = TRY(snapshot.Query(
      Cat("SELECT ", kColumns, " FROM pipeline_definition WHERE name = ? ORDER BY version DESC LIMIT 1"), {name}));
  if (rows.empty()) return std::optional<Definition>();
  return std::optional<Definition>(FromRow(rows[0]));
}

Result<std::vector<Definition>> CurrentDefinitions(db::Snapshot& snapshot) {
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kColumns, " FROM pipeline_definition d WHERE version = ",
                             "(SELECT MAX(version) FROM pipeline_definition e WHERE e.name = d.name) ORDER BY name")));
  std::vector<Definition> out;
  for (const db::Row& row : rows) out.push_back(FromRow(row));
  return out;
}

Result<std::vector<Definition>> DefinitionsSince(db::Snapshot& snapshot, Timestamp since, int limit) {
  const db::Rows rows = TRY(snapshot.Query(Cat("SELECT ", kColumns, " FROM pipeline_definition WHERE applied_at >= ?",
                                               " ORDER BY applied_at, name, version LIMIT ?"),
                                           {ToMicros(since), std::int64_t{limit}}));
  std::vector<Definition> out;
  for (const db::Row& row : rows) out.push_back(FromRow(row));
  return out;
}

Status InsertDefinition(db::Transaction& transaction, const Definition& definition) {
  TRY(transaction.Execute(Cat("INSERT INTO pipeline_definition (", kColumns, ") VALUES (?, ?, ?, ?, ?, ?)"),
                          {definition.name, definition.version, definition.source, definition.file_name,
                           definition.base_directory, ToMicros(definition.applied_at)}));
  return Ok();
}

}  // namespace mw::pipelines
