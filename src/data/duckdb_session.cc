// DuckDB's C API behind DuckdbSession: handles that close themselves, errors as Result, chunks as spans.
#include "data/duckdb_session.h"

#include <duckdb.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "data/csv_header.h"

namespace mw::data {
namespace {

using schema::ColumnType;

struct QueryResult {
  duckdb_result value{};
  QueryResult() = default;
  QueryResult(const QueryResult&) = delete;
  QueryResult& operator=(const QueryResult&) = delete;
  ~QueryResult() { duckdb_destroy_result(&value); }
};

struct Statement {
  duckdb_prepared_statement value = nullptr;
  Statement() = default;
  Statement(Statement&& other) noexcept : value(std::exchange(other.value, nullptr)) {}
  Statement& operator=(Statement&&) = delete;
  ~Statement() { duckdb_destroy_prepare(&value); }
};

struct DataChunk {
  duckdb_data_chunk value = nullptr;
  explicit DataChunk(duckdb_data_chunk chunk) : value(chunk) {}
  DataChunk(const DataChunk&) = delete;
  DataChunk& operator=(const DataChunk&) = delete;
  ~DataChunk() { duckdb_destroy_data_chunk(&value); }
};

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

/// `origin` is the query's file, or the data file that was being read.
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

/// The type of a dataset's column, or nothing for types that no dataset holds.
std::optional<ColumnType> TypeOf(duckdb_type type) {
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

std::string_view SqlTypeName(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_TIMESTAMP_TZ: return "TIMESTAMP WITH TIME ZONE";
    case DUCKDB_TYPE_DATE: return "DATE";
    case DUCKDB_TYPE_BLOB: return "BLOB";
    case DUCKDB_TYPE_TIME: return "TIME";
    case DUCKDB_TYPE_INTERVAL: return "INTERVAL";
    case DUCKDB_TYPE_LIST: return "LIST";
    case DUCKDB_TYPE_STRUCT: return "STRUCT";
    case DUCKDB_TYPE_MAP: return "MAP";
    default: return "";
  }
}

/// Without the semicolon and what may follow it, so that the query can stand in parentheses.
std::string_view AsSubquery(std::string_view sql) {
  sql = Trim(sql);
  while (sql.ends_with(';')) sql = Trim(sql.substr(0, sql.size() - 1));
  return sql;
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

std::string DeliverySql(std::string_view sql, const std::vector<ResultColumn>& columns) {
  std::vector<std::string> expressions;
  std::vector<std::string> aliases;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    aliases.push_back(Cat("c", i));
    expressions.push_back(Delivery(columns[i], aliases.back()));
  }
  return Cat("SELECT ", Join(expressions, ", "), " FROM (\n", AsSubquery(sql), "\n) AS delivered(", Join(aliases, ", "),
             ")");
}

bool IsDirectory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

bool Exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

std::string PathList(const std::vector<std::string>& paths) {
  std::vector<std::string> texts;
  for (const std::string& path : paths) texts.push_back(SqlText(path));
  return Cat("[", Join(texts, ", "), "]");
}

/// In this order: what comes last locks what came before.
std::vector<std::string> Settings(const SessionOptions& options) {
  std::vector<std::string> files;
  std::vector<std::string> directories;
  for (const std::string& path : options.paths) (IsDirectory(path) ? directories : files).push_back(path);
  const long long memory_mib = options.memory_bytes >> 20;
  return {Cat("SET memory_limit = '", memory_mib, "MiB'"),
          Cat("SET threads = ", options.threads),
          Cat("SET temp_directory = ", SqlText(options.spill_directory)),
          "SET TimeZone = 'UTC'",
          "SET preserve_insertion_order = true",
          "SET autoinstall_known_extensions = false",
          "SET autoload_known_extensions = false",
          "SET allow_community_extensions = false",
          Cat("SET allowed_directories = ", PathList(directories)),
          Cat("SET allowed_paths = ", PathList(files)),
          "SET enable_external_access = false",
          "SET lock_configuration = true"};
}

Result<std::string> StartOf(const std::string& file) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream(std::fopen(file.c_str(), "rb"), &std::fclose);
  if (stream == nullptr) return ErrnoError(errno, file);
  std::string start(kCsvHeaderBytesMax, '\0');
  start.resize(std::fread(start.data(), 1, start.size(), stream.get()));
  return start;
}

/// How to read a CSV file whose every row has been seen to fit its header. Types are taken from all rows,
/// not from a sample: row 50,000 may hold the first fraction.
Result<std::string> CsvSource(DuckdbSession& session, const std::string& file) {
  const CsvHeader header = TRY(ParseCsvHeader(TRY(StartOf(file))).In(file));
  const std::string dialect = Cat("header = true, skip = 0, quote = '\"', escape = '\"', delim = ",
                                  SqlText(std::string_view(&header.separator, 1)));
  std::vector<std::string> columns;
  for (const std::string& name : header.names) columns.push_back(Cat(SqlText(name), ": 'VARCHAR'"));
  TRY(session.Execute(Cat("SELECT count(COLUMNS(*)) FROM read_csv(", SqlText(file), ", auto_detect = false, ", dialect,
                          ", columns = {", Join(columns, ", "), "})"),
                      file));
  // No times of day: datasets hold moments, so 12:30 alone stays a text.
  return Cat("read_csv(", SqlText(file), ", sample_size = -1, ", dialect,
             ", auto_type_candidates = ['NULL', 'BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'TIMESTAMPTZ', "
             "'VARCHAR'])");
}

}  // namespace

