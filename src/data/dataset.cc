// Writing and reading datasets; inference of column types from values.
#include "data/dataset.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "data/profile.h"

namespace mw::data {
namespace {

using schema::Column;
using schema::ColumnType;

constexpr std::int64_t kCategoriesAlways = 20;
constexpr std::int64_t kCategoriesMax = 1'000;
constexpr std::int64_t kRowsPerCategory = 10;
constexpr std::string_view kDatasetTable = "mw_dataset";

const Column* FindColumn(const std::vector<Column>& columns, std::string_view name) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

/// Whether values of this type in the file can be what the declaration says.
bool Holds(ColumnType actual, ColumnType declared) {
  return actual == declared || (actual == ColumnType::kText && declared == ColumnType::kCategory);
}

bool LooksLikeCategory(const ColumnProfile& profile) {
  const std::int64_t values = profile.rows - profile.missing;
  if (profile.distinct == 0 || profile.distinct == values) return false;
  if (profile.distinct <= kCategoriesAlways) return true;
  return profile.distinct <= kCategoriesMax && profile.distinct * kRowsPerCategory <= values;
}

Result<std::vector<std::string>> Vocabulary(DuckdbSession& session, std::string_view column) {
  const std::string name = SqlName(column);
  const auto rows = TRY(session.Query(Cat("SELECT DISTINCT CAST(", name, " AS VARCHAR) AS v FROM ",
                                          SqlName(kDatasetTable), " WHERE ", name, " IS NOT NULL ORDER BY v")));
  std::vector<std::string> values;
  for (const auto& row : rows) values.push_back(row[0].AsString());
  return values;
}

Result<Column> Infer(DuckdbSession& session, const DatasetSpec& spec, const ColumnProfile& profile) {
  Column column;
  column.name = profile.column.name;
  column.type = profile.column.type;
  const Column* declared = FindColumn(spec.declared, column.name);
  if (declared != nullptr && !Holds(profile.column.type, declared->type)) declared = nullptr;
  if (declared != nullptr) column = *declared;
  const bool is_role = column.name == spec.roles.key;
  if (declared == nullptr && column.type == ColumnType::kText && !is_role && LooksLikeCategory(profile)) {
    column.type = ColumnType::kCategory;
  }
  if (column.type == ColumnType::kCategory && column.vocabulary.empty()) {
    column.vocabulary = TRY(Vocabulary(session, column.name));
  }
  return column;
}

Status CheckRole(const std::vector<ResultColumn>& columns, std::string_view role, std::string_view name, bool is_time) {
  if (name.empty()) return Ok();
  std::vector<std::string_view> names;
  for (const ResultColumn& column : columns) {
    if (column.name != name) {
      names.push_back(column.name);
      continue;
    }
    if (!is_time || column.type == ColumnType::kTimestamp) return Ok();
    return InvalidArgument(role, ": column ", Quoted(name), " is of type ", schema::TypeName(column.type),
                           "; it must be a timestamp");
  }
  const std::string_view nearest = Nearest(name, names);
  return InvalidArgument(role, ": the rows have no column ", Quoted(name), nearest.empty() ? "" : "; did you mean ",
                         nearest.empty() ? "" : Quoted(nearest));
}

Status CheckRoles(const std::vector<ResultColumn>& columns, const Roles& roles) {
  TRY(CheckRole(columns, "event_time", roles.event_time, true));
  TRY(CheckRole(columns, "known_at", roles.known_at, true));
  TRY(CheckRole(columns, "key", roles.key, false));
  return CheckRole(columns, "label", roles.label, false);
}

const ColumnProfile* FindProfile(const std::vector<ColumnProfile>& profile, std::string_view name) {
  const auto found =
      std::find_if(profile.begin(), profile.end(), [&](const ColumnProfile& p) { return p.column.name == name; });
  return found == profile.end() ? nullptr : &*found;
}

Status CheckValues(const std::vector<ColumnProfile>& profile, const Roles& roles) {
  const ColumnProfile* time = FindProfile(profile, roles.event_time);
  if (time != nullptr && time->missing > 0) {
    return InvalidArgument("event_time: ", time->missing, " of ", time->rows, " rows have no ",
                           Quoted(roles.event_time));
  }
  const ColumnProfile* key = FindProfile(profile, roles.key);
  if (key == nullptr) return Ok();
  if (key->missing > 0) {
    return InvalidArgument("key: ", key->missing, " of ", key->rows, " rows have no ", Quoted(roles.key));
  }
  if (key->distinct < key->rows) {
    const std::string example = key->top.empty() ? std::string() : Cat(", e.g. ", Quoted(key->top.front().first));
    return InvalidArgument("key: ", key->rows - key->distinct, " of ", key->rows, " rows repeat a value of ",
                           Quoted(roles.key), example);
  }
  return Ok();
}

Json ToJson(const Origins& origins) {
  Json json = Json::MakeObject();
  for (const auto& [table, columns] : origins) {
    Json& names = json[table] = Json::MakeArray();
    for (const std::string& column : columns) names.Append(column);
  }
  return json;
}

Origins OriginsFromJson(const Json* json) {
  Origins origins;
  if (json == nullptr || !json->IsObject()) return origins;
  for (const auto& [table, columns] : json->AsObject()) {
    if (!columns.IsArray()) continue;
    for (const Json& column : columns.AsArray()) {
      if (column.IsString()) origins[table].push_back(column.AsString());
    }
  }
  return origins;
}

Json ToJson(const Dataset& dataset) {
  Json sources = Json::MakeArray();
  for (const std::string& source : dataset.sources) sources.Append(source);
  return Json::Make({{"format_version", kDatasetFormatVersion},
                     {"rows", dataset.rows},
                     {"event_time", dataset.roles.event_time},
                     {"known_at", dataset.roles.known_at},
                     {"key", dataset.roles.key},
                     {"label", dataset.roles.label},
                     {"columns", schema::ColumnsToJson(dataset.columns)},
                     {"profile", dataset.profile},
                     {"split", dataset.split},
                     {"sources", sources},
                     {"origins", ToJson(dataset.origins)}});
}

Result<Dataset> FromJson(const Json& json) {
  const std::int64_t version = TRY(json.GetInt("format_version"));
  if (version > kDatasetFormatVersion) {
    return FailedPrecondition("format_version ", version, " is newer than this program's ", kDatasetFormatVersion,
                              "; use a newer Millwright");
  }
  Dataset dataset;
  dataset.rows = TRY(json.GetInt("rows"));
  dataset.roles = {json.StringOr("event_time", ""), json.StringOr("known_at", ""), json.StringOr("key", ""),
                   json.StringOr("label", "")};
  const Json* columns = json.Find("columns");
  if (columns == nullptr) return InvalidArgument("columns is missing");
  dataset.columns = TRY(schema::ColumnsFromJson(*columns));
  if (const Json* profile = json.Find("profile")) dataset.profile = *profile;
  if (const Json* split = json.Find("split")) dataset.split = *split;
  if (const Json* sources = json.Find("sources"); sources != nullptr && sources->IsArray()) {
    for (const Json& source : sources->AsArray()) {
      if (source.IsString()) dataset.sources.push_back(source.AsString());
    }
  }
  dataset.origins = OriginsFromJson(json.Find("origins"));
  return dataset;
}

}  // namespace

schema::Schema Dataset::AsSchema(std::string_view name) const {
  schema::Schema schema;
  schema.name = name;
  schema.columns = columns;
  schema.label = roles.label;
  schema.event_time = roles.event_time;
  schema.key = roles.key;
  return schema;
}

Result<Dataset> ParseDataset(std::string_view json) { return FromJson(TRY(Json::Parse(json))); }

Result<Dataset> ReadDataset(const std::string& directory) {
  const std::string path = directory + "/dataset.json";
  const std::string text = TRY(ReadFile(path, std::size_t{64} << 20).In("reading a dataset"));
  return ParseDataset(text).In(path);
}

Result<Dataset> WriteDataset(DuckdbSession& session, std::string_view sql, const DatasetSpec& spec,
                             const std::string& directory) {
  TRY(CheckRoles(TRY(session.Describe(sql)), spec.roles));
  TRY(session.WriteParquet(sql, directory + "/data.parquet"));
  TRY(session.Bind(kDatasetTable, directory));
  std::vector<ColumnProfile> profile = TRY(Profile(session, kDatasetTable));
  TRY(CheckValues(profile, spec.roles));
  Dataset dataset;
  dataset.rows = profile.empty() ? 0 : profile.front().rows;
  dataset.roles = spec.roles;
  for (ColumnProfile& column : profile) {
    dataset.columns.push_back(TRY(Infer(session, spec, column)));
    column.column.type = dataset.columns.back().type;
  }
  dataset.profile = data::ToJson(profile);
  dataset.split = spec.split;
  dataset.sources = spec.sources;
  dataset.origins = spec.origins;
  TRY(WriteFileDurably(directory + "/dataset.json", ToJson(dataset).Dump() + "\n"));
  return dataset;
}

}  // namespace mw::data
