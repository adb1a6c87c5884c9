// Writes rows that came out of a RowStream into Parquet files, with columns that were computed beside those that were
// kept. Kept values never leave DuckDB's own vectors, so every type passes unchanged.
//
// One thread. Invariant: the same rows and answers give the same bytes, however the rows were cut into blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/duckdb_session.h"
#include "data/row_stream.h"

namespace mw::data {

struct AddedColumn {
  enum class Kind : std::uint8_t { kFloat, kFloats, kDouble, kDoubles, kInteger, kBoolean, kText };
  std::string name;
  Kind kind = Kind::kFloat;
  std::size_t width = 1;  ///< values of each row of kFloats and kDoubles, a list
};

/// One added column's values for a block: that of its kind is filled, for every row.
struct AddedValues {
  std::vector<float> floats;    ///< rows x width
  std::vector<double> doubles;  ///< the same
  std::vector<std::int64_t> integers;
  std::vector<std::uint8_t> booleans;   ///< 0 or 1
  std::vector<std::string_view> texts;  ///< without data(): missing
};

struct AnsweredBlock {
  std::shared_ptr<const RowBatch> rows;
  std::vector<AddedValues> added;      ///< in the order of the columns
  std::vector<std::uint8_t> answered;  ///< 0: the row's added numbers and booleans are missing
  std::string text_bytes;              ///< where `texts` may point to
  std::string answer_bytes;            ///< the same
};

/// Some rows of a block.
struct BlockSlice {
  std::shared_ptr<const AnsweredBlock> block;  ///< null: there are no more
  std::size_t first = 0;
  std::size_t count = 0;
};

class ParquetSink {
 public:
  /// The session may write where the files shall be, and does nothing else.
  static Result<std::unique_ptr<ParquetSink>> Make(DuckdbSession session, std::shared_ptr<const KeptColumns> kept,
                                                   std::vector<AddedColumn> added);
  ~ParquetSink();

  /// Gives the next rows, or an error that ends the file.
  using Source = std::function<Result<BlockSlice>()>;
  /// One file, compressed lightly: for parts that are soon put together. Errors: the source's; from DuckDB.
  Status Write(const std::string& path, const Source& source);

 private:
  struct State;
  ParquetSink(DuckdbSession session, std::unique_ptr<State> state);
  DuckdbSession session_;
  std::unique_ptr<State> state_;
};

}  // namespace mw::data
