// A query's rows on their way through this program to another file: some columns are kept as they are, of whatever
// type, the others are values to compute from. ParquetSink (parquet_sink.h) takes the batches at the other end.
//
//   DuckdbSession --RowStream--> RowBatch --(another thread)--> ParquetSink
//
// A stream belongs to one thread at a time and is all that its session does. Batches may outlive stream and session's
// query, not the session; they are immutable, any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/duckdb_session.h"

namespace mw::data {

/// Up to 2,048 rows.
class RowBatch {
 public:
  ~RowBatch();
  [[nodiscard]] std::size_t rows() const { return values_.rows(); }
  /// The columns that are not kept.
  [[nodiscard]] const Chunk& values() const { return values_; }

 private:
  friend class RowStream;
  friend class ParquetSink;
  struct Data;
  explicit RowBatch(std::unique_ptr<Data> data);
  std::unique_ptr<Data> data_;  // DuckDB's chunk; its first columns are the kept ones
  Chunk values_;
};

/// Names and types of columns that are kept.
class KeptColumns {
 public:
  ~KeptColumns();
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  friend class RowStream;
  friend class ParquetSink;
  struct Types;
  KeptColumns();
  std::vector<std::string> names_;
  std::unique_ptr<Types> types_;
};

class RowStream {
 public:
  /// Starts one SELECT; its first `kept` columns are kept. Errors: kInvalidArgument for a query that is wrong, and for
  /// a value of a type that no dataset holds. `origin` is the file that is read, for errors.
  static Result<RowStream> Start(DuckdbSession& session, std::string_view sql, std::size_t kept,
                                 std::string_view origin);
  RowStream(RowStream&&) noexcept;
  RowStream& operator=(RowStream&&) noexcept;
  ~RowStream();

  [[nodiscard]] const std::shared_ptr<const KeptColumns>& kept() const { return kept_; }
  /// The columns of values(), in their order.
  [[nodiscard]] const std::vector<ResultColumn>& value_columns() const { return value_columns_; }
  /// The next rows in their order; null behind the last.
  Result<std::shared_ptr<const RowBatch>> Next();

 private:
  struct Query;
  RowStream(std::unique_ptr<Query> query, std::string origin);
  std::unique_ptr<Query> query_;
  std::string origin_;
  std::shared_ptr<const KeptColumns> kept_;
  std::vector<ResultColumn> value_columns_;
};

}  // namespace mw::data
