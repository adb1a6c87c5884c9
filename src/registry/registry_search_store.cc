// A statement and its values, written side by side.
#include "registry/registry_search_store.h"

#include <algorithm>

#include "base/text.h"
#include "registry/registry_store.h"
#include "registry/tag_store.h"
#include "search/like.h"

namespace mw::registry::store {
namespace {

using search::Clause;
using search::Comparator;

/// The greatest character: what begins with a text lies between it and it with this behind.
constexpr std::string_view kLastCharacter = "\xF4\x8F\xBF\xBF";

struct Sql {
  std::string text;
  db::Values values;
  template <typename... Parts>
  void Add(const Parts&... parts) {
    CatTo(text, parts...);
  }
  template <typename Value>
  void Bind(const Value& value) {
    values.emplace_back(value);
  }
};

/// What is searched: its columns, and the table of its tags.
struct Kind {
  std::string_view row, columns, table, name, version, tags;
  [[nodiscard]] bool of_versions() const { return !version.empty(); }
  [[nodiscard]] std::string Column(std::string_view key) const {
    if (key == "name") return Cat(row, ".", name);
    if (key == "version_number") return Cat(row, ".version");
    if (key == "run_id") return Cat(row, ".run_id");
    if (key == "source_path") return Cat(row, ".source_uri");
    return Cat(row, key == "creation_timestamp" ? ".created_at" : ".updated_at");
  }
};

Kind ModelKind() { return {"m", kModelColumns, "registry_models", "name", "", "registry_model_tags"}; }
Kind VersionKind() { return {"v", kVersionColumns, "registry_versions", "model", "version", "registry_version_tags"}; }

std::string_view OperatorOf(Comparator comparator) {
  switch (comparator) {
    case Comparator::kEqual: return " = ?";
    case Comparator::kNotEqual: return " <> ?";
    case Comparator::kLess: return " < ?";
    case Comparator::kLessOrEqual: return " <= ?";
    case Comparator::kGreater: return " > ?";
    case Comparator::kGreaterOrEqual: return " >= ?";
    default: return R"( LIKE ? ESCAPE '\')";
  }
}

/// The texts that fit a pattern lie in a range of the column's index.
void AddRange(Sql& sql, std::string_view column, std::string_view pattern) {
  const std::string begin(pattern.substr(0, pattern.find_first_of("%_")));
  if (begin.empty()) return;
  sql.Add(" AND ", column, " >= ? AND ", column, " <= ?");
  sql.Bind(begin);
  sql.Bind(Cat(begin, kLastCharacter));
}

void AddTextTest(Sql& sql, std::string_view column, const Clause& clause) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&clause.value)) {
    if (clause.comparator == Comparator::kNotIn) sql.Add("NOT ");
    sql.Add("(", InList(column, *list, sql.values), ")");
    return;
  }
  const std::string& text = std::get<std::string>(clause.value);
  if (clause.comparator == Comparator::kILike) {
    sql.Add("LOWER(", column, ")", OperatorOf(clause.comparator));
    sql.Bind(search::EscapedPattern(ToLower(text)));
    return;
  }
  sql.Add(column, OperatorOf(clause.comparator));
  sql.Bind(clause.comparator == Comparator::kLike ? search::EscapedPattern(text) : text);
  if (clause.comparator == Comparator::kLike) AddRange(sql, column, text);
}

void AddNumberTest(Sql& sql, std::string_view column, const Clause& clause) {
  sql.Add(column, OperatorOf(clause.comparator));
  const auto& number = std::get<search::Number>(clause.value);
  if (number.integer) {
    sql.Bind(*number.integer);
  } else {
    sql.Bind(number.value);
  }
}

void AddTagTest(Sql& sql, const Kind& kind, const SearchQuery& query, const Clause& clause) {
  if (kind.of_versions()) {
    sql.Add("(v.model, v.version) IN (SELECT t.model, t.version FROM ", kind.tags);
  } else {
    sql.Add("m.name IN (SELECT t.model FROM ", kind.tags);
  }
  sql.Add(" t WHERE t.project = ? AND t.key = ?");
  sql.Bind(query.project);
  sql.Bind(clause.key);
  if (clause.comparator == Comparator::kEqual) {
    sql.Add(" AND t.head = ?");
    sql.Bind(HeadOf(std::get<std::string>(clause.value)));
  }
  sql.Add(" AND ");
  AddTextTest(sql, "t.value", clause);
  sql.Add(")");
}

void AddNoPrompts(Sql& sql, const Kind& kind) {
  sql.Add(" AND NOT EXISTS (SELECT 1 FROM registry_model_tags p WHERE p.project = ", kind.row,
          ".project AND p.model = ", kind.row, ".", kind.name, " AND p.key = ? AND p.value = 'true')");
  sql.Bind(std::string(kPromptTag));
}

