// SQL of clauses.
#include "tracking/run_clause_store.h"

#include <utility>

#include "base/text.h"
#include "search/like.h"
#include "tracking/name_store.h"
#include "tracking/run_store.h"

namespace mw::tracking::store {
namespace {

constexpr std::string_view kArtifactUri =
    "(CASE WHEN e.artifact_location = '' THEN 'mlflow-artifacts:/' || CAST(e.id AS TEXT) ELSE e.artifact_location END"
    " || '/' || r.id || '/artifacts')";

}  // namespace

std::string_view ColumnOf(std::string_view attribute) {
  if (attribute == "run_id") return "r.id";
  if (attribute == "run_name") return "r.name";
  if (attribute == "status") return "UPPER(r.status)";
  if (attribute == "artifact_uri") return kArtifactUri;
  if (attribute == "user_id") return "r.user_id";
  return attribute == "end_time" ? "r.ended_at" : "r.started_at";
}

namespace {

using search::Clause;
using search::Comparator;
using search::Entity;

/// Of a pattern's beginning that an index looks up: below kHeadBytes, whatever characters follow.
constexpr std::size_t kPrefixBytesMax = 60;

constexpr std::string_view kNothing = "1 = 0";
constexpr std::string_view kDatasetsOfRuns = "tracking_inputs x JOIN tracking_datasets s ON s.id = x.dataset";

std::string_view OperatorOf(Comparator comparator) {
  switch (comparator) {
    case Comparator::kEqual: return " = ?";
    case Comparator::kNotEqual: return " <> ?";
    case Comparator::kLess: return " < ?";
    case Comparator::kLessOrEqual: return " <= ?";
    case Comparator::kGreater: return " > ?";
    case Comparator::kGreaterOrEqual: return " >= ?";
    case Comparator::kLike:
    case Comparator::kILike: return R"( LIKE ? ESCAPE '\')";
    default: return "";
  }
}

}  // namespace

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
    sql.Add("LOWER(", column, ")", OperatorOf(clause.comparator));
    sql.Bind(search::EscapedPattern(ToLower(text)));
  } else {
    sql.Add(column, OperatorOf(clause.comparator));
    sql.Bind(clause.comparator == Comparator::kLike ? search::EscapedPattern(text) : text);
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

Sql Behind(const std::vector<OrderStep>& steps) {
  Sql sql;
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
  return sql;
}

namespace {

ClauseSql AttributeClause(const Clause& clause) {
  const std::string_view column = ColumnOf(clause.key);
  ClauseSql out;
  if (std::holds_alternative<search::Number>(clause.value)) {
    out.test = NumberTest(column, clause);
    return out;
  }
  out.test = TextTest(column, clause);
  if (clause.key != "status" || clause.comparator != Comparator::kEqual) return out;
  Sql where;
  where.Add("d.status = ?");
  where.Bind(ToLower(std::get<std::string>(clause.value)));
  out.source = Source{"tracking_runs", std::move(where), "d.number"};
  return out;
}

/// The value of the row `alias` fits. A NaN is no number, and fits nothing.
Sql MetricTest(std::string_view alias, std::string_view value, const Clause& clause, std::int64_t name) {
  Sql sql;
  sql.Add(alias, ".name = ? AND ", value, OperatorOf(clause.comparator), " AND ", value, " < ?");
  sql.Bind(name);
  sql.Bind(std::get<search::Number>(clause.value).value);
  sql.Bind(kNan);
  return sql;
}

ClauseSql MetricClause(const Clause& clause, std::int64_t name) {
  ClauseSql out;
  out.test.Add("EXISTS (SELECT 1 FROM ", kLatestTable, " x WHERE x.run = r.number AND ");
  out.test.Append(MetricTest("x", "x.value", clause, name));
  out.test.Add(")");
  if (clause.comparator == Comparator::kNotEqual) return out;
  out.source = Source{kLatestTable, MetricTest("d", "d.value", clause, name)};
  return out;
}

/// What every text that fits the pattern begins with, as far as it is ASCII.
std::string_view PrefixOf(std::string_view pattern) {
  std::size_t size = 0;
  while (size < pattern.size() && size < kPrefixBytesMax && pattern[size] != '%' && pattern[size] != '_' &&
         pattern[size] > ' ' && pattern[size] < '~') {
    ++size;
  }
  return pattern.substr(0, size);
}

/// Where an index finds the rows, when it does.
std::optional<Sql> HeadsThatFit(std::string_view head, const Clause& clause) {
  Sql sql;
  if (clause.comparator == Comparator::kIsNotNull) {
    sql.Add("1 = 1");
  } else if (clause.comparator == Comparator::kEqual) {
    sql.Add(head, " = ?");
    sql.Bind(HeadOf(std::get<std::string>(clause.value)));
  } else if (clause.comparator == Comparator::kIn) {
    const auto& list = std::get<std::vector<std::string>>(clause.value);
    if (list.empty()) return std::nullopt;
    for (std::size_t i = 0; i < list.size(); ++i) {
      sql.Add(i == 0 ? head : ", ?", i == 0 ? " IN (?" : "");
      sql.Bind(HeadOf(list[i]));
    }
    sql.Add(")");
  } else if (clause.comparator == Comparator::kLike) {
    std::string prefix(PrefixOf(std::get<std::string>(clause.value)));
    if (prefix.empty()) return std::nullopt;
    sql.Add(head, " >= ? AND ", head, " < ?");
    sql.Bind(prefix);
    ++prefix.back();
    sql.Bind(prefix);
  } else {
    return std::nullopt;
  }
  return sql;
}

ClauseSql TextsClause(std::string_view table, const Clause& clause, std::int64_t name) {
  ClauseSql out;
  const bool absent = clause.comparator == Comparator::kIsNull;
  out.test.Add(absent ? "NOT " : "", "EXISTS (SELECT 1 FROM ", table, " x WHERE x.run = r.number AND x.name = ?");
  out.test.Bind(name);
  if (!std::holds_alternative<std::monostate>(clause.value)) {
    out.test.Add(" AND ");
    out.test.Append(TextTest("x.value", clause));
  }
  out.test.Add(")");
  if (auto heads = HeadsThatFit("d.head", clause)) {
    Sql where;
    where.Add("d.name = ? AND ");
    where.Bind(name);
    where.Append(*std::move(heads));
    out.source = Source{table, std::move(where)};
  }
  return out;
}

/// Below so many characters, of up to 4 bytes each, no head is cut off.
constexpr std::size_t kWholeCharacters = kHeadBytes / 4;

/// Columns of d that no index is looked up by.
constexpr std::string_view kPlainValue = "(+d.value)";
constexpr std::string_view kPlainHead = "(d.head || '')";

Sql WhereHead(std::string_view head, const Clause& clause, std::int64_t name) {
  Sql where;
  where.Add("d.name = ?");
  where.Bind(name);
  if (std::holds_alternative<std::monostate>(clause.value)) return where;
  if (auto heads = HeadsThatFit(head, clause)) {
    where.Add(" AND ");
    where.Append(*std::move(heads));
  }
  where.Add(" AND (");
  where.Append(TextTest(head, clause));
  where.Add(" OR LENGTH(d.head) >= ", kWholeCharacters, ")");
  return where;
}

ClauseWalk TextsWalk(std::string_view table, const Clause& clause, std::int64_t name) {
  ClauseWalk walk{table};
  walk.lacking = clause.comparator == Comparator::kIsNull;
  walk.where = WhereHead("d.head", clause, name);
  walk.onwards = WhereHead(kPlainHead, clause, name);
  if (std::holds_alternative<std::monostate>(clause.value)) return walk;
  walk.head_test.Add(", CASE WHEN ");
  walk.head_test.Append(TextTest("d.head", clause));
  walk.head_test.Add(" THEN 1 ELSE 0 END");
  walk.value_test.Add("d.name = ? AND ");
  walk.value_test.Bind(name);
  walk.value_test.Append(TextTest("d.value", clause));
  return walk;
}

/// A run fits when one of its datasets does.
ClauseSql DatasetClause(const Clause& clause) {
  const bool context = clause.key == "context";
  ClauseSql out;
  out.test.Add("EXISTS (SELECT 1 FROM ", context ? "tracking_input_tags x" : kDatasetsOfRuns,
               " WHERE x.run = r.number AND ");
  Sql where;
  where.Add("d.number IN (SELECT x.run FROM ");
  if (context) {
    out.test.Add("x.key = ? AND ");
    out.test.Bind(std::string(kContextTag));
    out.test.Append(TextTest("x.value", clause));
  } else {
    out.test.Append(TextTest(Cat("s.", clause.key), clause));
  }
  out.test.Add(")");
  if (const auto heads = context ? HeadsThatFit("d.head", clause) : std::nullopt) {
    where.Add("(SELECT d.run FROM tracking_input_tags d WHERE d.key = ? AND ");
    where.Bind(std::string(kContextTag));
    where.Append(*heads);
    where.Add(") x)");
    out.source = Source{"tracking_runs", std::move(where), "d.number"};
  } else if (!context && (clause.comparator == Comparator::kEqual || clause.comparator == Comparator::kIn)) {
    where.Add(kDatasetsOfRuns, " WHERE ");
    where.Append(TextTest(Cat("s.", clause.key), clause));
    where.Add(")");
    out.source = Source{"tracking_runs", std::move(where), "d.number"};
  }
  return out;
}

}  // namespace

std::string_view TableOf(Entity entity) {
  if (entity == Entity::kMetric) return kLatestTable;
  return entity == Entity::kParameter ? "tracking_params" : "tracking_tags";
}

Result<ClauseSql> ClauseOf(db::Snapshot& snapshot, const Clause& clause) {
  if (clause.entity == Entity::kAttribute) return AttributeClause(clause);
  if (clause.entity == Entity::kDataset) return DatasetClause(clause);
  ClauseSql nothing;
  nothing.test.Add(clause.comparator == Comparator::kIsNull ? "1 = 1" : kNothing);
  const auto name = TRY(FindName(snapshot, clause.key));
  if (!name) return nothing;
  switch (clause.entity) {
    case Entity::kMetric: return MetricClause(clause, *name);
    case Entity::kParameter:
    case Entity::kTag: return TextsClause(TableOf(clause.entity), clause, *name);
    default: break;
  }
  return nothing;
}

Result<ClauseWalk> WalkOf(db::Snapshot& snapshot, const Clause& clause) {
  // No row has the name -1.
  const std::int64_t name = TRY(FindName(snapshot, clause.key))
  .value_or(-1);
  if (clause.entity == Entity::kMetric) {
    ClauseWalk walk{kLatestTable};
    walk.where = MetricTest("d", "d.value", clause, name);
    walk.onwards = MetricTest("d", kPlainValue, clause, name);
    return walk;
  }
  if (clause.entity == Entity::kParameter || clause.entity == Entity::kTag) {
    return TextsWalk(TableOf(clause.entity), clause, name);
  }
  ClauseWalk nothing{kLatestTable};
  nothing.where.Add(kNothing);
  nothing.onwards = nothing.where;
  return nothing;
}

}  // namespace mw::tracking::store
