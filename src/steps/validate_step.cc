// validate: rows against schema.yaml. What cannot be right is named; then the step fails, keeps the rows
// as they are, or leaves those rows out (on_anomaly: fail, keep, quarantine).
#include "base/file.h"
#include "data/validation.h"
#include "steps/data_task.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

constexpr std::size_t kSchemaBytesMax = std::size_t{1} << 20;
/// The report has them all; the result is a record that stays small.
constexpr std::size_t kFindingsInResult = 200;

enum class OnAnomaly { kFail, kKeep, kQuarantine };

Result<OnAnomaly> ReadOnAnomaly(const StepTask& task) {
  const std::string text = TRY(TextOption(task, "on_anomaly", "fail"));
  if (text == "fail") return OnAnomaly::kFail;
  if (text == "keep") return OnAnomaly::kKeep;
  if (text == "quarantine") return OnAnomaly::kQuarantine;
  return InvalidArgument("with.on_anomaly is ", Quoted(text), "; it must be fail, keep or quarantine");
}

Result<std::map<std::string, double>> ReadMaxMissing(const StepTask& task) {
  std::map<std::string, double> shares;
  const Json* option = task.with.Find("max_missing");
  if (option == nullptr || option->IsNull()) return shares;
  if (!option->IsObject()) return InvalidArgument("with.max_missing must be a map, {temp: 0.05}");
  for (const auto& [column, share] : option->AsObject()) shares[column] = TRY(option->GetDouble(column));
  return shares;
}

Result<schema::Schema> ReadSchema(const StepTask& task, const data::Dataset& rows) {
  const std::string file = TRY(TextOption(task, "schema"));
  const std::string text = TRY(ReadFile(task.Resolve(file), kSchemaBytesMax));
  schema::Schema schema = TRY(schema::ParseYaml(text, file));
  if (schema.label.empty()) schema.label = rows.roles.label;
  return schema;
}

/// The schema's word on a column over the dataset's; a column that it does not name stays as it was.
std::vector<schema::Column> Declared(const schema::Schema& schema, const data::Dataset& rows) {
  std::vector<schema::Column> columns;
  for (const schema::Column& column : rows.columns) {
    const schema::Column* declared = schema.Find(column.name);
    columns.push_back(declared == nullptr ? column : *declared);
    if (declared == nullptr) columns.back().vocabulary.clear();
  }
  return columns;
}

Status WriteReport(const StepTask& task, const data::Validation& validation, std::string_view action,
                   std::int64_t quarantined) {
  Json findings = Json::MakeArray();
  for (const data::Finding& finding : validation.findings) findings.Append(data::ToJson(finding));
  const Json report = Json::Make({{"format_version", 1},
                                  {"rows", validation.rows},
                                  {"rows_with_findings", validation.rows_with_findings},
                                  {"on_anomaly", action},
                                  {"quarantined", quarantined},
                                  {"findings", findings}});
  return WriteFileDurably(TRY(task.Output("report")), report.DumpPretty() + "\n");
}

/// Stops for what the rows cannot be cured of, or for anything when the step is to fail.
Status Judge(const data::Validation& validation, OnAnomaly action) {
  std::vector<std::string> reasons;
  for (const data::Finding& finding : validation.findings) {
    const bool stops = finding.concern == data::Concern::kColumn
                           ? action != OnAnomaly::kKeep
                           : finding.concern == data::Concern::kRows && action == OnAnomaly::kFail;
    if (stops) reasons.push_back(finding.message);
  }
  if (reasons.empty()) return Ok();
  return FailedPrecondition("the rows do not fit the schema:\n", Join(reasons, "\n"));
}

std::string Summary(const data::Validation& validation, std::int64_t quarantined) {
  std::vector<std::string> messages;
  for (const data::Finding& finding : validation.findings) {
    if (finding.concern != data::Concern::kNote) messages.push_back(finding.message);
  }
  std::string text =
      Cat(WithThousands(validation.rows), " rows, ", messages.size(), messages.size() == 1 ? " finding" : " findings");
  if (!messages.empty()) CatTo(text, ": ", Join(messages, "; "));
  if (quarantined > 0)
    CatTo(text, "; ", WithThousands(quarantined), quarantined == 1 ? " row kept out" : " rows kept out");
  return text;
}

}  // namespace

Result<StepResult> RunValidate(const StepTask& task) {
  TRY(task.CheckOptions({"schema", "on_anomaly", "max_missing"}));
  const OnAnomaly action = TRY(ReadOnAnomaly(task));
  const std::string input = TRY(task.Input("rows"));
  const data::Dataset rows = TRY(data::ReadDataset(input));
  const schema::Schema schema = TRY(ReadSchema(task, rows));
  data::DuckdbSession session = TRY(OpenSession(task, {"rows"}));
  TRY(session.Bind(kRowsTable, input));
  const data::Validation validation =
      TRY(data::Validate(session, kRowsTable, rows.roles, schema, TRY(ReadMaxMissing(task))));
  const bool quarantine = action == OnAnomaly::kQuarantine && !validation.bad_row.empty();
  const std::int64_t quarantined = quarantine ? validation.rows_with_findings : 0;
  TRY(WriteReport(task, validation, TRY(TextOption(task, "on_anomaly", "fail")), quarantined));
  TRY(Judge(validation, action));

  data::DatasetSpec spec;
  spec.roles = rows.roles;
  spec.declared = Declared(schema, rows);
  spec.split = rows.split;
  spec.sources = InputDigests(task);
  const std::string sql = Cat("SELECT ", validation.select_list, " FROM ", kRowsTable,
                              quarantine ? Cat(" WHERE NOT (", validation.bad_row, ")") : std::string());
  const data::Dataset cleaned = TRY(data::WriteDataset(session, sql, spec, TRY(task.Output("rows"))));
  StepResult result;
  result.summary = Summary(validation, quarantined);
  result.metrics = Json::Make({{"rows", cleaned.rows}, {"quarantined", quarantined}});
  result.output_metadata["rows"] = DatasetMetadata(cleaned);
  for (const data::Finding& finding : validation.findings) {
    if (result.findings.AsArray().size() < kFindingsInResult) result.findings.Append(data::ToJson(finding));
  }
  return result;
}

}  // namespace mw::steps
