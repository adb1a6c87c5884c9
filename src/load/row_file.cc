// Recorded rows: CSV (RFC 4180) or one JSON object on each line.
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/json.h"
#include "base/text.h"
#include "load/rows.h"

namespace mw::load {
namespace {

class RecordedSource final : public RowSource {
 public:
  explicit RecordedSource(std::vector<Row> rows) : rows_(std::move(rows)) {}
  void Next(Row& row) override {
    row = rows_[next_];
    next_ = (next_ + 1) % rows_.size();
  }
  [[nodiscard]] std::string About() const override {
    return Cat(WithThousands(static_cast<long long>(rows_.size())), " recorded rows");
  }

 private:
  std::vector<Row> rows_;
  std::size_t next_ = 0;
};

Error AbsentColumn(const InputColumn& column, const std::vector<std::string_view>& there, std::size_t line) {
  const std::string_view nearest = Nearest(column.name, there);
  return InvalidArgument("line ", line, ": the model's column ", Quoted(column.name), " is not there",
                         nearest.empty() ? "" : "; did you mean ", nearest.empty() ? "" : Cat(Quoted(nearest), "?"));
}

std::optional<bool> ParseTruth(std::string_view text) {
  const std::string lower = ToLower(text);
  if (lower == "true" || lower == "1" || lower == "yes") return true;
  if (lower == "false" || lower == "0" || lower == "no") return false;
  return std::nullopt;
}

Result<Cell> TextCell(const InputColumn& column, std::string_view text, std::size_t line) {
  if (text.empty()) return Cell();
  if (column.datatype == "BYTES") return Cell(std::string(text));
  if (column.datatype == "BOOL") {
    if (const auto truth = ParseTruth(text)) return Cell(*truth);
  } else if (const auto number = ParseDouble(Trim(text))) {
    return std::isnan(*number) ? Cell() : Cell(*number);
  }
  return InvalidArgument("line ", line, ": column ", Quoted(column.name), " holds ", Quoted(text),
                         ", which is no value of ", column.datatype);
}

/// A record of CSV, taken off the front of `text`; cells with quotes are unquoted into `cells`. Lines are counted.
Status TakeRecord(std::string_view& text, std::vector<std::string>& cells, std::size_t& line) {
  cells.assign(1, "");
  bool quoted = false;
  const std::size_t first_line = line;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') ++line;
    if (quoted) {
      const bool doubled = c == '"' && at + 1 < text.size() && text[at + 1] == '"';
      if (doubled) ++at;
      if (c == '"' && !doubled) {
        quoted = false;
      } else {
        cells.back() += c;
      }
    } else if (c == '"' && cells.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      if (cells.size() == kInputColumnsMax) return InvalidArgument("line ", first_line, " has too many cells");
      cells.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  if (quoted) return InvalidArgument("line ", first_line, ": a quote is not closed");
  text.remove_prefix(std::min(text.size(), at + 1));
  return Ok();
}

/// For each of the model's columns its position in the heading.
Result<std::vector<std::size_t>> FindColumns(const std::vector<InputColumn>& columns,
                                             const std::vector<std::string>& heading) {
  const std::vector<std::string_view> names(heading.begin(), heading.end());
  std::vector<std::size_t> positions;
  for (const InputColumn& column : columns) {
    const auto found = std::find(names.begin(), names.end(), column.name);
    if (found == names.end()) return AbsentColumn(column, names, 1);
    positions.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  return positions;
}

Result<std::vector<Row>> ReadCsv(const std::vector<InputColumn>& columns, std::string_view text) {
  std::vector<std::string> cells;
  std::size_t line = 1;
  TRY(TakeRecord(text, cells, line));
  const std::vector<std::string> heading = cells;
  const std::vector<std::size_t> positions = TRY(FindColumns(columns, heading));
  std::vector<Row> rows;
  while (!text.empty() && rows.size() < kRowFileRowsMax) {
    const std::size_t at = line;
    TRY(TakeRecord(text, cells, line));
    if (cells.size() == 1 && cells[0].empty() && heading.size() > 1) continue;  // an empty line
    if (cells.size() != heading.size()) {
      return InvalidArgument("line ", at, " has ", cells.size(), " cells, the heading has ", heading.size());
    }
    Row row;
    for (std::size_t i = 0; i < columns.size(); ++i) row.push_back(TRY(TextCell(columns[i], cells[positions[i]], at)));
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<Cell> JsonCell(const InputColumn& column, const Json& value, std::size_t line) {
  if (value.IsNull()) return Cell();
  if (value.IsString()) return TextCell(column, value.AsString(), line);
  if (value.IsBool() && column.datatype == "BOOL") return Cell(value.AsBool());
  if (value.IsNumber() && column.datatype == "BOOL") return Cell(value.AsDouble() != 0);
  if (value.IsNumber() && column.datatype != "BYTES") return Cell(value.AsDouble());
  return InvalidArgument("line ", line, ": column ", Quoted(column.name), " holds ", value.Dump().substr(0, 80),
                         ", which is no value of ", column.datatype);
}

Result<Row> RowOf(const std::vector<InputColumn>& columns, const Json& object, std::size_t line) {
  if (!object.IsObject()) return InvalidArgument("line ", line, " is no JSON object of columns and values");
  Row row;
  for (const InputColumn& column : columns) {
    const Json* value = object.Find(column.name);
    if (value == nullptr) {
      std::vector<std::string_view> names;
      for (const auto& [name, other] : object.AsObject()) names.push_back(name);
      return AbsentColumn(column, names, line);
    }
    row.push_back(TRY(JsonCell(column, *value, line)));
  }
  return row;
}

Result<std::vector<Row>> ReadLines(const std::vector<InputColumn>& columns, std::string_view text) {
  std::vector<Row> rows;
  std::size_t line = 0;
  while (!text.empty() && rows.size() < kRowFileRowsMax) {
    ++line;
    const std::string_view one = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    if (Trim(one).empty()) continue;
    const Json object = TRY(Json::Parse(one).In(Cat("line ", line)));
    rows.push_back(TRY(RowOf(columns, object, line)));
  }
  return rows;
}

}  // namespace

Result<std::unique_ptr<RowSource>> RecordedRows(const std::vector<InputColumn>& columns, std::string_view text,
                                                bool csv) {
  if (!IsUtf8(text)) return InvalidArgument("the rows are not UTF-8");
  std::vector<Row> rows = csv ? TRY(ReadCsv(columns, text)) : TRY(ReadLines(columns, text));
  if (rows.empty()) return InvalidArgument("the file has no rows");
  return std::unique_ptr<RowSource>(std::make_unique<RecordedSource>(std::move(rows)));
}

}  // namespace mw::load
