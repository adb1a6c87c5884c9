// SQL of models, versions and aliases.
#include "registry/registry_store.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "registry/tag_store.h"

namespace mw::registry::store {
namespace {

/// Names in one statement.
constexpr std::size_t kNamesMax = 200;

db::Value TextOrNull(const std::string& text) { return text.empty() ? db::Value(nullptr) : db::Value(text); }
std::string TextOrEmpty(const db::Row& row, std::size_t column) { return row.IsNull(column) ? "" : row.Text(column); }

Result<std::optional<ModelVersion>> ReadOne(db::Snapshot& snapshot, const db::Rows& rows) {
  if (rows.empty()) return std::optional<ModelVersion>();
  std::vector<ModelVersion> versions;
  versions.push_back(TRY(ReadVersion(rows[0])));
  TRY(AddAliasesAndTags(snapshot, versions));
  return std::optional<ModelVersion>(std::move(versions[0]));
}

Result<std::vector<ModelVersion>> ReadVersions(db::Snapshot& snapshot, const db::Rows& rows) {
  std::vector<ModelVersion> versions;
  for (const db::Row& row : rows) versions.push_back(TRY(ReadVersion(row)));
  TRY(AddAliasesAndTags(snapshot, versions));
  return versions;
}

AliasChange ReadChange(const db::Row& row) {
  return {row.Text(0), row.Int(1), row.Int(2), row.Text(3), FromMicros(row.Int(4)), row.Text(5)};
}

std::string SourcesJson(const ModelVersion& version) {
  Json sources = Json::MakeArray();
  for (const std::string& source : version.sources) sources.Append(source);
  return sources.Dump();
}

/// The distinct names of `of`, in lists of at most kNamesMax.
template <typename Items, typename NameOf>
std::vector<std::vector<std::string>> NamesIn(const Items& items, NameOf name_of) {
  std::set<std::string> distinct;
  for (const auto& item : items) distinct.insert(name_of(item));
  std::vector<std::vector<std::string>> lists;
  for (const std::string& name : distinct) {
    if (lists.empty() || lists.back().size() == kNamesMax) lists.emplace_back();
    lists.back().push_back(name);
  }
  return lists;
}

Result<std::vector<std::pair<std::string, ModelAlias>>> AliasesOf(db::Snapshot& snapshot, const std::string& project,
                                                                  const std::vector<std::string>& models) {
  db::Values values = {project};
  const std::string in = InList("model", models, values);
  const db::Rows rows = TRY(snapshot.Query(Cat("SELECT model, alias, version FROM registry_aliases WHERE project = ?"
                                               " AND ",
                                               in, " ORDER BY model, version DESC, alias"),
                                           values));
  std::vector<std::pair<std::string, ModelAlias>> aliases;
  for (const db::Row& row : rows) aliases.push_back({row.Text(0), {row.Text(1), row.Int(2)}});
  return aliases;
}

}  // namespace

constexpr std::string_view kVersionColumns =
    "v.project, v.model, v.version, v.package, v.run_id, v.attempt_id, v.metrics, v.sources, v.created_at, "
    "v.source_uri,"
    " v.storage_uri, v.logged_model, v.run_link, v.description, v.stage, v.updated_at";
constexpr std::string_view kModelColumns =
    "m.project, m.name, COALESCE((SELECT MAX(n.version) FROM registry_versions n WHERE n.project = m.project AND"
    " n.model = m.name), 0), m.created_at, m.description, m.updated_at";

Result<ModelVersion> ReadVersion(const db::Row& row) {
  Json metrics = TRY(Json::Parse(row.Text(6)));
  ModelVersion version{row.Text(0),         row.Text(1),        row.Int(2), row.Text(3), row.Text(4),
                       TextOrEmpty(row, 5), std::move(metrics), {},         {},          FromMicros(row.Int(8))};
  const Json sources = TRY(Json::Parse(row.Text(7)));
  for (const Json& source : sources.AsArray()) version.sources.push_back(source.AsString());
  version.source_uri = row.Text(9);
  version.storage_uri = row.Text(10);
  version.logged_model = row.Text(11);
  version.run_link = row.Text(12);
  version.description = row.Text(13);
  version.stage = TRY(ParseStage(row.Text(14)));
  version.updated = FromMicros(row.Int(15));
  return version;
}

Model ReadModel(const db::Row& row) {
  Model model{row.Text(0), row.Text(1), row.Int(2), FromMicros(row.Int(3)), {}};
  model.description = row.Text(4);
  model.updated = FromMicros(row.Int(5));
  return model;
}

Status InsertModel(db::Transaction& transaction, const Model& model) {
  TRY(transaction.Execute(
      "INSERT INTO registry_models (project, name, last_version, created_at, description, updated_at)"
      " VALUES (?, ?, 0, ?, ?, ?)",
      {model.project, model.name, ToMicros(model.created), model.description, ToMicros(model.updated)}));
  return Ok();
}

Status DeleteModel(db::Transaction& transaction, const ModelName& name) {
  TRY(transaction.Execute("DELETE FROM registry_models WHERE project = ? AND name = ?", {name.project, name.model}));
  return Ok();
}

Status RenameModel(db::Transaction& transaction, const ModelName& name, std::string_view to, Timestamp now) {
  TRY(transaction.Execute("UPDATE registry_models SET name = ?, updated_at = ? WHERE project = ? AND name = ?",
                          {std::string(to), ToMicros(now), name.project, name.model}));
  TRY(transaction.Execute("UPDATE registry_versions SET updated_at = ? WHERE project = ? AND model = ?",
                          {ToMicros(now), name.project, std::string(to)}));
  return Ok();
}

Status DescribeModel(db::Transaction& transaction, const ModelName& name, std::string_view description, Timestamp now) {
  TRY(transaction.Execute("UPDATE registry_models SET description = ?, updated_at = ? WHERE project = ? AND name = ?",
                          {std::string(description), ToMicros(now), name.project, name.model}));
  return Ok();
}

Status TouchModel(db::Transaction& transaction, const ModelName& name, Timestamp now) {
  TRY(transaction.Execute("UPDATE registry_models SET updated_at = ? WHERE project = ? AND name = ?",
                          {ToMicros(now), name.project, name.model}));
  return Ok();
}

Result<std::int64_t> NextVersion(db::Transaction& transaction, const ModelName& name, Timestamp now) {
  const db::Rows rows = TRY(transaction.Query(
      "INSERT INTO registry_models (project, name, last_version, created_at, updated_at) VALUES (?, ?, 1, ?, ?)"
      " ON CONFLICT (project, name) DO UPDATE SET last_version = registry_models.last_version + 1,"
      " updated_at = excluded.updated_at RETURNING last_version",
      {name.project, name.model, ToMicros(now), ToMicros(now)}));
  return rows[0].Int(0);
}

Result<std::int64_t> LastNumber(db::Snapshot& snapshot, const ModelName& name) {
  const db::Rows rows = TRY(snapshot.Query("SELECT last_version FROM registry_models WHERE project = ? AND name = ?",
                                           {name.project, name.model}));
  return rows.empty() ? 0 : rows[0].Int(0);
}

Status CountVersion(db::Transaction& transaction, const ModelName& name, std::int64_t version) {
  TRY(transaction.Execute(
      "UPDATE registry_models SET last_version = ? WHERE project = ? AND name = ? AND last_version < ?",
      {version, name.project, name.model, version}));
  return Ok();
}

Status InsertVersion(db::Transaction& transaction, const ModelVersion& version) {
  TRY(transaction.Execute(
      "INSERT INTO registry_versions (project, model, version, package, run_id, attempt_id, metrics, sources,"
      " created_at, source_uri, storage_uri, logged_model, run_link, description, stage, updated_at)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {version.project, version.model, version.version, version.package, version.run_id, TextOrNull(version.attempt_id),
       version.metrics.Dump(), SourcesJson(version), ToMicros(version.created), version.source_uri, version.storage_uri,
       version.logged_model, version.run_link, version.description, std::string(StageName(version.stage)),
       ToMicros(version.updated)}));
  return Ok();
}

