// The JSON form of schemas and of columns alone.
#include <utility>

#include "base/text.h"
#include "schema/schema.h"

namespace mw::schema {
namespace {

void PutText(Json& out, std::string_view key, const std::string& text) {
  if (!text.empty()) out[key] = Json(text);
}

Json ColumnToJson(const Column& column) {
  Json out = Json::Make({{"name", column.name}, {"type", TypeName(column.type)}});
  PutText(out, "unit", column.unit);
  if (column.required) out["required"] = Json(true);
  if (column.min) out["min"] = Json(*column.min);
  if (column.max) out["max"] = Json(*column.max);
  if (!column.vocabulary.empty()) {
    Json vocabulary = Json::MakeArray();
    for (const std::string& value : column.vocabulary) vocabulary.Append(Json(value));
    out["vocabulary"] = std::move(vocabulary);
  }
  PutText(out, "description", column.description);
  return out;
}

/// An absent member leaves `out` alone; one of another kind is an error.
Status ReadText(const Json& json, std::string_view key, std::string& out) {
  if (json.Find(key) != nullptr) out = TRY(json.GetString(key));
  return Ok();
}

Status ReadNumber(const Json& json, std::string_view key, std::optional<double>& out) {
  if (json.Find(key) != nullptr) out = TRY(json.GetDouble(key));
  return Ok();
}

Status ReadVocabulary(const Json& json, std::vector<std::string>& out) {
  const Json* vocabulary = json.Find("vocabulary");
  if (vocabulary == nullptr) return Ok();
  if (!vocabulary->IsArray()) return InvalidArgument("vocabulary: wants an array of texts");
  for (const Json& value : vocabulary->AsArray()) {
    if (!value.IsString()) return InvalidArgument("vocabulary: ", value.Dump(), " is no text; put it in quotes");
    out.push_back(value.AsString());
  }
  return Ok();
}

Status ReadColumn(const Json& json, Column& column) {
  const std::string type = TRY(json.GetString("type"));
  const auto known = TypeFromName(type);
  if (!known) {
    return InvalidArgument("type: ", Quoted(type), " is none of float, integer, boolean, category, text, timestamp");
  }
  column.type = *known;
  TRY(ReadText(json, "unit", column.unit));
  if (json.Find("required") != nullptr) column.required = TRY(json.GetBool("required"));
  TRY(ReadNumber(json, "min", column.min));
  TRY(ReadNumber(json, "max", column.max));
  TRY(ReadVocabulary(json, column.vocabulary));
  return ReadText(json, "description", column.description);
}

Result<std::vector<Column>> ReadColumns(const Json& array) {
  if (!array.IsArray()) return InvalidArgument("columns: wants an array of columns");
  std::vector<Column> columns;
  for (const Json& element : array.AsArray()) {
    if (!element.IsObject()) return InvalidArgument("column ", columns.size(), ": wants an object with name and type");
    Column column;
    column.name = TRY(element.GetString("name").In(Cat("column ", columns.size())));
    TRY(ReadColumn(element, column).In(Cat("column ", Quoted(column.name))));
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace

Json ColumnsToJson(const std::vector<Column>& columns) {
  Json out = Json::MakeArray();
  for (const Column& column : columns) out.Append(ColumnToJson(column));
  return out;
}

Result<std::vector<Column>> ColumnsFromJson(const Json& array) {
  Schema schema;
  schema.columns = TRY(ReadColumns(array));
  TRY(Check(schema));
  return std::move(schema.columns);
}

Json ToJson(const Schema& schema) {
  Json out = Json::Make({{"format_version", kFormatVersion}});
  PutText(out, "name", schema.name);
  PutText(out, "label", schema.label);
  PutText(out, "event_time", schema.event_time);
  PutText(out, "key", schema.key);
  out["columns"] = ColumnsToJson(schema.columns);
  return out;
}

Result<Schema> FromJson(const Json& json) {
  if (!json.IsObject()) return InvalidArgument("a schema is a JSON object");
  const std::int64_t version = TRY(json.GetInt("format_version"));
  if (version < 1)
    return InvalidArgument("format_version: ", version, " is no version; this program writes ", kFormatVersion);
  if (version > kFormatVersion) {
    return FailedPrecondition("the schema has format_version ", version, "; this program reads up to ", kFormatVersion,
                              ": use a newer Millwright");
  }
  Schema schema;
  TRY(ReadText(json, "name", schema.name));
  TRY(ReadText(json, "label", schema.label));
  TRY(ReadText(json, "event_time", schema.event_time));
  TRY(ReadText(json, "key", schema.key));
  const Json* columns = json.Find("columns");
  schema.columns = TRY(ReadColumns(columns == nullptr ? Json() : *columns));
  TRY(Check(schema));
  return schema;
}

}  // namespace mw::schema