struct DuckdbSession::Handles {
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;
  Handles() = default;
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
  ~Handles() {
    duckdb_disconnect(&connection);
    duckdb_close(&database);
  }

  Result<Statement> Prepare(std::string_view sql, std::string_view origin) const {
    Statement statement;
    const std::string text(sql);
    if (duckdb_prepare(connection, text.c_str(), &statement.value) == DuckDBError) {
      return DuckdbError(duckdb_prepare_error(statement.value), origin);
    }
    return statement;
  }
};

/// Lays the spans of a Chunk over DuckDB's vectors and writes the marks of missing values into them.
class ChunkFiller {
 public:
  explicit ChunkFiller(const std::vector<ResultColumn>& columns) {
    chunk_.views_.resize(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) chunk_.views_[i].type = columns[i].type;
  }

  const Chunk& Fill(duckdb_data_chunk data) {
    chunk_.rows_ = duckdb_data_chunk_get_size(data);
    for (std::size_t i = 0; i < chunk_.views_.size(); ++i) {
      FillColumn(chunk_.views_[i], duckdb_data_chunk_get_vector(data, i));
    }
    return chunk_;
  }

 private:
  template <typename Value>
  Value* MarkMissing(duckdb_vector vector, Value mark) const {
    auto* values = static_cast<Value*>(duckdb_vector_get_data(vector));
    std::uint64_t* validity = duckdb_vector_get_validity(vector);
    if (validity == nullptr) return values;
    for (std::size_t row = 0; row < chunk_.rows_; ++row) {
      if (!duckdb_validity_row_is_valid(validity, row)) values[row] = mark;
    }
    return values;
  }

  void FillColumn(Chunk::View& view, duckdb_vector vector) const {
    switch (view.type) {
      case ColumnType::kText:
      case ColumnType::kCategory: FillTexts(view, vector); return;
      case ColumnType::kTimestamp: view.times = MarkMissing<std::int64_t>(vector, Chunk::kMissingTime); return;
      default: view.numbers = MarkMissing<double>(vector, std::numeric_limits<double>::quiet_NaN());
    }
  }

