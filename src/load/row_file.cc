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

/// Records of CSV, one after the other, with their cells unquoted.
class CsvRecords {
 public:
  explicit CsvRecords(std::string_view text) : text_(text) {}
  [[nodiscard]] bool AtEnd() const { return at_ == text_.size(); }
  [[nodiscard]] std::size_t line() const { return line_; }  ///< that the next record begins on
  Status Next(std::vector<std::string>& cells) {
    const std::size_t first_line = line_;
    cells.assign(1, "");
    state_ = State::kStart;
    bool whole = false;
    while (!whole && !AtEnd()) {
      const char c = text_[at_++];
      if (c == '\n') ++line_;
      whole = Take(c, cells);
      if (cells.size() > kInputColumnsMax) return InvalidArgument("line ", first_line, " has too many cells");
    }
    if (state_ == State::kQuoted) return InvalidArgument("line ", first_line, ": a quote is not closed");
    return Ok();
  }

 private:
  enum class State : std::uint8_t { kStart, kPlain, kQuoted, kQuoteInQuotes };
  /// True at the record's end.
  bool Take(char c, std::vector<std::string>& cells) {
    if (state_ == State::kQuoted || (state_ == State::kQuoteInQuotes && c == '"')) {
      const bool quote = state_ == State::kQuoted && c == '"';
      state_ = quote ? State::kQuoteInQuotes : State::kQuoted;
      if (!quote) cells.back() += c;
      return false;
    }
    if (c == '\n') return true;
    if (c == ',') {
      cells.emplace_back();
      state_ = State::kStart;
    } else if (c == '"' && state_ == State::kStart) {
      state_ = State::kQuoted;
    } else if (c != '\r') {
      cells.back() += c;
      state_ = State::kPlain;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  State state_ = State::kStart;
};

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
  CsvRecords records(text);
  std::vector<std::string> heading, cells;
  TRY(records.Next(heading));
  const std::vector<std::size_t> positions = TRY(FindColumns(columns, heading));
  std::vector<Row> rows;
  while (!records.AtEnd() && rows.size() < kRowFileRowsMax) {
    const std::size_t line = records.line();
    TRY(records.Next(cells));
    if (cells.size() == 1 && cells[0].empty() && heading.size() > 1) continue;  // an empty line
    if (cells.size() != heading.size()) {
      return InvalidArgument("line ", line, " has ", cells.size(), " cells, the heading has ", heading.size());
    }
    Row row;
    for (std::size_t i = 0; i < columns.size(); ++i)
      row.push_back(TRY(TextCell(columns[i], cells[positions[i]], line)));
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
