// SQL over Parquet and CSV files: the one door to DuckDB, an in-memory session that sees only the files
// it was opened with. No network, no extensions, no other file: a query that a pipeline's author wrote
// cannot read or write anything beyond its inputs and outputs.
//
// Times are instants in UTC. SQL comes from our own code or is a step's query file; `origin` names that
// file ("features.sql"), so that an error reads "features.sql:12: Referenced column ...".
// One thread at a time; a query itself uses `threads` cores. Nothing throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "schema/schema.h"

namespace mw::data {

struct SessionOptions {
  /// Files and directories that SQL may touch, absolute. A directory covers everything in it.
  std::vector<std::string> paths;
  std::int64_t memory_bytes = std::int64_t{1} << 30;
  int threads = 2;
  /// Where what exceeds the memory goes; empty: a query that needs more fails.
  std::string spill_directory;
};

struct ResultColumn {
  std::string name;
  schema::ColumnType type = schema::ColumnType::kFloat;  ///< text is kText: only values tell a category
  std::string sql_type;                                  ///< as DuckDB calls it: "DECIMAL(18,3)", "TIMESTAMP"
};

inline bool IsText(schema::ColumnType type) {
  return type == schema::ColumnType::kText || type == schema::ColumnType::kCategory;
}

/// Up to 2,048 rows, column by column. Valid until the callback that got it returns.
class Chunk {
 public:
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return views_.size(); }
  /// Of a float, integer (exact up to 2^53) or boolean (0, 1) column. A missing value is NaN.
  [[nodiscard]] std::span<const double> Numbers(std::size_t column) const;
  /// Of a text or category column. A missing value is a view without data: data() == nullptr.
  [[nodiscard]] std::span<const std::string_view> Texts(std::size_t column) const;
  /// Of a timestamp column, microseconds UTC. A missing value is kMissingTime.
  [[nodiscard]] std::span<const std::int64_t> Times(std::size_t column) const;
  [[nodiscard]] bool IsMissing(std::size_t column, std::size_t row) const;

  static constexpr std::int64_t kMissingTime = INT64_MIN;

 private:
  friend class ChunkFiller;
  struct View {
    schema::ColumnType type = schema::ColumnType::kFloat;
    const double* numbers = nullptr;
    const std::int64_t* times = nullptr;
    std::vector<std::string_view> texts;
  };
  std::size_t rows_ = 0;
  std::vector<View> views_;
};

class DuckdbSession {
 public:
  /// Errors: kInvalidArgument for an option that DuckDB refuses.
  static Result<DuckdbSession> Open(const SessionOptions& options);
  DuckdbSession(DuckdbSession&&) noexcept;
  DuckdbSession& operator=(DuckdbSession&&) noexcept;
  ~DuckdbSession();

  /// Makes `path` (a dataset's directory, a .parquet or a .csv file) the table `name`.
  /// Errors: kNotFound; kInvalidArgument for a file of another kind or one that cannot be read as what it
  /// is, with the line for CSV.
  Status Bind(std::string_view name, const std::string& path);

  /// The columns of one SELECT, without running it. Errors: kInvalidArgument "ORIGIN:LINE: ..." for what is
  /// not one SELECT, and for a column of a type that no dataset holds (lists, structs, blobs).
  Result<std::vector<ResultColumn>> Describe(std::string_view sql, std::string_view origin = "");
  /// Runs one statement and drops what it returns.
  Status Execute(std::string_view sql, std::string_view origin = "");
  /// Runs one SELECT and keeps its rows as the temporary table `name`, in place of an older one.
  Status Materialise(std::string_view name, std::string_view sql, std::string_view origin = "");
  /// Runs one SELECT; `visit` gets the rows in order, chunk by chunk, and ends the query by an error.
  Status Stream(std::string_view sql, const std::function<Status(const Chunk&)>& visit);
  /// A small result, row by row: numbers, texts, times as texts, null where missing.
  Result<std::vector<std::vector<Json>>> Query(std::string_view sql);
  /// Runs one SELECT into a Parquet file (zstd). The same rows give the same bytes.
  Status WriteParquet(std::string_view sql, const std::string& path);

 private:
  friend class RowStream;
  friend class ParquetSink;
  struct Handles;
  explicit DuckdbSession(std::unique_ptr<Handles> handles);
  std::unique_ptr<Handles> handles_;
};

/// What stands behind FROM for a file's rows as they are, read in one pass: of a .csv file every column is a text.
/// Errors: kNotFound; kInvalidArgument for a file of another kind, or without a header.
Result<std::string> SourceSql(const std::string& file);
/// A name as SQL: "wind speed" with its quotes.
std::string SqlName(std::string_view name);
/// A text as an SQL literal: 'it''s'.
std::string SqlText(std::string_view text);
/// An instant as an SQL literal of type TIMESTAMP WITH TIME ZONE.
std::string SqlTime(Timestamp at);

}  // namespace mw::data
