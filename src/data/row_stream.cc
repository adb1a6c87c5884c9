// A streaming query whose chunks are handed out.
#include "data/row_stream.h"

#include <utility>

#include "base/text.h"
#include "data/row_batch_data.h"

namespace mw::data {

RowBatch::RowBatch(std::unique_ptr<Data> data) : data_(std::move(data)) {}
RowBatch::~RowBatch() = default;

KeptColumns::KeptColumns() : types_(std::make_unique<Types>()) {}
KeptColumns::~KeptColumns() = default;

struct RowStream::Query {
  Statement statement;
  QueryResult result;
  explicit Query(Statement prepared) : statement(std::move(prepared)) {}
};

RowStream::RowStream(std::unique_ptr<Query> query, std::string origin)
    : query_(std::move(query)), origin_(std::move(origin)) {}
RowStream::RowStream(RowStream&&) noexcept = default;
RowStream& RowStream::operator=(RowStream&&) noexcept = default;
RowStream::~RowStream() = default;

Result<RowStream> RowStream::Start(DuckdbSession& session, std::string_view sql, std::size_t kept,
                                   std::string_view origin) {
  std::vector<ResultColumn> columns;
  {
    const Statement statement = TRY(session.handles_->Prepare(sql, origin));
    for (idx_t i = 0; i < duckdb_prepared_statement_column_count(statement.value); ++i) {
      const char* name = duckdb_prepared_statement_column_name(statement.value, i);
      const auto type = TypeOf(duckdb_prepared_statement_column_type(statement.value, i));
      columns.push_back({name, type.value_or(schema::ColumnType::kText), ""});
      duckdb_free(const_cast<char*>(name));
      if (i < kept || type) continue;
      return InvalidArgument(origin, ": column ", Quoted(columns.back().name), " is of a type that no model takes");
    }
  }
  auto query = std::make_unique<Query>(TRY(session.handles_->Prepare(DeliverySql(sql, columns, kept), origin)));
  if (duckdb_execute_prepared_streaming(query->statement.value, &query->result.value) == DuckDBError) {
    return DuckdbError(duckdb_result_error(&query->result.value), origin);
  }
  const std::shared_ptr<KeptColumns> own(new KeptColumns());
  for (std::size_t i = 0; i < kept; ++i) {
    own->names_.push_back(columns[i].name);
    own->types_->types.emplace_back(duckdb_column_logical_type(&query->result.value, i));
  }
  RowStream stream(std::move(query), std::string(origin));
  stream.kept_ = own;
  stream.value_columns_.assign(columns.begin() + static_cast<std::ptrdiff_t>(kept), columns.end());
  return stream;
}

Result<std::shared_ptr<const RowBatch>> RowStream::Next() {
  const duckdb_data_chunk chunk = duckdb_fetch_chunk(query_->result.value);
  if (chunk == nullptr) {
    const char* failed = duckdb_result_error(&query_->result.value);
    if (failed != nullptr && *failed != '\0') return DuckdbError(failed, origin_);
    return std::shared_ptr<const RowBatch>();
  }
  const std::shared_ptr<RowBatch> batch(
      new RowBatch(std::unique_ptr<RowBatch::Data>(new RowBatch::Data{DataChunk(chunk)})));
  ChunkFiller filler(value_columns_, kept_->names().size());
  filler.Fill(chunk);
  batch->values_ = filler.Take();
  return std::shared_ptr<const RowBatch>(batch);
}

}  // namespace mw::data
