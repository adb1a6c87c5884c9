// What batches and kept columns hold of DuckDB's; only row_stream.cc and parquet_sink.cc include it.
#pragma once

#include <vector>

#include "data/duckdb_handles.h"
#include "data/row_stream.h"

namespace mw::data {

struct RowBatch::Data {
  DataChunk chunk;
};

struct KeptColumns::Types {
  std::vector<LogicalType> types;
};

}  // namespace mw::data
