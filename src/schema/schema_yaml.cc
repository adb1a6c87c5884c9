// schema.yaml: the schema as a person writes it, with every fault named at once.
#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "schema/schema.h"

namespace mw::schema {
namespace {

constexpr std::string_view kTypes = "float, integer, boolean, category, text, timestamp";

ColumnType ReadType(const std::string& name, int line, std::string_view column, Complaints& complaints) {
  const auto type = TypeFromName(name);
  if (!type) {
    const std::string_view nearest = Nearest(name, {"float", "integer", "boolean", "category", "text", "timestamp"});
    complaints.Add(line, Cat("column ", Quoted(column), ": type ", Quoted(name),
                             nearest.empty() ? Cat(" is none of ", kTypes) : Cat("; did you mean ", nearest, "?")));
  }
  return type.value_or(ColumnType::kFloat);
}

std::optional<double> ReadBound(YamlReader& reader, std::string_view key) {
  const YamlNode* node = reader.Node(key);
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return std::nullopt;
  return reader.Number(key);
}

Column ReadColumnMap(const std::string& name, const YamlNode& node, Complaints& complaints) {
  Column column;
  column.name = name;
  YamlReader reader(node, complaints);
  const std::string type = reader.String("type");
  const bool given = reader.Node("type") != nullptr;
  if (given && !type.empty()) column.type = ReadType(type, reader.LineOf("type"), name, complaints);
  column.unit = reader.StringOr("unit", "");
  column.required = reader.BoolOr("required", false);
  column.min = ReadBound(reader, "min");
  column.max = ReadBound(reader, "max");
  column.vocabulary = reader.StringsOr("vocabulary", {});
  column.description = reader.StringOr("description", "");
  reader.Finish();
  return column;
}

Column ReadColumn(const std::string& name, const YamlNode& node, Complaints& complaints) {
  if (node.kind != YamlNode::Kind::kScalar) return ReadColumnMap(name, node, complaints);
  Column column;
  column.name = name;
  column.type = ReadType(node.scalar, node.line, name, complaints);
  return column;
}

/// Each column is checked by itself, so that one fault does not hide the next one's.
void ReadColumns(const YamlNode& node, Schema& schema, Complaints& complaints) {
  if (node.kind != YamlNode::Kind::kMap) {
    complaints.Add(node.line, "columns: wants a map of columns, such as temp: {type: float, unit: degF}");
    return;
  }
  for (const auto& [name, value] : node.map) {
    Schema alone;
    alone.columns.push_back(ReadColumn(name, value, complaints));
    const Status fine = Check(alone);
    if (!fine.ok()) complaints.Add(value.line, fine.error().ToString());
    schema.columns.push_back(std::move(alone.columns.front()));
  }
}

/// A role has to name a column that the file lists.
std::string ReadRole(YamlReader& reader, std::string_view role, const Schema& schema) {
  std::string column = reader.StringOr(role, "");
  if (column.empty() || schema.Find(column) != nullptr) return column;
  std::vector<std::string_view> names;
  for (const Column& known : schema.columns) names.push_back(known.name);
  const std::string_view nearest = Nearest(column, names);
  reader.complaints().Add(reader.LineOf(role), Cat(role, ": ", Quoted(column), " is no column",
                                                   nearest.empty() ? std::string("; add it to columns")
                                                                   : Cat("; did you mean ", nearest, "?")));
  return column;
}

}  // namespace

Result<Schema> ParseYaml(std::string_view text, std::string_view file_name) {
  const YamlNode root = TRY(mw::ParseYaml(text, file_name));
  Complaints complaints{std::string(file_name)};
  YamlReader reader(root, complaints);
  Schema schema;
  schema.name = reader.String("schema");
  const YamlNode* columns = reader.Node("columns");
  if (columns == nullptr) {
    complaints.Add(root.line, "the key \"columns\" is missing");
  } else {
    ReadColumns(*columns, schema, complaints);
  }
  schema.label = ReadRole(reader, "label", schema);
  schema.event_time = ReadRole(reader, "event_time", schema);
  schema.key = ReadRole(reader, "key", schema);
  reader.Finish();
  TRY(complaints.AsStatus());
  TRY(Check(schema).In(file_name));
  return schema;
}

}  // namespace mw::schema
