// mw-step rows: a dataset's rows as JSON lines, in event-time order.
#include <cstdio>
#include <optional>

#include "data/rows.h"
#include "steps/steps.h"

namespace mw::steps {
namespace {

constexpr std::string_view kRowsUsage =
    "usage: mw-step rows DATASET [--columns a,b] [--from TIME] [--until TIME] [--limit N], "
    "for example mw-step rows runs/7/rows --columns flight_id,temp --limit 10";

struct RowsArguments {
  std::string directory;
  data::RowQuery query;
};

Status ReadFlag(std::string_view flag, const std::string& value, data::RowQuery& query) {
  if (flag == "--columns") {
    for (const std::string_view column : Split(value, ',')) query.columns.emplace_back(column);
  } else if (flag == "--from") {
    query.from = TRY(ParseTime(value).In(flag));
  } else if (flag == "--until") {
    query.until = TRY(ParseTime(value).In(flag));
  } else if (flag == "--limit") {
    const auto limit = ParseInt(value);
    if (!limit || *limit < 0) return InvalidArgument("--limit is ", Quoted(value), "; it must be a number of rows");
    query.limit = *limit;
  } else {
    return InvalidArgument("no flag ", Quoted(flag), "; ", kRowsUsage);
  }
  return Ok();
}

Result<RowsArguments> ReadRowsArguments(const std::vector<std::string>& arguments) {
  RowsArguments read;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with("--")) {
      read.directory = arguments[i];
    } else if (i + 1 < arguments.size()) {
      TRY(ReadFlag(arguments[i], arguments[i + 1], read.query));
      ++i;
    } else {
      return InvalidArgument(arguments[i], " lacks its value; ", kRowsUsage);
    }
  }
  if (read.directory.empty()) return InvalidArgument(kRowsUsage);
  return read;
}

std::vector<schema::Column> Selected(const data::Dataset& dataset, const std::vector<std::string>& names) {
  if (names.empty()) return dataset.columns;
  std::vector<schema::Column> columns;
  const schema::Schema schema = dataset.AsSchema("");
  for (const std::string& name : names) {
    if (const schema::Column* column = schema.Find(name)) columns.push_back(*column);
  }
  return columns;
}

void AppendCell(const data::Chunk& chunk, std::size_t column, std::size_t row, schema::ColumnType type,
                std::string& out) {
  using schema::ColumnType;
  if (chunk.IsMissing(column, row)) {
    out += "null";
  } else if (type == ColumnType::kText || type == ColumnType::kCategory) {
    AppendJsonString(out, chunk.Texts(column)[row]);
  } else if (type == ColumnType::kTimestamp) {
    AppendJsonString(out, FormatTime(FromMicros(chunk.Times(column)[row])));
  } else if (type == ColumnType::kBoolean) {
    out += chunk.Numbers(column)[row] != 0 ? "true" : "false";
  } else {
    AppendJsonNumber(out, chunk.Numbers(column)[row]);
  }
}

Status PrintChunk(const data::Chunk& chunk, const std::vector<schema::Column>& columns) {
  std::string out;
  for (std::size_t row = 0; row < chunk.rows(); ++row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      out += i == 0 ? '{' : ',';
      AppendJsonString(out, columns[i].name);
      out += ':';
      AppendCell(chunk, i, row, columns[i].type, out);
    }
    out += "}\n";
  }
  if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size()) return ErrnoError(errno, "writing rows");
  return Ok();
}

}  // namespace

Status PrintRows(const std::vector<std::string>& arguments) {
  const RowsArguments read = TRY(ReadRowsArguments(arguments));
  const data::Dataset dataset = TRY(data::ReadDataset(read.directory));
  const std::vector<schema::Column> columns = Selected(dataset, read.query.columns);
  data::SessionOptions options;
  options.paths = {read.directory};
  data::DuckdbSession session = TRY(data::DuckdbSession::Open(options));
  return data::StreamRows(session, read.directory, read.query,
                          [&](const data::Chunk& chunk) { return PrintChunk(chunk, columns); });
}

}  // namespace mw::steps