void AddClause(Sql& sql, const Kind& kind, const SearchQuery& query, const Clause& clause) {
  sql.Add(" AND ");
  if (clause.entity == search::Entity::kTag) return AddTagTest(sql, kind, query, clause);
  const std::string column = kind.Column(clause.key);
  if (std::holds_alternative<search::Number>(clause.value)) return AddNumberTest(sql, column, clause);
  AddTextTest(sql, column, clause);
}

void BindPlace(Sql& sql, const SearchPlace::value_type& value) {
  std::visit([&sql](const auto& one) { sql.Bind(one); }, value);
}

/// What comes behind the place: greater in the first key that differs. The first key's bound by itself is what an index
/// is entered by.
void AddBehind(Sql& sql, const Kind& kind, const SearchQuery& query) {
  sql.Add(" AND ", kind.Column(query.order[0].key), query.order[0].ascending ? " >= ?" : " <= ?");
  BindPlace(sql, query.after[0]);
  sql.Add(" AND (");
  for (std::size_t i = 0; i < query.order.size(); ++i) {
    sql.Add(i == 0 ? "(" : " OR (");
    for (std::size_t j = 0; j <= i; ++j) {
      const SearchKey& key = query.order[j];
      sql.Add(j == 0 ? "" : " AND ", kind.Column(key.key), j < i ? " = ?" : key.ascending ? " > ?" : " < ?");
      BindPlace(sql, query.after[j]);
    }
    sql.Add(")");
  }
  sql.Add(")");
}

/// One more than the page holds, to see whether there is another.
Sql Statement(const Kind& kind, const SearchQuery& query) {
  Sql sql;
  sql.Add("SELECT ", kind.columns, " FROM ", kind.table, " ", kind.row, " WHERE ", kind.row, ".project = ?");
  sql.Bind(query.project);
  const bool prompts = AsksForPrompts(query.filter);
  if (!prompts) AddNoPrompts(sql, kind);
  for (const Clause& clause : query.filter) {
    const bool of_prompts = clause.entity == search::Entity::kTag && clause.key == kPromptTag;
    if (prompts || !of_prompts) AddClause(sql, kind, query, clause);
  }
  if (!query.after.empty()) AddBehind(sql, kind, query);
  sql.Add(" ORDER BY ");
  for (std::size_t i = 0; i < query.order.size(); ++i) {
    sql.Add(i == 0 ? "" : ", ", kind.Column(query.order[i].key), query.order[i].ascending ? " ASC" : " DESC");
  }
  sql.Add(" LIMIT ?");
  sql.Bind(query.limit + 1);
  return sql;
}

template <typename Item>
SearchPlace PlaceOf(const Item& item, const std::string& name, std::int64_t version, const SearchQuery& query) {
  SearchPlace place;
  for (const SearchKey& key : query.order) {
    if (key.key == "name") {
      place.emplace_back(name);
    } else if (key.key == "version_number") {
      place.emplace_back(version);
    } else {
      place.emplace_back(ToMicros(key.key == "creation_timestamp" ? item.created : item.updated));
    }
  }
  return place;
}

}  // namespace

Result<ModelPage> SearchModels(db::Snapshot& snapshot, const SearchQuery& query) {
  const Sql sql = Statement(ModelKind(), query);
  ModelPage page;
  for (const db::Row& row : TRY(snapshot.Query(sql.text, sql.values))) page.models.push_back(ReadModel(row));
  if (page.models.size() > static_cast<std::size_t>(query.limit)) {
    page.models.pop_back();
    page.next = PlaceOf(page.models.back(), page.models.back().name, 0, query);
  }
  TRY(AddAliasesAndTags(snapshot, page.models));
  std::map<std::string, Model*> places;
  std::vector<std::string> names;
  for (Model& model : page.models) {
    places[model.name] = &model;
    names.push_back(model.name);
  }
  for (ModelVersion& version : TRY(FindLatest(snapshot, query.project, names))) {
    std::vector<ModelVersion>& latest = places.at(version.model)->latest;
    latest.push_back(std::move(version));
  }
  return page;
}

Result<VersionPage> SearchVersions(db::Snapshot& snapshot, const SearchQuery& query) {
  const Sql sql = Statement(VersionKind(), query);
  VersionPage page;
  for (const db::Row& row : TRY(snapshot.Query(sql.text, sql.values))) page.versions.push_back(TRY(ReadVersion(row)));
  if (page.versions.size() > static_cast<std::size_t>(query.limit)) {
    page.versions.pop_back();
    page.next = PlaceOf(page.versions.back(), page.versions.back().model, page.versions.back().version, query);
  }
  TRY(AddAliasesAndTags(snapshot, page.versions));
  return page;
}

}  // namespace mw::registry::store
