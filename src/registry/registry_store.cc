// SQL of the registry.
#include "registry/registry_store.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace mw::registry::store {
namespace {

constexpr std::string_view kVersionColumns =
    "SELECT project, model, version, package, run_id, attempt_id, metrics, sources, created_at FROM registry_versions";

db::Value TextOrNull(const std::string& text) { return text.empty() ? db::Value(nullptr) : db::Value(text); }
std::string TextOrEmpty(const db::Row& row, std::size_t column) { return row.IsNull(column) ? "" : row.Text(column); }

Result<ModelVersion> ReadVersion(const db::Row& row) {
  Json metrics = TRY(Json::Parse(row.Text(6)));
  ModelVersion version{row.Text(0),         row.Text(1),        row.Int(2), row.Text(3), TextOrEmpty(row, 4),
                       TextOrEmpty(row, 5), std::move(metrics), {},         {},          FromMicros(row.Int(8))};
  const Json sources = TRY(Json::Parse(row.Text(7)));
  for (const Json& source : sources.AsArray()) version.sources.push_back(source.AsString());
  return version;
}

/// The aliases of each version of a model.
Result<std::multimap<std::int64_t, std::string>> AliasesOf(db::Snapshot& snapshot, const std::string& project,
                                                           const std::string& model) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT version, alias FROM registry_aliases WHERE project = ? AND model = ? ORDER BY alias", {project, model}));
  std::multimap<std::int64_t, std::string> aliases;
  for (const db::Row& row : rows) aliases.emplace(row.Int(0), row.Text(1));
  return aliases;
}

/// Reads the rows and adds each version's aliases; all rows are of one model.
Result<std::vector<ModelVersion>> ReadVersions(db::Snapshot& snapshot, const db::Rows& rows) {
  std::vector<ModelVersion> versions;
  if (rows.empty()) return versions;
  const auto aliases = TRY(AliasesOf(snapshot, rows[0].Text(0), rows[0].Text(1)));
  for (const db::Row& row : rows) {
    ModelVersion version = TRY(ReadVersion(row));
    const auto [begin, end] = aliases.equal_range(version.version);
    for (auto alias = begin; alias != end; ++alias) version.aliases.push_back(alias->second);
    versions.push_back(std::move(version));
  }
  return versions;
}

Result<std::optional<ModelVersion>> ReadOne(db::Snapshot& snapshot, const db::Rows& rows) {
  std::vector<ModelVersion> versions = TRY(ReadVersions(snapshot, rows));
  if (versions.empty()) return std::optional<ModelVersion>();
  return std::optional<ModelVersion>(std::move(versions[0]));
}

Model ReadModel(const db::Row& row) { return {row.Text(0), row.Text(1), row.Int(2), FromMicros(row.Int(3)), {}}; }

AliasChange ReadChange(const db::Row& row) {
  return {row.Text(0), row.Int(1), row.Int(2), row.Text(3), FromMicros(row.Int(4)), row.Text(5)};
}

}  // namespace

Result<std::int64_t> NextVersion(db::Transaction& transaction, const ModelName& name, Timestamp now) {
  const db::Rows rows =
      TRY(transaction.Query("INSERT INTO registry_models (project, name, last_version, created_at) VALUES (?, ?, 1, ?)"
                            " ON CONFLICT (project, name) DO UPDATE SET last_version = registry_models.last_version + 1"
                            " RETURNING last_version",
                            {name.project, name.model, ToMicros(now)}));
  return rows[0].Int(0);
}

Status InsertVersion(db::Transaction& transaction, const ModelVersion& version) {
  Json sources = Json::MakeArray();
  for (const std::string& source : version.sources) sources.Append(source);
  TRY(transaction.Execute(
      "INSERT INTO registry_versions (project, model, version, package, run_id, attempt_id, metrics, sources,"
      " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {version.project, version.model, version.version, version.package, TextOrNull(version.run_id),
       TextOrNull(version.attempt_id), version.metrics.Dump(), sources.Dump(), ToMicros(version.created)}));
  return Ok();
}

Status MoveAlias(db::Transaction& transaction, const ModelName& name, const AliasChange& change) {
  if (change.version == 0) {
    TRY(transaction.Execute("DELETE FROM registry_aliases WHERE project = ? AND model = ? AND alias = ?",
                            {name.project, name.model, change.alias}));
  } else {
    TRY(
        transaction.Execute("INSERT INTO registry_aliases (project, model, alias, version) VALUES (?, ?, ?, ?)"
                            " ON CONFLICT (project, model, alias) DO UPDATE SET version = excluded.version",
                            {name.project, name.model, change.alias, change.version}));
  }
  TRY(transaction.Execute(
      "INSERT INTO registry_alias_changes (project, model, number, alias, version, previous, cause, changed_at)"
      " SELECT ?, ?, COALESCE(MAX(number), 0) + 1, ?, ?, ?, ?, ? FROM registry_alias_changes"
      " WHERE project = ? AND model = ?",
      {name.project, name.model, change.alias, change.version, change.previous, change.cause, ToMicros(change.at),
       name.project, name.model}));
  return Ok();
}

