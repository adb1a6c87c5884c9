// A statement and its parameters, written side by side.
#include "tracking/run_search_store.h"

#include <limits>
#include <utility>

#include "base/text.h"
#include "tracking/name_store.h"

namespace mw::tracking::store {
namespace {

using search::Clause;
using search::Comparator;
using search::Entity;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// SQL with the values of its question marks.
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
  void Append(Sql other) {
    text += other.text;
    values.insert(values.end(), other.values.begin(), other.values.end());
  }
};

constexpr std::string_view kNothing = "1 = 0";

std::string_view OperatorOf(Comparator comparator) {
  switch (comparator) {
    case Comparator::kEqual: return " = ?";
    case Comparator::kNotEqual: return " <> ?";
    case Comparator::kLess: return " < ?";
    case Comparator::kLessOrEqual: return " <= ?";
    case Comparator::kGreater: return " > ?";
    case Comparator::kGreaterOrEqual: return " >= ?";
    case Comparator::kLike: return " LIKE ?";
    default: return "";
  }
}

/// `column` compared with a text, or with a list of them.
Sql TextTest(std::string_view column, const Clause& clause) {
  Sql sql;
  if (const auto* list = std::get_if<std::vector<std::string>>(&clause.value)) {
    const bool in = clause.comparator == Comparator::kIn;
    if (list->empty()) {
      sql.Add(in ? kNothing : "1 = 1");
      return sql;
    }
    sql.Add(column, in ? " IN (" : " NOT IN (");
    for (std::size_t i = 0; i < list->size(); ++i) {
      sql.Add(i == 0 ? "?" : ", ?");
      sql.Bind((*list)[i]);
    }
    sql.Add(")");
    return sql;
  }
  const std::string& text = std::get<std::string>(clause.value);
  if (clause.comparator == Comparator::kILike) {
    sql.Add("LOWER(", column, ") LIKE ?");
    sql.Bind(ToLower(text));
  } else {
    sql.Add(column, OperatorOf(clause.comparator));
    sql.Bind(text);
  }
  return sql;
}

Sql NumberTest(std::string_view column, const Clause& clause) {
  Sql sql;
  sql.Add(column, OperatorOf(clause.comparator));
  const auto& number = std::get<search::Number>(clause.value);
  if (number.integer) {
    sql.Bind(*number.integer);
  } else {
    sql.Bind(number.value);
  }
  return sql;
}

constexpr std::string_view kArtifactUri =
    "(CASE WHEN e.artifact_location = '' THEN 'mlflow-artifacts:/' || CAST(e.id AS TEXT) ELSE e.artifact_location END"
    " || '/' || r.id || '/artifacts')";

std::string_view ColumnOf(std::string_view attribute) {
  if (attribute == "run_id") return "r.id";
  if (attribute == "run_name") return "r.name";
  if (attribute == "status") return "UPPER(r.status)";
  if (attribute == "artifact_uri") return kArtifactUri;
  if (attribute == "user_id") return "r.user_id";
  return attribute == "end_time" ? "r.ended_at" : "r.started_at";
}

Sql AttributeTest(const Clause& clause) {
  const std::string_view column = ColumnOf(clause.key);
  return std::holds_alternative<search::Number>(clause.value) ? NumberTest(column, clause) : TextTest(column, clause);
}

/// The runs whose latest value fits. A NaN is no number, and fits nothing.
Sql MetricTest(const Clause& clause, std::int64_t name) {
  Sql sql;
  sql.Add("r.number IN (SELECT run FROM tracking_latest WHERE name = ? AND value", OperatorOf(clause.comparator),
          " AND value <> ?)");
  sql.Bind(name);
  sql.Bind(std::get<search::Number>(clause.value).value);
  sql.Bind(kNan);
  return sql;
}

Sql TextsTest(std::string_view table, const Clause& clause, std::int64_t name) {
  Sql sql;
  const bool absent = clause.comparator == Comparator::kIsNull;
  sql.Add("r.number ", absent ? "NOT " : "", "IN (SELECT run FROM ", table, " WHERE name = ?");
  sql.Bind(name);
  if (clause.comparator == Comparator::kEqual) {
    sql.Add(" AND head = ?");
    sql.Bind(HeadOf(std::get<std::string>(clause.value)));
  }
  if (!std::holds_alternative<std::monostate>(clause.value)) {
    sql.Add(" AND ");
    sql.Append(TextTest("value", clause));
  }
  sql.Add(")");
  return sql;
}

Result<Sql> Test(db::Snapshot& snapshot, const Clause& clause) {
  if (clause.entity == Entity::kAttribute) return AttributeTest(clause);
  Sql nothing;
  nothing.Add(clause.comparator == Comparator::kIsNull ? "1 = 1" : kNothing);
  const auto name = TRY(FindName(snapshot, clause.key));
  if (!name) return nothing;
  switch (clause.entity) {
    case Entity::kMetric: return MetricTest(clause, *name);
    case Entity::kParameter: return TextsTest("tracking_params", clause, *name);
    case Entity::kTag: return TextsTest("tracking_tags", clause, *name);
    default: break;
  }
  return nothing;
}

/// One key of the order: what is joined for it, and its rank (none when every run has it) and value as expressions.
struct Key {
  Sql join;
  Sql rank;
  std::string value;
  bool ascending = true;
};

Key AttributeKey(const search::OrderKey& order) {
  Key key;
  const std::string_view column = ColumnOf(order.key);
  key.ascending = order.ascending;
  key.value = column;
  if (order.key == "end_time") {
    key.rank.Add("CASE WHEN r.ended_at IS NULL THEN 2 ELSE 0 END");
    key.value = "COALESCE(r.ended_at, 0)";
  }
  return key;
}

Result<Key> JoinedKey(db::Snapshot& snapshot, const search::OrderKey& order, std::size_t index) {
  Key key;
  key.ascending = order.ascending;
  const bool metric = order.entity == Entity::kMetric;
  const std::string alias = Cat("o", index);
  const std::string_view table = metric                               ? "tracking_latest"
                                 : order.entity == Entity::kParameter ? "tracking_params"
                                                                      : "tracking_tags";
  key.join.Add(" LEFT JOIN ", table, " ", alias, " ON ", alias, ".run = r.number AND ", alias, ".name = ?");
  key.join.Bind(TRY(FindName(snapshot, order.key)).value_or(-1));
  key.rank.Add("CASE WHEN ", alias, ".value IS NULL THEN 2");
  if (metric) {
    key.rank.Add(" WHEN ", alias, ".value = ? THEN 1");
    key.rank.Bind(kNan);
  }
  key.rank.Add(" ELSE 0 END");
  key.value = metric ? Cat("COALESCE(", alias, ".value, 0.0)") : Cat("COALESCE(", alias, ".value, '')");
  return key;
}

Result<std::vector<Key>> KeysOf(db::Snapshot& snapshot, const search::OrderBy& order) {
  std::vector<Key> keys;
  for (const search::OrderKey& key : order) {
    if (key.entity == Entity::kAttribute) {
      keys.push_back(AttributeKey(key));
    } else {
      keys.push_back(TRY(JoinedKey(snapshot, key, keys.size())));
    }
  }
  return keys;
}

/// What comes behind the place: greater in the first expression that differs.
Sql Behind(const std::vector<Key>& keys, const RunPlace& place) {
  struct Step {
    Sql expression;
    bool ascending;
    std::variant<std::int64_t, double, std::string> value;
  };
  std::vector<Step> steps;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (!keys[i].rank.text.empty()) steps.push_back({keys[i].rank, true, place.keys[i].rank});
    // Among those that lack a key, or have a NaN, its value decides nothing.
    if (place.keys[i].rank != 0) continue;
    steps.push_back({{keys[i].value, {}}, keys[i].ascending, place.keys[i].value});
  }
  steps.push_back({{"r.started_at", {}}, false, place.started});
  steps.push_back({{"r.id", {}}, true, place.id});
  Sql sql;
  sql.Add(" AND (");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    sql.Add(i == 0 ? "(" : " OR (");
    for (std::size_t j = 0; j <= i; ++j) {
      sql.Add(j == 0 ? "" : " AND ");
      sql.Append(steps[j].expression);
      sql.Add(j < i ? " = ?" : steps[j].ascending ? " > ?" : " < ?");
      std::visit([&sql](const auto& value) { sql.Bind(value); }, steps[j].value);
    }
    sql.Add(")");
  }
  sql.Add(")");
  return sql;
}