Status UpdateVersion(db::Transaction& transaction, const ModelVersion& version) {
  TRY(
      transaction.Execute("UPDATE registry_versions SET description = ?, stage = ?, package = ?, updated_at = ?"
                          " WHERE project = ? AND model = ? AND version = ?",
                          {version.description, std::string(StageName(version.stage)), version.package,
                           ToMicros(version.updated), version.project, version.model, version.version}));
  return Ok();
}

Status DeleteVersion(db::Transaction& transaction, const ModelName& name, std::int64_t version) {
  TRY(transaction.Execute("DELETE FROM registry_versions WHERE project = ? AND model = ? AND version = ?",
                          {name.project, name.model, version}));
  return Ok();
}

Status Archive(db::Transaction& transaction, const ModelVersion& but, Stage stage, Timestamp now) {
  TRY(
      transaction.Execute("UPDATE registry_versions SET stage = ?, updated_at = ?"
                          " WHERE project = ? AND model = ? AND stage = ? AND version <> ?",
                          {std::string(StageName(Stage::kArchived)), ToMicros(now), but.project, but.model,
                           std::string(StageName(stage)), but.version}));
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
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT ", kModelColumns, " FROM registry_models m WHERE m.project = ? AND m.name = ?"),
                         {name.project, name.model}));
  if (rows.empty()) return std::optional<Model>();
  return std::optional<Model>(ReadModel(rows[0]));
}

