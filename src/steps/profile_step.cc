// profile: what the values of each column look like, as one JSON file.
#include "base/file.h"
#include "data/profile.h"
#include "steps/data_task.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

Result<std::vector<std::string>> ReadColumns(const StepTask& task) {
  std::vector<std::string> columns;
  const Json* option = task.with.Find("columns");
  if (option == nullptr || option->IsNull()) return columns;
  if (option->IsString()) return std::vector<std::string>{option->AsString()};
  if (!option->IsArray()) return InvalidArgument("with.columns must be a list of columns, not ", option->Dump());
  for (const Json& column : option->AsArray()) {
    if (!column.IsString()) return InvalidArgument("with.columns: ", column.Dump(), " is no column's name");
    columns.push_back(column.AsString());
  }
  return columns;
}

}  // namespace

Result<StepResult> RunProfile(const StepTask& task) {
  TRY(task.CheckOptions({"columns"}));
  const std::vector<std::string> columns = TRY(ReadColumns(task));
  data::DuckdbSession session = TRY(OpenSession(task, {}));
  const std::string input = TRY(task.Input("rows"));
  const schema::Schema schema = TRY(data::ReadDataset(input))
  .AsSchema("");
  TRY(session.Bind(kRowsTable, input));
  std::vector<data::ColumnProfile> profile = TRY(data::Profile(session, kRowsTable, columns).In("with.columns"));
  for (data::ColumnProfile& column : profile) {
    // The file knows a text; the dataset knows that it is a category.
    if (const schema::Column* known = schema.Find(column.column.name)) column.column.type = known->type;
  }
  TRY(WriteFileDurably(TRY(task.Output("profile")), data::ToJson(profile).DumpPretty() + "\n"));
  std::int64_t cells = 0;
  std::int64_t missing = 0;
  for (const data::ColumnProfile& column : profile) {
    cells += column.rows;
    missing += column.missing;
  }
  const double share = cells == 0 ? 0 : static_cast<double>(missing) / static_cast<double>(cells);
  StepResult result;
  result.summary = Cat(profile.size(), " columns, ", Fixed(100 * share, 1), " % of the values missing");
  result.metrics = Json::Make({{"columns", static_cast<std::int64_t>(profile.size())}, {"missing_share", share}});
  return result;
}

}  // namespace mw::steps
