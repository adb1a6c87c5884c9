// DuckDB's C API between the files of this module that call it: handles that close themselves, errors as Result, chunks
// as spans. Only .cc files of this module include it. One thread at a time for each session.
#pragma once

#include <duckdb.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/duckdb_session.h"

namespace mw::data {

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

struct LogicalType {
  duckdb_logical_type value = nullptr;
  explicit LogicalType(duckdb_logical_type type) : value(type) {}
  LogicalType(LogicalType&& other) noexcept : value(std::exchange(other.value, nullptr)) {}
  LogicalType& operator=(LogicalType&&) = delete;
  ~LogicalType() { duckdb_destroy_logical_type(&value); }
};

/// `origin` is the query's file, or the data file that was being read; empty: neither.
Error DuckdbError(const char* text, std::string_view origin);
/// The type of a dataset's column, or nothing for types that no dataset holds.
std::optional<schema::ColumnType> TypeOf(duckdb_type type);
/// Without the semicolon and what may follow it, so that the query can stand in parentheses.
std::string_view AsSubquery(std::string_view sql);
/// The query with each column delivered as double, text or microseconds; the first `kept` as they are.
std::string DeliverySql(std::string_view sql, const std::vector<ResultColumn>& columns, std::size_t kept = 0);

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
  /// Chunks of these columns, which stand in DuckDB's behind `first` others.
  explicit ChunkFiller(const std::vector<ResultColumn>& columns, std::size_t first = 0);
  /// Valid while `data` lives and until the next Fill.
  const Chunk& Fill(duckdb_data_chunk data);
  Chunk Take() { return std::move(chunk_); }

 private:
  void FillColumn(Chunk::View& view, duckdb_vector vector) const;
  void FillTexts(Chunk::View& view, duckdb_vector vector) const;

  Chunk chunk_;
  std::size_t first_;
};

}  // namespace mw::data
