// What DuckDB says and hands over, as this program says and takes it.
#include "data/duckdb_handles.h"

#include <array>
#include <limits>

#include "base/text.h"

namespace mw::data {
namespace {

using schema::ColumnType;

struct CodePrefix {
  std::string_view prefix;
  Code code;
};
constexpr std::array kCodes = {
    CodePrefix{"Out of Memory Error", Code::kResourceExhausted},
    CodePrefix{"IO Error", Code::kUnavailable},
    CodePrefix{"Permission Error", Code::kPermissionDenied},
    CodePrefix{"INTERNAL Error", Code::kInternal},
    CodePrefix{"INTERRUPT Error", Code::kCancelled},
};

/// The number after the first `label` in `text`.
std::optional<long long> NumberAfter(std::string_view text, std::string_view label) {
  const std::size_t at = text.find(label);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = Trim(text.substr(at + label.size()));
  return ParseInt(rest.substr(0, rest.find_first_not_of("0123456789")));
}

/// What matters of DuckDB's text: without the class of the error and the picture of the line.
std::string Sentence(std::string_view text) {
  const std::size_t picture = text.find("\nLINE ");
  if (picture != std::string_view::npos) text = text.substr(0, picture);
  const std::size_t prefix = text.find(" Error: ");
  if (prefix != std::string_view::npos && text.substr(0, prefix).find('\n') == std::string_view::npos) {
    text = text.substr(prefix + 8);
  }
  const std::size_t advice = text.find("\nPossible ");  // options of DuckDB's, which are not ours
  if (advice != std::string_view::npos) text = text.substr(0, advice);
  std::string sentence;
  for (const std::string_view line : Split(text, '\n')) {
    if (Trim(line).empty() || line.starts_with("CSV Error on Line:")) continue;
    if (!sentence.empty()) sentence += ' ';
    sentence += Trim(line);
  }
  return sentence;
}

/// The expression that hands a column over as double, text or microseconds.
std::string Delivery(const ResultColumn& column, std::string_view alias) {
  switch (column.type) {
    case ColumnType::kText:
    case ColumnType::kCategory: return Cat("CAST(", alias, " AS VARCHAR)");
    case ColumnType::kTimestamp: return Cat("epoch_us(", alias, ")");
    default: return Cat("CAST(", alias, " AS DOUBLE)");
  }
}

/// Writes the mark of a missing value into the vector itself.
template <typename Value>
Value* MarkMissing(duckdb_vector vector, std::size_t rows, Value mark) {
  auto* values = static_cast<Value*>(duckdb_vector_get_data(vector));
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  if (validity == nullptr) return values;
  for (std::size_t row = 0; row < rows; ++row) {
    if (!duckdb_validity_row_is_valid(validity, row)) values[row] = mark;
  }
  return values;
}

}  // namespace

Error DuckdbError(const char* text, std::string_view origin) {
  const std::string_view whole = text == nullptr ? "no reason given" : text;
  Error error{Code::kInvalidArgument, "", {}};
  for (const CodePrefix& entry : kCodes) {
    if (whole.starts_with(entry.prefix)) error.code = entry.code;
  }
  std::optional<long long> line = NumberAfter(whole, "CSV Error on Line:");
  // A data file's own lines only: the query that reads it is ours.
  const bool is_data_file = origin.ends_with(".parquet") || origin.ends_with(".csv");
  if (!line && !is_data_file) line = NumberAfter(whole, "\nLINE ");
  if (!origin.empty()) error.message = line ? Cat(origin, ":", *line, ": ") : Cat(origin, ": ");
  error.message += Sentence(whole);
  return error;
}

std::optional<schema::ColumnType> TypeOf(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN: return ColumnType::kBoolean;
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_UHUGEINT: return ColumnType::kInteger;
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_DECIMAL: return ColumnType::kFloat;
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_ENUM:
    case DUCKDB_TYPE_UUID: return ColumnType::kText;
    case DUCKDB_TYPE_DATE:
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_S:
    case DUCKDB_TYPE_TIMESTAMP_MS:
    case DUCKDB_TYPE_TIMESTAMP_NS:
    case DUCKDB_TYPE_TIMESTAMP_TZ: return ColumnType::kTimestamp;
    default: return std::nullopt;
  }
}

std::string_view AsSubquery(std::string_view sql) {
  sql = Trim(sql);
  while (sql.ends_with(';')) sql = Trim(sql.substr(0, sql.size() - 1));
  return sql;
}

std::string DeliverySql(std::string_view sql, const std::vector<ResultColumn>& columns, std::size_t kept) {
  std::vector<std::string> expressions;
  std::vector<std::string> aliases;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    aliases.push_back(Cat("c", i));
    expressions.push_back(i < kept ? aliases.back() : Delivery(columns[i], aliases.back()));
  }
  return Cat("SELECT ", Join(expressions, ", "), " FROM (\n", AsSubquery(sql), "\n) AS delivered(", Join(aliases, ", "),
             ")");
}

ChunkFiller::ChunkFiller(const std::vector<ResultColumn>& columns, std::size_t first) : first_(first) {
  chunk_.views_.resize(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) chunk_.views_[i].type = columns[i].type;
}

const Chunk& ChunkFiller::Fill(duckdb_data_chunk data) {
  chunk_.rows_ = duckdb_data_chunk_get_size(data);
  for (std::size_t i = 0; i < chunk_.views_.size(); ++i) {
    FillColumn(chunk_.views_[i], duckdb_data_chunk_get_vector(data, first_ + i));
  }
  return chunk_;
}

void ChunkFiller::FillColumn(Chunk::View& view, duckdb_vector vector) const {
  switch (view.type) {
    case ColumnType::kText:
    case ColumnType::kCategory: FillTexts(view, vector); return;
    case ColumnType::kTimestamp:
      view.times = MarkMissing<std::int64_t>(vector, chunk_.rows_, Chunk::kMissingTime);
      return;
    default: view.numbers = MarkMissing<double>(vector, chunk_.rows_, std::numeric_limits<double>::quiet_NaN());
  }
}

void ChunkFiller::FillTexts(Chunk::View& view, duckdb_vector vector) const {
  auto* values = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  std::uint64_t* validity = duckdb_vector_get_validity(vector);
  view.texts.resize(chunk_.rows_);
  for (std::size_t row = 0; row < chunk_.rows_; ++row) {
    const bool missing = validity != nullptr && !duckdb_validity_row_is_valid(validity, row);
    view.texts[row] = missing
                          ? std::string_view()
                          : std::string_view(duckdb_string_t_data(&values[row]), duckdb_string_t_length(values[row]));
  }
}

}  // namespace mw::data
