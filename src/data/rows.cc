// From a row query to SQL over the dataset's file.
#include "data/rows.h"

#include "base/text.h"

namespace mw::data {
namespace {

constexpr std::string_view kRowsTable = "mw_rows";

Result<std::string> SelectList(const Dataset& dataset, const std::vector<std::string>& columns) {
  const schema::Schema schema = dataset.AsSchema("");
  std::vector<std::string> selected;
  std::vector<std::string_view> names;
  for (const schema::Column& column : dataset.columns) names.push_back(column.name);
  for (const std::string& name : columns) {
    if (schema.Find(name) == nullptr) {
      const std::string_view nearest = Nearest(name, names);
      return InvalidArgument("the dataset has no column ", Quoted(name), nearest.empty() ? "" : "; did you mean ",
                             nearest.empty() ? "" : Quoted(nearest));
    }
    selected.push_back(SqlName(name));
  }
  return selected.empty() ? std::string("*") : Join(selected, ", ");
}

Result<std::string> RowsSql(const Dataset& dataset, const RowQuery& query) {
  std::string sql = Cat("SELECT ", TRY(SelectList(dataset, query.columns)), " FROM ", SqlName(kRowsTable));
  const Roles& roles = dataset.roles;
  if (roles.event_time.empty() && (query.from || query.until)) {
    return InvalidArgument("the dataset has no event time, so its rows cannot be chosen by one");
  }
  const std::string time = SqlName(roles.event_time);
  std::vector<std::string> conditions;
  if (query.from) conditions.push_back(Cat(time, " >= ", SqlTime(*query.from)));
  if (query.until) conditions.push_back(Cat(time, " < ", SqlTime(*query.until)));
  if (!conditions.empty()) CatTo(sql, " WHERE ", Join(conditions, " AND "));
  if (!roles.event_time.empty()) CatTo(sql, " ORDER BY ", time, roles.key.empty() ? "" : ", ");
  if (!roles.event_time.empty() && !roles.key.empty()) sql += SqlName(roles.key);
  if (query.limit) CatTo(sql, " LIMIT ", *query.limit);
  return sql;
}

/// Callers choose Numbers, Texts or Times by dataset.json, so the file must hold what that says.
Status CheckTypes(const Dataset& dataset, const std::vector<ResultColumn>& delivered) {
  const schema::Schema schema = dataset.AsSchema("");
  for (const ResultColumn& column : delivered) {
    const schema::Column* expected = schema.Find(column.name);
    if (expected != nullptr && (expected->type == column.type || (IsText(expected->type) && IsText(column.type))))
      continue;
    return DataLoss("column ", Quoted(column.name),
                    " of data.parquet is not as dataset.json says; make the dataset anew");
  }
  return Ok();
}

}  // namespace

Status StreamRows(DuckdbSession& session, const std::string& directory, const RowQuery& query,
                  const std::function<Status(const Chunk&)>& visit) {
  const Dataset dataset = TRY(ReadDataset(directory));
  const std::string sql = TRY(RowsSql(dataset, query).In(directory));
  TRY(session.Bind(kRowsTable, directory));
  TRY(CheckTypes(dataset, TRY(session.Describe(sql))).In(directory));
  return session.Stream(sql, visit);
}

}  // namespace mw::data