Sql Scope(const RunQuery& query) {
  Sql sql;
  sql.Add(" WHERE r.experiment_id IN (");
  for (std::size_t i = 0; i < query.experiments.size(); ++i) {
    sql.Add(i == 0 ? "?" : ", ?");
    sql.Bind(std::int64_t{ParseInt(query.experiments[i].text()).value_or(-1)});
  }
  sql.Add(")");
  if (query.view == StageView::kAll) return sql;
  sql.Add(" AND r.stage = ?");
  sql.Bind(std::string(StageName(query.view == StageView::kActiveOnly ? Stage::kActive : Stage::kDeleted)));
  return sql;
}

Result<Sql> Statement(db::Snapshot& snapshot, const RunQuery& query) {
  const std::vector<Key> keys = TRY(KeysOf(snapshot, query.order));
  Sql sql;
  sql.Add("SELECT ", kRunColumns);
  for (const Key& key : keys) {
    sql.Add(key.rank.text.empty() ? ", 0" : ", ");
    sql.Append(key.rank);
    sql.Add(", ", key.value);
  }
  sql.Add(kRunTables);
  for (const Key& key : keys) sql.Append(key.join);
  sql.Append(Scope(query));
  for (const Clause& clause : query.filter) {
    sql.Add(" AND ");
    sql.Append(TRY(Test(snapshot, clause)));
  }
  if (query.after) sql.Append(Behind(keys, *query.after));
  sql.Add(" ORDER BY ");
  for (const Key& key : keys) {
    sql.Append(key.rank);
    sql.Add(key.rank.text.empty() ? "" : ", ", key.value, key.ascending ? " ASC, " : " DESC, ");
  }
  sql.Add("r.started_at DESC, r.id ASC LIMIT ?");
  sql.Bind(query.limit);
  return sql;
}

RunPlace::Key ReadKey(const db::Row& row, std::size_t column) {
  RunPlace::Key key;
  key.rank = row.Int(column);
  const db::Value& value = row.At(column + 1);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) key.value = *integer;
  if (const auto* number = std::get_if<double>(&value)) key.value = *number;
  if (const auto* text = std::get_if<std::string>(&value)) key.value = *text;
  if (key.rank != 0) key.value = std::int64_t{0};
  return key;
}

}  // namespace

Result<std::vector<FoundRun>> SearchRuns(db::Snapshot& snapshot, const RunQuery& query) {
  std::vector<FoundRun> found;
  if (query.experiments.empty()) return found;
  const Sql sql = TRY(Statement(snapshot, query));
  for (const db::Row& row : TRY(snapshot.Query(sql.text, sql.values))) {
    FoundRun run;
    run.stored = TRY(ReadRun(row));
    for (std::size_t column = kRunColumnCount; column + 1 < row.size(); column += 2) {
      run.place.keys.push_back(ReadKey(row, column));
    }
    run.place.started = run.stored.run.started;
    run.place.id = run.stored.run.id.text();
    found.push_back(std::move(run));
  }
  return found;
}

}  // namespace mw::tracking::store
