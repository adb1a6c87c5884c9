// DuckDB's C API behind DuckdbSession: handles that close themselves, errors as Result, chunks as spans.
#include "data/duckdb_session.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/file.h"
#include "base/text.h"
#include "data/csv_header.h"
#include "data/duckdb_handles.h"

namespace mw::data {
namespace {

using schema::ColumnType;

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

bool IsDirectory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
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

std::string CsvDialect(const CsvHeader& header) {
  return Cat("header = true, skip = 0, quote = '\"', escape = '\"', delim = ",
             SqlText(std::string_view(&header.separator, 1)));
}

/// Every column as text.
std::string CsvTexts(const std::string& file, const CsvHeader& header) {
  std::vector<std::string> columns;
  for (const std::string& name : header.names) columns.push_back(Cat(SqlText(name), ": 'VARCHAR'"));
  return Cat("read_csv(", SqlText(file), ", auto_detect = false, ", CsvDialect(header), ", columns = {",
             Join(columns, ", "), "})");
}

/// How to read a CSV file whose every row has been seen to fit its header. Types are taken from all rows,
/// not from a sample: row 50,000 may hold the first fraction.
Result<std::string> CsvSource(DuckdbSession& session, const std::string& file) {
  const CsvHeader header = TRY(ParseCsvHeader(TRY(StartOf(file))).In(file));
  TRY(session.Execute(Cat("SELECT count(COLUMNS(*)) FROM ", CsvTexts(file, header)), file));
  // No times of day: datasets hold moments, so 12:30 alone stays a text.
  return Cat("read_csv(", SqlText(file), ", sample_size = -1, ", CsvDialect(header),
             ", auto_type_candidates = ['NULL', 'BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'TIMESTAMPTZ', "
             "'VARCHAR'])");
}

}  // namespace

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

Result<std::string> SourceSql(const std::string& file) {
  if (!Exists(file)) return NotFound("there is no file ", file);
  if (file.ends_with(".parquet")) return Cat("read_parquet(", SqlText(file), ")");
  if (file.ends_with(".csv")) return CsvTexts(file, TRY(ParseCsvHeader(TRY(StartOf(file))).In(file)));
  return InvalidArgument(file, " is neither .parquet nor .csv; convert it to one");
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