Result<std::optional<Model>> FindModel(db::Snapshot& snapshot, const ModelName& name) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT project, name, last_version, created_at FROM registry_models WHERE project = ? AND name = ?",
      {name.project, name.model}));
  if (rows.empty()) return std::optional<Model>();
  return std::optional<Model>(ReadModel(rows[0]));
}

Result<std::vector<Model>> FindModels(db::Snapshot& snapshot, std::string_view project, std::int64_t limit) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT m.project, m.name, m.last_version, m.created_at, a.alias, a.version FROM"
      " (SELECT project, name, last_version, created_at FROM registry_models WHERE project = ? ORDER BY name LIMIT ?) m"
      " LEFT JOIN registry_aliases a ON a.project = m.project AND a.model = m.name"
      " ORDER BY m.name, a.version DESC, a.alias",
      {std::string(project), limit}));
  std::vector<Model> models;
  for (const db::Row& row : rows) {
    if (models.empty() || models.back().name != row.Text(1)) models.push_back(ReadModel(row));
    if (!row.IsNull(4)) models.back().aliases.push_back({row.Text(4), row.Int(5)});
  }
  return models;
}

Result<std::optional<ModelVersion>> FindVersion(db::Snapshot& snapshot, const ModelName& name, std::int64_t version) {
  return ReadOne(snapshot, TRY(snapshot.Query(Cat(kVersionColumns, " WHERE project = ? AND model = ? AND version = ?"),
                                              {name.project, name.model, version})));
}

Result<std::optional<ModelVersion>> FindRegistered(db::Snapshot& snapshot, const NewVersion& version) {
  // An empty id is NULL here and equals nothing. The attempt's own version comes first.
  return ReadOne(snapshot,
                 TRY(snapshot.Query(Cat(kVersionColumns,
                                        " WHERE project = ? AND model = ? AND (attempt_id = ? OR package = ?)"
                                        " ORDER BY CASE WHEN attempt_id = ? THEN 0 ELSE 1 END, version LIMIT 1"),
                                    {version.name.project, version.name.model, TextOrNull(version.attempt_id),
                                     version.package, TextOrNull(version.attempt_id)})));
}

Result<std::vector<ModelVersion>> FindVersions(db::Snapshot& snapshot, const ModelName& name, std::int64_t limit) {
  return ReadVersions(
      snapshot,
      TRY(snapshot.Query(Cat(kVersionColumns, " WHERE project = ? AND model = ? ORDER BY version DESC LIMIT ?"),
                         {name.project, name.model, limit})));
}

Result<std::int64_t> VersionOfAlias(db::Snapshot& snapshot, const ModelName& name, std::string_view alias) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT version FROM registry_aliases WHERE project = ? AND model = ? AND alias = ?",
                         {name.project, name.model, std::string(alias)}));
  return rows.empty() ? 0 : rows[0].Int(0);
}

Result<std::vector<std::string>> AliasNames(db::Snapshot& snapshot, const ModelName& name) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT alias, version FROM registry_aliases WHERE project = ? AND model = ? ORDER BY alias",
                         {name.project, name.model}));
  std::vector<std::string> names;
  for (const db::Row& row : rows) names.push_back(Cat(row.Text(0), " (version ", row.Int(1), ")"));
  return names;
}

Result<std::vector<AliasChange>> FindChanges(db::Snapshot& snapshot, const ModelName& name, std::string_view alias,
                                             std::int64_t limit) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT alias, version, previous, cause, changed_at, model FROM registry_alias_changes"
                         " WHERE project = ? AND model = ? AND (alias = ? OR ? = '') ORDER BY number DESC LIMIT ?",
                         {name.project, name.model, std::string(alias), std::string(alias), limit}));
  std::vector<AliasChange> changes;
  for (const db::Row& row : rows) changes.push_back(ReadChange(row));
  return changes;
}

Result<RegistryChanges> FindChangesSince(db::Snapshot& snapshot, std::string_view project, Timestamp since,
                                         std::int64_t limit) {
  const std::vector<db::Value> asked = {std::string(project), ToMicros(since), limit};
  RegistryChanges changes;
  const db::Rows versions = TRY(snapshot.Query(Cat(kVersionColumns,
                                                   " WHERE project = ? AND created_at >= ?"
                                                   " ORDER BY created_at DESC, model DESC, version DESC LIMIT ?"),
                                               asked));
  for (const db::Row& row : versions) changes.versions.push_back(TRY(ReadVersion(row)));
  const db::Rows moves =
      TRY(snapshot.Query("SELECT alias, version, previous, cause, changed_at, model FROM registry_alias_changes"
                         " WHERE project = ? AND changed_at >= ?"
                         " ORDER BY changed_at DESC, model DESC, number DESC LIMIT ?",
                         asked));
  for (const db::Row& row : moves) changes.moves.push_back(ReadChange(row));
  std::reverse(changes.versions.begin(), changes.versions.end());
  std::reverse(changes.moves.begin(), changes.moves.end());
  return changes;
}

}  // namespace mw::registry::store