Result<std::vector<Model>> FindModels(db::Snapshot& snapshot, std::string_view project, std::int64_t limit) {
  const db::Rows rows = TRY(snapshot.Query(
      Cat("SELECT ", kModelColumns, " FROM registry_models m WHERE m.project = ? ORDER BY m.name LIMIT ?"),
      {std::string(project), limit}));
  std::vector<Model> models;
  for (const db::Row& row : rows) models.push_back(ReadModel(row));
  TRY(AddAliasesAndTags(snapshot, models));
  return models;
}

Result<std::optional<ModelVersion>> FindVersion(db::Snapshot& snapshot, const ModelName& name, std::int64_t version) {
  return ReadOne(snapshot, TRY(snapshot.Query(Cat("SELECT ", kVersionColumns,
                                                  " FROM registry_versions v"
                                                  " WHERE v.project = ? AND v.model = ? AND v.version = ?"),
                                              {name.project, name.model, version})));
}

Result<std::optional<ModelVersion>> FindRegistered(db::Snapshot& snapshot, const NewVersion& version) {
  // NULL equals nothing. The attempt's own version comes first.
  return ReadOne(snapshot,
                 TRY(snapshot.Query(Cat("SELECT ", kVersionColumns,
                                        " FROM registry_versions v"
                                        " WHERE v.project = ? AND v.model = ? AND (v.attempt_id = ? OR v.package = ?)"
                                        " ORDER BY CASE WHEN v.attempt_id = ? THEN 0 ELSE 1 END, v.version LIMIT 1"),
                                    {version.name.project, version.name.model, TextOrNull(version.attempt_id),
                                     TextOrNull(version.package), TextOrNull(version.attempt_id)})));
}

Result<std::vector<ModelVersion>> FindVersions(db::Snapshot& snapshot, const ModelName& name, std::int64_t limit) {
  return ReadVersions(snapshot,
                      TRY(snapshot.Query(Cat("SELECT ", kVersionColumns,
                                             " FROM registry_versions v"
                                             " WHERE v.project = ? AND v.model = ? ORDER BY v.version DESC LIMIT ?"),
                                         {name.project, name.model, limit})));
}

