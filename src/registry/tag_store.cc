// SQL of tags.
#include "registry/tag_store.h"

#include "base/text.h"

namespace mw::registry::store {

std::string HeadOf(std::string_view value) {
  constexpr std::size_t kHeadBytes = 64;
  if (value.size() <= kHeadBytes) return std::string(value);
  std::size_t size = kHeadBytes;
  while (size > 0 && (static_cast<unsigned char>(value[size]) & 0xC0U) == 0x80U) --size;
  return std::string(value.substr(0, size));
}

std::string InList(std::string_view column, const std::vector<std::string>& texts, db::Values& values) {
  std::string sql = Cat(column, " IN (");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    sql += i == 0 ? "?" : ", ?";
    values.emplace_back(texts[i]);
  }
  return sql + ")";
}

Status SetTag(db::Transaction& transaction, const ModelName& name, const std::string& key, const std::string& value) {
  TRY(transaction.Execute(
      "INSERT INTO registry_model_tags (project, model, key, head, value) VALUES (?, ?, ?, ?, ?)"
      " ON CONFLICT (project, model, key) DO UPDATE SET head = excluded.head, value = excluded.value",
      {name.project, name.model, key, HeadOf(value), value}));
  return Ok();
}

Status SetTag(db::Transaction& transaction, const ModelName& name, std::int64_t version, const std::string& key,
              const std::string& value) {
  TRY(transaction.Execute(
      "INSERT INTO registry_version_tags (project, model, version, key, head, value) VALUES (?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (project, model, version, key) DO UPDATE SET head = excluded.head, value = excluded.value",
      {name.project, name.model, version, key, HeadOf(value), value}));
  return Ok();
}

Status DeleteTag(db::Transaction& transaction, const ModelName& name, const std::string& key) {
  TRY(transaction.Execute("DELETE FROM registry_model_tags WHERE project = ? AND model = ? AND key = ?",
                          {name.project, name.model, key}));
  return Ok();
}

Status DeleteTag(db::Transaction& transaction, const ModelName& name, std::int64_t version, const std::string& key) {
  TRY(transaction.Execute(
      "DELETE FROM registry_version_tags WHERE project = ? AND model = ? AND version = ? AND key = ?",
      {name.project, name.model, version, key}));
  return Ok();
}

Result<bool> IsPrompt(db::Snapshot& snapshot, const ModelName& name) {
  const db::Rows rows =
      TRY(snapshot.Query("SELECT value FROM registry_model_tags WHERE project = ? AND model = ? AND key = ?",
                         {name.project, name.model, std::string(kPromptTag)}));
  return !rows.empty() && EqualsIgnoreCase(rows[0].Text(0), "true");
}

Result<std::vector<OwnedTag>> TagsOfModels(db::Snapshot& snapshot, const std::string& project,
                                           const std::vector<std::string>& models) {
  std::vector<OwnedTag> tags;
  if (models.empty()) return tags;
  db::Values values = {project};
  const std::string in = InList("model", models, values);
  const db::Rows rows =
      TRY(snapshot.Query(Cat("SELECT model, key, value FROM registry_model_tags WHERE project = ? AND ", in), values));
  for (const db::Row& row : rows) tags.push_back({row.Text(0), 0, row.Text(1), row.Text(2)});
  return tags;
}

Result<std::vector<OwnedTag>> TagsOfVersions(db::Snapshot& snapshot, const std::string& project,
                                             const std::vector<std::string>& models, VersionRange range) {
  std::vector<OwnedTag> tags;
  if (models.empty()) return tags;
  db::Values values = {project};
  const std::string in = InList("model", models, values);
  values.insert(values.end(), {range.first, range.last});
  const db::Rows rows = TRY(snapshot.Query(Cat("SELECT model, version, key, value FROM registry_version_tags"
                                               " WHERE project = ? AND ",
                                               in, " AND version >= ? AND version <= ?"),
                                           values));
  for (const db::Row& row : rows) tags.push_back({row.Text(0), row.Int(1), row.Text(2), row.Text(3)});
  return tags;
}

}  // namespace mw::registry::store
