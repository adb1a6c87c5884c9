// sql: one SELECT over the inputs, as tables by their names, becomes a dataset in event-time order.
#include "base/file.h"
#include "goals/goal.h"
#include "steps/data_task.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

constexpr std::size_t kSqlBytesMax = std::size_t{1} << 20;
constexpr std::int64_t kOriginRowsMax = 2'000'000;  // beyond that, asking again without a table takes too long

/// The goal's label when the query makes such a column; a goal may also be about something computed later.
Result<std::string> LabelOfGoal(const StepTask& task, const std::vector<data::ResultColumn>& columns) {
  if (task.goal_file.empty()) return std::string();
  const std::string text = TRY(ReadFile(task.goal_file, kSqlBytesMax));
  const goals::Goal goal = TRY(goals::ParseGoal(text, task.goal_file));
  for (const data::ResultColumn& column : columns) {
    if (column.name == goal.label) return goal.label;
  }
  return std::string();
}

Result<data::Roles> ReadRoles(const StepTask& task, const std::vector<data::ResultColumn>& columns) {
  data::Roles roles;
  roles.event_time = TRY(TextOption(task, "event_time", ""));
  roles.known_at = TRY(TextOption(task, "known_at", ""));
  roles.key = TRY(TextOption(task, "key", ""));
  roles.label = TRY(TextOption(task, "label", TRY(LabelOfGoal(task, columns))));
  return roles;
}

std::string InOrder(const data::Roles& roles) {
  std::vector<std::string> order;
  if (!roles.event_time.empty()) order.push_back(data::SqlName(roles.event_time));
  if (!roles.key.empty()) order.push_back(data::SqlName(roles.key));
  return Cat("SELECT * FROM mw_query", order.empty() ? std::string() : Cat(" ORDER BY ", Join(order, ", ")));
}

struct Query {
  std::string sql;
  std::string file;
  std::vector<data::ResultColumn> columns;
};

/// The columns that have no value at all when the table is empty; none when then there are no rows either.
Result<std::vector<std::string>> ColumnsOf(const StepTask& task, const Query& query, const std::string& table) {
  data::DuckdbSession session = TRY(OpenSession(task, {"rows"}));
  for (const auto& [name, input] : task.inputs) TRY(session.Bind(name == table ? "mw_whole" : name, input.path));
  TRY(session.Materialise(table, "SELECT * FROM mw_whole LIMIT 0"));
  TRY(session.Execute(Cat("CREATE TEMP VIEW mw_query AS ", query.sql),
                      query.file));  // only what counts need is computed
  std::string counts = "SELECT count(*)";
  for (const data::ResultColumn& column : query.columns) CatTo(counts, ", count(", data::SqlName(column.name), ")");
  const auto found = TRY(session.Query(counts + " FROM mw_query"));
  std::vector<std::string> columns;
  if (found[0][0].AsInt() == 0) return columns;
  for (std::size_t i = 0; i < query.columns.size(); ++i) {
    if (found[0][i + 1].AsInt() == 0) columns.push_back(query.columns[i].name);
  }
  return columns;
}

/// Which columns each input brings, found by asking again without it: that holds for every query. One that cannot
/// do without a table says nothing of it.
Result<data::Origins> FindOrigins(const StepTask& task, const Query& query, data::DuckdbSession& session) {
  data::Origins origins;
  const auto rows = TRY(session.Query("SELECT count(*) FROM mw_query"));
  if (task.inputs.size() < 2 || rows[0][0].AsInt() > kOriginRowsMax) return origins;
  for (const auto& [name, input] : task.inputs) {
    Result<std::vector<std::string>> columns = ColumnsOf(task, query, name);
    if (columns.ok() && !columns->empty()) origins.emplace(name, *std::move(columns));
  }
  return origins;
}

}  // namespace

Result<StepResult> RunSql(const StepTask& task) {
  TRY(task.CheckOptions({"file", "event_time", "known_at", "key", "label"}));
  const std::string file = TRY(TextOption(task, "file"));
  const std::string sql =
      TRY(ReadFile(task.Resolve(file), kSqlBytesMax).In(Cat("reading the query of step ", task.step)));
  data::DuckdbSession session = TRY(OpenSession(task, {"rows"}));
  for (const auto& [name, input] : task.inputs) TRY(session.Bind(name, input.path));
  auto columns = TRY(session.Describe(sql, file));
  const Query query{sql, file, std::move(columns)};
  data::DatasetSpec spec;
  spec.roles = TRY(ReadRoles(task, query.columns));
  spec.sources = InputDigests(task);
  TRY(session.Materialise("mw_query", sql, file));
  spec.origins = TRY(FindOrigins(task, query, session));
  const data::Dataset dataset =
      TRY(data::WriteDataset(session, InOrder(spec.roles), spec, TRY(task.Output("rows"))).In(file));
  StepResult result;
  result.summary = Cat(WithThousands(dataset.rows), " rows, ", dataset.columns.size(), " columns");
  result.metrics["rows"] = dataset.rows;
  result.metrics["columns"] = static_cast<std::int64_t>(dataset.columns.size());
  result.output_metadata["rows"] = DatasetMetadata(dataset);
  return result;
}

}  // namespace mw::steps