  void FillTexts(Chunk::View& view, duckdb_vector vector) const {
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

  Chunk chunk_;
};

std::span<const double> Chunk::Numbers(std::size_t column) const {
  MW_ASSERT(views_[column].numbers != nullptr);
  return {views_[column].numbers, rows_};
}

std::span<const std::string_view> Chunk::Texts(std::size_t column) const {
  MW_ASSERT(views_[column].texts.size() == rows_);
  return views_[column].texts;
}

std::span<const std::int64_t> Chunk::Times(std::size_t column) const {
  MW_ASSERT(views_[column].times != nullptr);
  return {views_[column].times, rows_};
}

bool Chunk::IsMissing(std::size_t column, std::size_t row) const {
  const View& view = views_[column];
  if (view.numbers != nullptr) return std::isnan(view.numbers[row]);
  if (view.times != nullptr) return view.times[row] == kMissingTime;
  return view.texts[row].data() == nullptr;
}

DuckdbSession::DuckdbSession(std::unique_ptr<Handles> handles) : handles_(std::move(handles)) {}
DuckdbSession::DuckdbSession(DuckdbSession&&) noexcept = default;
DuckdbSession& DuckdbSession::operator=(DuckdbSession&&) noexcept = default;
DuckdbSession::~DuckdbSession() = default;

Result<DuckdbSession> DuckdbSession::Open(const SessionOptions& options) {
  auto handles = std::make_unique<Handles>();
  if (duckdb_open(nullptr, &handles->database) == DuckDBError ||
      duckdb_connect(handles->database, &handles->connection) == DuckDBError) {
    return Internal("DuckDB did not open an in-memory database");
  }
  DuckdbSession session(std::move(handles));
  for (const std::string& setting : Settings(options)) TRY(session.Execute(setting, "opening a data session"));
  return session;
}

Status DuckdbSession::Bind(std::string_view name, const std::string& path) {
  const std::string file = IsDirectory(path) ? path + "/data.parquet" : path;
  if (!Exists(file)) return NotFound("table ", Quoted(name), ": there is no file ", file);
  std::string source;
  if (file.ends_with(".parquet")) {
    source = Cat("read_parquet(", SqlText(file), ")");
  } else if (file.ends_with(".csv")) {
    source = TRY(CsvSource(*this, file));
  } else {
    return InvalidArgument("table ", Quoted(name), ": ", file, " is neither .parquet nor .csv; convert it to one");
  }
  return Execute(Cat("CREATE OR REPLACE TEMP VIEW ", SqlName(name), " AS FROM ", source), file);
}

Result<std::vector<ResultColumn>> DuckdbSession::Describe(std::string_view sql, std::string_view origin) {
  const Statement statement = TRY(handles_->Prepare(sql, origin));
  const std::string where = origin.empty() ? std::string() : Cat(origin, ": ");
  if (duckdb_prepared_statement_type(statement.value) != DUCKDB_STATEMENT_TYPE_SELECT) {
    return InvalidArgument(where, "a query is one SELECT; this statement is of another kind");
  }
  std::vector<ResultColumn> columns;
  for (idx_t i = 0; i < duckdb_prepared_statement_column_count(statement.value); ++i) {
    const char* name = duckdb_prepared_statement_column_name(statement.value, i);
    const duckdb_type duckdb = duckdb_prepared_statement_column_type(statement.value, i);
    const auto type = TypeOf(duckdb);
    columns.push_back({name, type.value_or(ColumnType::kText), std::string(SqlTypeName(duckdb))});
    duckdb_free(const_cast<char*>(name));
    if (!type) {
      return InvalidArgument(where, "column ", Quoted(columns.back().name), " is a ", columns.back().sql_type,
                             "; datasets hold numbers, booleans, texts and times: cast it to one of them");
    }
  }
  return columns;
}

Status DuckdbSession::Execute(std::string_view sql, std::string_view origin) {
  const Statement statement = TRY(handles_->Prepare(sql, origin));
  QueryResult result;
  if (duckdb_execute_prepared(statement.value, &result.value) == DuckDBError) {
    return DuckdbError(duckdb_result_error(&result.value), origin);
  }
  return Ok();
}

Status DuckdbSession::Materialise(std::string_view name, std::string_view sql, std::string_view origin) {
  TRY(Describe(sql, origin));
  return Execute(Cat("CREATE OR REPLACE TEMP TABLE ", SqlName(name), " AS ", sql), origin);
}

Status DuckdbSession::Stream(std::string_view sql, const std::function<Status(const Chunk&)>& visit) {
  const std::vector<ResultColumn> columns = TRY(Describe(sql));
  const Statement statement = TRY(handles_->Prepare(DeliverySql(sql, columns), ""));
  QueryResult result;
  if (duckdb_execute_prepared_streaming(statement.value, &result.value) == DuckDBError) {
    return DuckdbError(duckdb_result_error(&result.value), "");
  }
  ChunkFiller filler(columns);
  while (true) {
    const DataChunk chunk(duckdb_fetch_chunk(result.value));
    if (chunk.value == nullptr) break;
    TRY(visit(filler.Fill(chunk.value)));
  }
  const char* failed = duckdb_result_error(&result.value);
  if (failed != nullptr && *failed != '\0') return DuckdbError(failed, "");
  return Ok();
}

Result<std::vector<std::vector<Json>>> DuckdbSession::Query(std::string_view sql) {
  const std::vector<ResultColumn> columns = TRY(Describe(sql));
  std::vector<std::vector<Json>> rows;
  TRY(Stream(sql, [&](const Chunk& chunk) {
    for (std::size_t row = 0; row < chunk.rows(); ++row) {
      std::vector<Json>& cells = rows.emplace_back();
      for (std::size_t i = 0; i < columns.size(); ++i) {
        if (chunk.IsMissing(i, row)) {
          cells.emplace_back(nullptr);
        } else if (columns[i].type == ColumnType::kText) {
          cells.emplace_back(chunk.Texts(i)[row]);
        } else if (columns[i].type == ColumnType::kTimestamp) {
          cells.emplace_back(FormatTime(FromMicros(chunk.Times(i)[row])));
        } else if (columns[i].type == ColumnType::kInteger && std::abs(chunk.Numbers(i)[row]) < 0x1p63) {
          cells.emplace_back(static_cast<std::int64_t>(chunk.Numbers(i)[row]));
        } else if (columns[i].type == ColumnType::kBoolean) {
          cells.emplace_back(chunk.Numbers(i)[row] != 0);
        } else {
          cells.emplace_back(chunk.Numbers(i)[row]);
        }
      }
    }
    return Ok();
  }));
  return rows;
}

Status DuckdbSession::WriteParquet(std::string_view sql, const std::string& path) {
  return Execute(Cat("COPY (\n", AsSubquery(sql), "\n) TO ", SqlText(path), " (FORMAT parquet, COMPRESSION zstd)"),
                 path);
}

std::string SqlName(std::string_view name) {
  std::string sql = "\"";
  for (const char c : name) sql.append(c == '"' ? 2 : 1, c);
  return sql + '"';
}

std::string SqlText(std::string_view text) {
  std::string sql = "'";
  for (const char c : text) sql.append(c == '\'' ? 2 : 1, c);
  return sql + '\'';
}

std::string SqlTime(Timestamp at) { return Cat("make_timestamptz(", ToMicros(at), ")"); }

}  // namespace mw::data
