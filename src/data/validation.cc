// The rules as SQL conditions: one scan counts them all, a second look only where something was found.
#include "data/validation.h"

#include <algorithm>

#include "base/text.h"

namespace mw::data {
namespace {

using schema::Column;
using schema::ColumnType;

/// A rule about rows of one column.
struct Rule {
  const Column* column;
  std::string name;
  std::string condition;  ///< SQL, true for a row with a finding
  std::string limit;
  std::string worst_first;  ///< SQL ORDER BY of the examples
};

/// What the rows have and what the schema says, for one column.
struct Pair {
  const Column* declared;
  const ResultColumn* actual;  ///< nullptr: the rows lack it
};

bool IsNumber(ColumnType type) { return type == ColumnType::kFloat || type == ColumnType::kInteger; }

/// Whether some value of `actual` can stand for one of `declared`.
bool CanRead(ColumnType actual, ColumnType declared) {
  if (IsText(actual)) return true;
  if (IsText(declared)) return false;
  if (declared == ColumnType::kTimestamp || actual == ColumnType::kTimestamp) return actual == declared;
  return true;
}

std::string_view SqlType(ColumnType type) {
  switch (type) {
    case ColumnType::kFloat: return "DOUBLE";
    case ColumnType::kInteger: return "BIGINT";
    case ColumnType::kBoolean: return "BOOLEAN";
    case ColumnType::kTimestamp: return "TIMESTAMP WITH TIME ZONE";
    default: return "VARCHAR";
  }
}

/// The column as its declared type, NULL where it does not read as that.
std::string Reading(const Pair& pair) {
  std::string name = SqlName(pair.declared->name);
  const ColumnType declared = pair.declared->type;
  const ColumnType actual = pair.actual->type;
  if (actual == declared || (IsText(actual) && IsText(declared))) return name;
  if (declared == ColumnType::kBoolean && IsNumber(actual)) {
    return Cat("CASE ", name, " WHEN 1 THEN true WHEN 0 THEN false END");
  }
  return Cat("TRY_CAST(", name, " AS ", SqlType(declared), ")");
}

/// The number behind a numeric column, NULL for what is none.
std::string Number(const Pair& pair) { return Cat("TRY_CAST(", SqlName(pair.declared->name), " AS DOUBLE)"); }

std::string UnitText(const Column& column) { return column.unit.empty() ? std::string() : Cat(" ", column.unit); }

void AddTypeRule(const Pair& pair, std::vector<Rule>& rules) {
  const Column& column = *pair.declared;
  const std::string name = SqlName(column.name);
  std::string condition = Cat(name, " IS NOT NULL AND (", Reading(pair), ") IS NULL");
  if (column.type == ColumnType::kInteger && pair.actual->type != ColumnType::kInteger) {
    const std::string number = Number(pair);
    condition = Cat(name, " IS NOT NULL AND (", number, " IS NULL OR ", number, " <> floor(", number, "))");
  } else if (Reading(pair) == name) {
    return;
  }
  rules.push_back({&column, "type", condition, Cat("type ", schema::TypeName(column.type)), name});
}

void AddRangeRules(const Pair& pair, std::vector<Rule>& rules) {
  const Column& column = *pair.declared;
  const std::string number = Number(pair);
  // NaN is a missing value, not one above every limit.
  if (column.min) {
    rules.push_back({&column, "min", Cat(number, " < ", *column.min, "::DOUBLE"),
                     Cat("min ", *column.min, UnitText(column)), number});
  }
  if (column.max) {
    rules.push_back({&column, "max", Cat(number, " > ", *column.max, "::DOUBLE AND NOT isnan(", number, ")"),
                     Cat("max ", *column.max, UnitText(column)), number + " DESC"});
  }
}

void AddVocabularyRule(const Pair& pair, std::vector<Rule>& rules) {
  const Column& column = *pair.declared;
  if (column.type != ColumnType::kCategory || column.vocabulary.empty()) return;
  std::vector<std::string> values;
  for (const std::string& value : column.vocabulary) values.push_back(SqlText(value));
  const std::string name = SqlName(column.name);
  rules.push_back({&column, "vocabulary", Cat(name, " NOT IN (", Join(values, ", "), ")"),
                   Cat("a vocabulary of ", column.vocabulary.size()), name});
}

std::vector<Rule> RowRules(const std::vector<Pair>& pairs) {
  std::vector<Rule> rules;
  for (const Pair& pair : pairs) {
    if (pair.actual == nullptr || !CanRead(pair.actual->type, pair.declared->type)) continue;
    AddTypeRule(pair, rules);
    const std::string name = SqlName(pair.declared->name);
    if (pair.declared->required) {
      rules.push_back({pair.declared, "required", name + " IS NULL", "required", ""});
    }
    AddRangeRules(pair, rules);
    AddVocabularyRule(pair, rules);
  }
  return rules;
}

/// As people read it: numbers with at most two decimals, texts quoted.
std::string Shown(const Json& value) {
  if (value.IsString()) return Quoted(value.AsString());
  if (value.IsInt()) return Cat(value.AsInt());
  if (!value.IsNumber()) return value.Dump();
  std::string text = Fixed(value.AsDouble(), 2);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

Finding ColumnFinding(const Column& column, std::string_view rule, Concern concern, std::string_view limit,
                      std::string_view message) {
  Finding finding;
  finding.column = column.name;
  finding.rule = rule;
  finding.concern = concern;
  finding.limit = limit;
  finding.message = Cat(column.name, ": ", message);
  return finding;
}

class Validator {
 public:
  Validator(DuckdbSession& session, std::string_view table, const Roles& roles)
      : session_(session), table_(SqlName(table)), roles_(roles) {}

  Result<Validation> Run(const schema::Schema& schema, const std::map<std::string, double>& max_missing) {
    columns_ = TRY(session_.Describe(Cat("SELECT * FROM ", table_)));
    for (const Column& column : schema.columns) pairs_.push_back({&column, FindActual(column.name)});
    TRY(CountRows(schema, max_missing));
    CheckColumns();
    TRY(CheckRows());
    NoteUndeclared(schema);
    validation_.select_list = SelectList(schema);
    return std::move(validation_);
  }

 private:
  const ResultColumn* FindActual(std::string_view name) const {
    const auto found = std::find_if(columns_.begin(), columns_.end(), [&](const auto& c) { return c.name == name; });
    return found == columns_.end() ? nullptr : &*found;
  }

  Status CountRows(const schema::Schema& schema, const std::map<std::string, double>& max_missing) {
    validation_.rows = TRY(session_.Query(Cat("SELECT count(*) FROM ", table_)))
    [0][0].AsInt();
    for (const auto& [name, share] : max_missing) {
      const Column* column = schema.Find(name);
      if (column == nullptr) return InvalidArgument("max_missing: the schema has no column ", Quoted(name));
      if (FindActual(name) != nullptr) TRY(CheckMissing(*column, share));
    }
    return Ok();
  }

  Status CheckMissing(const Column& column, double share) {
    const auto rows =
        TRY(session_.Query(Cat("SELECT count(*) FILTER (", SqlName(column.name), " IS NULL) FROM ", table_)));
    const std::int64_t missing = rows[0][0].AsInt();
    const double actual =
        validation_.rows == 0 ? 0 : static_cast<double>(missing) / static_cast<double>(validation_.rows);
    if (actual <= share) return Ok();
    Finding finding = ColumnFinding(
        column, "missing", Concern::kColumn, Cat("at most ", Fixed(100 * share, 1), " %"),
        Cat(Fixed(100 * actual, 1), " % of the rows have no value; allowed are ", Fixed(100 * share, 1), " %"));
    finding.count = missing;
    finding.value = actual;
    validation_.findings.push_back(std::move(finding));
    return Ok();
  }

  void CheckColumns() {
    std::vector<std::string_view> names;
    for (const ResultColumn& column : columns_) names.push_back(column.name);
    for (const Pair& pair : pairs_) {
      const Column& column = *pair.declared;
      if (pair.actual == nullptr) {
        const std::string_view nearest = Nearest(column.name, names);
        validation_.findings.push_back(
            ColumnFinding(column, "present", Concern::kColumn, "present",
                          nearest.empty() ? std::string("the rows have no such column")
                                          : Cat("the rows have no such column; the nearest is ", Quoted(nearest))));
      } else if (!CanRead(pair.actual->type, column.type)) {
        validation_.findings.push_back(
            ColumnFinding(column, "type", Concern::kColumn, Cat("type ", schema::TypeName(column.type)),
                          Cat("the rows have a ", schema::TypeName(pair.actual->type), ", the schema says ",
                              schema::TypeName(column.type), "; cast it in the query or change the schema")));
      }
    }
  }

  Status CheckRows() {
    const std::vector<Rule> rules = RowRules(pairs_);
    if (rules.empty()) return Ok();
    std::vector<std::string> counts;
    std::vector<std::string> conditions;
    for (const Rule& rule : rules) {
      conditions.push_back(Cat("coalesce(", rule.condition, ", false)"));
      counts.push_back(Cat("count(*) FILTER (", rule.condition, ")"));
    }
    const std::string bad = Join(conditions, " OR ");
    const auto found =
        TRY(session_.Query(Cat("SELECT ", Join(counts, ", "), ", count(*) FILTER (", bad, ") FROM ", table_)))
    [0];
    validation_.rows_with_findings = found.back().AsInt();
    if (validation_.rows_with_findings > 0) validation_.bad_row = bad;
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (found[i].AsInt() > 0) validation_.findings.push_back(TRY(Describe(rules[i], found[i].AsInt())));
    }
    return Ok();
  }

  Result<Finding> Describe(const Rule& rule, std::int64_t count) {
    Finding finding;
    finding.column = rule.column->name;
    finding.rule = rule.name;
    finding.count = count;
    finding.limit = rule.limit;
    std::vector<std::string> names;
    for (const std::string& name : {roles_.key, roles_.event_time, rule.column->name}) {
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    const auto rows = TRY(session_.Query(ExamplesSql(rule, names)));
    for (const auto& row : rows) {
      Json example = Json::MakeObject();
      for (std::size_t i = 0; i < names.size(); ++i) example[names[i]] = row[i];
      finding.examples.Append(std::move(example));
    }
    finding.value = *finding.examples.AsArray().front().Find(rule.column->name);
    finding.message = Message(finding, rule);
    return finding;
  }

  std::string ExamplesSql(const Rule& rule, const std::vector<std::string>& names) const {
    std::vector<std::string> selected;
    for (const std::string& name : names) selected.push_back(SqlName(name));
    std::vector<std::string> order;
    if (!rule.worst_first.empty()) order.push_back(rule.worst_first);
    if (!roles_.event_time.empty()) order.push_back(SqlName(roles_.event_time));
    if (!roles_.key.empty()) order.push_back(SqlName(roles_.key));
    return Cat("SELECT ", Join(selected, ", "), " FROM ", table_, " WHERE ", rule.condition,
               order.empty() ? std::string() : Cat(" ORDER BY ", Join(order, ", ")), " LIMIT ", kExamplesMax);
  }

  std::string Message(const Finding& finding, const Rule& rule) const {
    std::string where;
    const Json& example = finding.examples.AsArray().front();
    for (const std::string& role : {roles_.key, roles_.event_time}) {
      const Json* value = role.empty() || role == finding.column ? nullptr : example.Find(role);
      if (value != nullptr)
        CatTo(where, where.empty() ? " (" : ", ", value->IsString() ? value->AsString() : Shown(*value));
    }
    if (!where.empty()) where += ")";
    const std::string rows = Cat(WithThousands(finding.count), finding.count == 1 ? " row" : " rows");
    if (rule.name == "required") return Cat(finding.column, ": ", rows, " without a value", where);
    return Cat(finding.column, ": ", rows, " against ", rule.limit, ", e.g. ", Shown(finding.value),
               finding.value.IsString() ? "" : UnitText(*rule.column), where);
  }

  void NoteUndeclared(const schema::Schema& schema) {
    for (const ResultColumn& actual : columns_) {
      if (schema.Find(actual.name) != nullptr) continue;
      Column column;
      column.name = actual.name;
      validation_.findings.push_back(
          ColumnFinding(column, "undeclared", Concern::kNote, "", "the schema does not name this column"));
    }
  }

  std::string SelectList(const schema::Schema& schema) const {
    std::vector<std::string> selected;
    for (const ResultColumn& actual : columns_) {
      const Column* declared = schema.Find(actual.name);
      const bool readable = declared != nullptr && CanRead(actual.type, declared->type);
      const std::string name = SqlName(actual.name);
      selected.push_back(readable ? Cat(Reading({declared, &actual}), " AS ", name) : name);
    }
    return Join(selected, ", ");
  }

  DuckdbSession& session_;
  std::string table_;
  const Roles& roles_;
  std::vector<ResultColumn> columns_;
  std::vector<Pair> pairs_;
  Validation validation_;
};

}  // namespace

Json ToJson(const Finding& finding) {
  constexpr std::string_view kConcerns[] = {"rows", "column", "note"};
  return Json::Make({{"column", finding.column},
                     {"rule", finding.rule},
                     {"concern", kConcerns[static_cast<std::size_t>(finding.concern)]},
                     {"limit", finding.limit},
                     {"count", finding.count},
                     {"value", finding.value},
                     {"message", finding.message},
                     {"examples", finding.examples}});
}

bool Validation::HasColumnFindings() const {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& f) { return f.concern == Concern::kColumn; });
}

Result<Validation> Validate(DuckdbSession& session, std::string_view table, const Roles& roles,
                            const schema::Schema& schema, const std::map<std::string, double>& max_missing) {
  return Validator(session, table, roles).Run(schema, max_missing);
}

}  // namespace mw::data
