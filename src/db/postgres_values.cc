// Text and binary forms of PostgreSQL's types.
#include "db/postgres_values.h"

#include <libpq-fe.h>

#include <cmath>
#include <memory>

#include "base/assert.h"
#include "base/text.h"

namespace mw::db {
namespace {

// Object ids of built-in types (the server's pg_type.dat); they never change.
constexpr unsigned kBool = 16, kBytea = 17, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kFloat4 = 700,
                   kFloat8 = 701, kUnknown = 705, kBpchar = 1042, kVarchar = 1043, kNumeric = 1700, kName = 19;

std::string NumberText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return Cat(value);
}

int HexDigit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/// "\x0aff", the form that bytea_output=hex gives.
Bytes FromHex(std::string_view text) {
  Bytes bytes;
  bytes.data.reserve(text.size() / 2);
  for (std::size_t i = 2; i + 1 < text.size(); i += 2) {
    bytes.data.push_back(static_cast<char>(HexDigit(text[i]) * 16 + HexDigit(text[i + 1])));
  }
  return bytes;
}

/// A sum of integers arrives as numeric: an integer where it is one that fits.
Result<Value> ReadNumber(std::string_view text) {
  if (const auto integer = ParseInt(text)) return Value(std::int64_t{*integer});
  if (const auto number = ParseDouble(ToLower(text))) return Value(*number);
  return Internal("a number that cannot be read: ", text);
}

Result<Value> ReadDouble(std::string_view text) {
  if (text == "Infinity") return Value(HUGE_VAL);
  if (text == "-Infinity") return Value(-HUGE_VAL);
  if (const auto number = ParseDouble(ToLower(text))) return Value(*number);
  return Internal("a number that cannot be read: ", text);
}

Result<Value> ReadValue(unsigned type, std::string_view text) {
  switch (type) {
    case kInt2:
    case kInt4:
    case kInt8:
    case kNumeric: return ReadNumber(text);
    case kFloat4:
    case kFloat8: return ReadDouble(text);
    case kBool: return Value(std::int64_t{text == "t"});
    case kBytea: return Value(FromHex(text));
    case kText:
    case kVarchar:
    case kBpchar:
    case kName:
    case kUnknown: return Value(std::string(text));
    default: return Internal("a column of type ", type, ", which the shared subset of SQL lacks; cast it");
  }
}

}  // namespace

PostgresParameters::PostgresParameters(const Values& values) {
  texts_.reserve(values.size());  // the pointers into it must stay
  for (const Value& value : values) {
    const std::string* sent = nullptr;
    bool binary = false;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      sent = &texts_.emplace_back(Cat(*integer));
    } else if (const auto* number = std::get_if<double>(&value)) {
      sent = &texts_.emplace_back(NumberText(*number));
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      sent = text;
    } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
      sent = &bytes->data;
      binary = true;
    }
    pointers_.push_back(sent == nullptr ? nullptr : sent->c_str());
    lengths_.push_back(sent == nullptr ? 0 : static_cast<int>(sent->size()));
    formats_.push_back(binary ? 1 : 0);
  }
}

unsigned PostgresType(const Value& value) {
  if (std::holds_alternative<std::int64_t>(value)) return kInt8;
  if (std::holds_alternative<double>(value)) return kFloat8;
  if (std::holds_alternative<std::string>(value)) return kText;
  if (std::holds_alternative<Bytes>(value)) return kBytea;
  return 0;
}

namespace {

Result<Row> ReadRow(const pg_result* result, int row) {
  const int columns = PQnfields(result);
  Values values;
  values.reserve(static_cast<std::size_t>(columns));
  for (int column = 0; column < columns; ++column) {
    if (PQgetisnull(result, row, column) != 0) {
      values.emplace_back(nullptr);
      continue;
    }
    const std::string_view text(PQgetvalue(result, row, column),
                                static_cast<std::size_t>(PQgetlength(result, row, column)));
    values.push_back(TRY(ReadValue(PQftype(result, column), text)));
  }
  return Row(std::move(values));
}

bool IsText(unsigned type) {
  return type == kText || type == kVarchar || type == kBpchar || type == kName || type == kUnknown;
}

/// Reads a column where libpq has it, when it is asked for.
class ViewOfRow final : public RowView {
 public:
  ViewOfRow(const pg_result* result, int row) : result_(result), row_(row) {}

  std::int64_t Int(std::size_t column) const override {
    const Value value = Number(column);
    MW_ASSERT(std::holds_alternative<std::int64_t>(value));
    return std::get<std::int64_t>(value);
  }
  double Double(std::size_t column) const override {
    const Value value = Number(column);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
    MW_ASSERT(std::holds_alternative<double>(value));
    return std::get<double>(value);
  }
  std::string_view Text(std::size_t column) const override {
    MW_ASSERT(IsText(Type(column)));
    return Sent(column);
  }

 private:
  unsigned Type(std::size_t column) const { return PQftype(result_, static_cast<int>(column)); }
  std::string_view Sent(std::size_t column) const {
    const int at = static_cast<int>(column);
    MW_ASSERT(PQgetisnull(result_, row_, at) == 0);
    return {PQgetvalue(result_, row_, at), static_cast<std::size_t>(PQgetlength(result_, row_, at))};
  }
  Value Number(std::size_t column) const {
    Result<Value> value = ReadValue(Type(column), Sent(column));
    MW_ASSERT(value.ok());
    return *std::move(value);
  }

  const pg_result* result_;
  const int row_;
};

}  // namespace

Result<Rows> ReadRows(const pg_result* result) {
  Rows rows;
  const int count = PQntuples(result);
  rows.reserve(static_cast<std::size_t>(count));
  for (int row = 0; row < count; ++row) rows.push_back(TRY(ReadRow(result, row)));
  return rows;
}

Status ScanRows(const pg_result* result, const TakeView& take) {
  const int count = PQntuples(result);
  if (count > 0) TRY(ReadRow(result, 0));  // whether there are columns that cannot be read
  for (int i = 0; i < count; ++i) take(ViewOfRow(result, i));
  return Ok();
}

}  // namespace mw::db