Result<std::vector<ModelVersion>> FindVersionsOf(db::Snapshot& snapshot, std::string_view project,
                                                 std::string_view logged_model, std::int64_t limit) {
  return ReadVersions(
      snapshot, TRY(snapshot.Query(Cat("SELECT ", kVersionColumns,
                                       " FROM registry_versions v WHERE v.project = ? AND v.logged_model = ?"
                                       " AND v.logged_model <> '' ORDER BY v.created_at DESC, v.model, v.version DESC"
                                       " LIMIT ?"),
                                   {std::string(project), std::string(logged_model), limit})));
}

Result<std::vector<ModelVersion>> FindLatest(db::Snapshot& snapshot, std::string_view project,
                                             const std::vector<std::string>& models) {
  std::vector<ModelVersion> latest;
  for (const auto& names : NamesIn(models, [](const std::string& name) { return name; })) {
    db::Values values = {std::string(project)};
    const std::string in = InList("model", names, values);
    values.emplace_back(std::string(project));
    const db::Rows rows = TRY(
        snapshot.Query(Cat("SELECT ", kVersionColumns,
                           " FROM (SELECT model, stage, MAX(version) AS version FROM registry_versions"
                           " WHERE project = ? AND ",
                           in,
                           " GROUP BY model, stage) l JOIN registry_versions v ON v.project = ? AND v.model = l.model"
                           " AND v.version = l.version ORDER BY v.model, v.version"),
                       values));
    for (const db::Row& row : rows) latest.push_back(TRY(ReadVersion(row)));
  }
  TRY(AddAliasesAndTags(snapshot, latest));
  return latest;
}

Result<std::vector<std::int64_t>> VersionNumbers(db::Snapshot& snapshot, const ModelName& name, std::int64_t limit) {
  const db::Rows rows = TRY(snapshot.Query(
      "SELECT version FROM registry_versions WHERE project = ? AND model = ? ORDER BY version DESC LIMIT ?",
      {name.project, name.model, limit}));
  std::vector<std::int64_t> numbers;
  for (const db::Row& row : rows) numbers.push_back(row.Int(0));
  return numbers;
}

Status AddAliasesAndTags(db::Snapshot& snapshot, std::vector<ModelVersion>& versions) {
  if (versions.empty()) return Ok();
  std::map<std::pair<std::string, std::int64_t>, ModelVersion*> places;
  VersionRange range{versions[0].version, versions[0].version};
  for (ModelVersion& version : versions) {
    places[{version.model, version.version}] = &version;
    range = {std::min(range.first, version.version), std::max(range.last, version.version)};
  }
  for (const auto& names : NamesIn(versions, [](const ModelVersion& version) { return version.model; })) {
    for (const auto& [model, alias] : TRY(AliasesOf(snapshot, versions[0].project, names))) {
      if (const auto at = places.find({model, alias.version}); at != places.end()) {
        at->second->aliases.push_back(alias.alias);
      }
    }
    for (OwnedTag& tag : TRY(TagsOfVersions(snapshot, versions[0].project, names, range))) {
      if (const auto at = places.find({tag.model, tag.version}); at != places.end()) {
        at->second->tags[tag.key] = std::move(tag.value);
      }
    }
  }
  return Ok();
}

Status AddAliasesAndTags(db::Snapshot& snapshot, std::vector<Model>& models) {
  std::map<std::string, Model*> places;
  for (Model& model : models) places[model.name] = &model;
  for (const auto& names : NamesIn(models, [](const Model& model) { return model.name; })) {
    for (auto& [model, alias] : TRY(AliasesOf(snapshot, models[0].project, names))) {
      places.at(model)->aliases.push_back(std::move(alias));
    }
    for (OwnedTag& tag : TRY(TagsOfModels(snapshot, models[0].project, names))) {
      places.at(tag.model)->tags[tag.key] = std::move(tag.value);
    }
  }
  return Ok();
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
  const db::Rows versions = TRY(snapshot.Query(Cat("SELECT ", kVersionColumns,
                                                   " FROM registry_versions v WHERE v.project = ? AND v.created_at >= ?"
                                                   " ORDER BY v.created_at DESC, v.model DESC, v.version DESC LIMIT ?"),
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
