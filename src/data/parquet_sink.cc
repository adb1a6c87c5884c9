// A table function that hands rows to DuckDB's own COPY.
#include "data/parquet_sink.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "data/row_batch_data.h"

namespace mw::data {
namespace {

using Kind = AddedColumn::Kind;

LogicalType TypeOfAdded(const AddedColumn& column) {
  switch (column.kind) {
    case Kind::kFloat: return LogicalType(duckdb_create_logical_type(DUCKDB_TYPE_FLOAT));
    case Kind::kBoolean: return LogicalType(duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN));
    case Kind::kText: return LogicalType(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
    case Kind::kDouble: return LogicalType(duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE));
    case Kind::kInteger: return LogicalType(duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
    case Kind::kFloats:
    case Kind::kDoubles: break;
  }
  const bool doubles = column.kind == Kind::kDoubles;
  const LogicalType element(duckdb_create_logical_type(doubles ? DUCKDB_TYPE_DOUBLE : DUCKDB_TYPE_FLOAT));
  return LogicalType(duckdb_create_list_type(element.value));
}

/// Where rows of a block go in an output vector.
struct Place {
  duckdb_vector vector;
  std::size_t from;  // row of the block
  std::size_t count;
  std::size_t to;  // row of the vector
};

void MarkUnanswered(const Place& place, const AnsweredBlock& block) {
  for (std::size_t i = 0; i < place.count; ++i) {
    if (block.answered[place.from + i] != 0) continue;
    duckdb_vector_ensure_validity_writable(place.vector);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(place.vector), place.to + i);
  }
}

template <typename Number>
void PutNumbers(const Place& place, const std::vector<Number>& values) {
  auto* const out = static_cast<Number*>(duckdb_vector_get_data(place.vector));
  std::copy_n(values.data() + place.from, place.count, out + place.to);
}

void PutBooleans(const Place& place, const std::vector<std::uint8_t>& values) {
  auto* const out = static_cast<bool*>(duckdb_vector_get_data(place.vector));
  for (std::size_t i = 0; i < place.count; ++i) out[place.to + i] = values[place.from + i] != 0;
}

void PutTexts(const Place& place, const std::vector<std::string_view>& values) {
  for (std::size_t i = 0; i < place.count; ++i) {
    const std::string_view text = values[place.from + i];
    if (text.data() == nullptr) {
      duckdb_vector_ensure_validity_writable(place.vector);
      duckdb_validity_set_row_invalid(duckdb_vector_get_validity(place.vector), place.to + i);
    } else {
      duckdb_vector_assign_string_element_len(place.vector, place.to + i, text.data(), text.size());
    }
  }
}

template <typename Number>
void PutLists(const Place& place, const std::vector<Number>& values, std::size_t width) {
  const std::size_t before = place.to * width;
  const std::size_t size = before + place.count * width;
  MW_ASSERT(duckdb_list_vector_reserve(place.vector, size) == DuckDBSuccess);
  MW_ASSERT(duckdb_list_vector_set_size(place.vector, size) == DuckDBSuccess);
  auto* const out = static_cast<Number*>(duckdb_vector_get_data(duckdb_list_vector_get_child(place.vector)));
  std::copy_n(values.data() + place.from * width, place.count * width, out + before);
  auto* const entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(place.vector));
  for (std::size_t i = 0; i < place.count; ++i) entries[place.to + i] = {(place.to + i) * width, width};
}

void PutAdded(const Place& place, const AddedColumn& column, const AddedValues& values, const AnsweredBlock& block) {
  switch (column.kind) {
    case Kind::kFloat: PutNumbers(place, values.floats); break;
    case Kind::kDouble: PutNumbers(place, values.doubles); break;
    case Kind::kDoubles: PutLists(place, values.doubles, column.width); break;
    case Kind::kInteger: PutNumbers(place, values.integers); break;
    case Kind::kFloats: PutLists(place, values.floats, column.width); break;
    case Kind::kBoolean: PutBooleans(place, values.booleans); break;
    case Kind::kText: PutTexts(place, values.texts); return;
  }
  MarkUnanswered(place, block);
}

class Selection {
 public:
  Selection() : value_(duckdb_create_selection_vector(duckdb_vector_size())) {}
  Selection(const Selection&) = delete;
  Selection& operator=(const Selection&) = delete;
  ~Selection() { duckdb_destroy_selection_vector(value_); }
  duckdb_selection_vector Range(std::size_t first, std::size_t count) {
    sel_t* const places = duckdb_selection_vector_get_data_ptr(value_);
    std::iota(places, places + count, static_cast<sel_t>(first));
    return value_;
  }

 private:
  duckdb_selection_vector value_;
};

}  // namespace

struct ParquetSink::State {
  std::shared_ptr<const KeptColumns> kept;
  std::vector<AddedColumn> added;
  const Source* source = nullptr;
  BlockSlice slice;
  std::optional<Error> failed;  // of the source
  Selection selection;

  static void Bind(duckdb_bind_info info) {
    const auto* state = static_cast<const State*>(duckdb_bind_get_extra_info(info));
    for (std::size_t i = 0; i < state->kept->names().size(); ++i) {
      duckdb_bind_add_result_column(info, state->kept->names()[i].c_str(), state->kept->types_->types[i].value);
    }
    for (const AddedColumn& column : state->added) {
      duckdb_bind_add_result_column(info, column.name.c_str(), TypeOfAdded(column).value);
    }
  }
  static void Init(duckdb_init_info info) { duckdb_init_set_max_threads(info, 1); }
  static void Function(duckdb_function_info info, duckdb_data_chunk output) {
    auto* state = static_cast<State*>(duckdb_function_get_extra_info(info));
    const Status filled = state->Fill(output);
    if (filled.ok()) return;
    state->failed = filled.error();
    duckdb_function_set_error(info, "the source of the rows failed");
  }

  /// Full chunks always, but for the last: what DuckDB makes of them must not depend on how the rows came.
  Status Fill(duckdb_data_chunk output) {
    const std::size_t size = duckdb_vector_size();
    std::size_t rows = 0;
    while (rows < size) {
      if (slice.count == 0) slice = TRY((*source)());
      if (slice.block == nullptr) break;
      const std::size_t count = std::min(slice.count, size - rows);
      Put(output, rows, count);
      slice.first += count;
      slice.count -= count;
      rows += count;
    }
    duckdb_data_chunk_set_size(output, rows);
    return Ok();
  }

  void Put(duckdb_data_chunk output, std::size_t to, std::size_t count) {
    const AnsweredBlock& block = *slice.block;
    duckdb_data_chunk from = block.rows->data_->chunk.value;
    const std::size_t kept_count = kept->names().size();
    const bool whole = to == 0 && slice.first == 0 && count == duckdb_vector_size();
    for (std::size_t i = 0; i < kept_count; ++i) {
      duckdb_vector source_vector = duckdb_data_chunk_get_vector(from, i);
      duckdb_vector target_vector = duckdb_data_chunk_get_vector(output, i);
      if (whole) {
        duckdb_vector_reference_vector(target_vector, source_vector);
      } else {
        duckdb_vector_copy_sel(source_vector, target_vector, selection.Range(slice.first, count), count, 0, to);
      }
    }
    for (std::size_t i = 0; i < added.size(); ++i) {
      PutAdded({duckdb_data_chunk_get_vector(output, kept_count + i), slice.first, count, to}, added[i], block.added[i],
               block);
    }
  }
};

ParquetSink::ParquetSink(DuckdbSession session, std::unique_ptr<State> state)
    : session_(std::move(session)), state_(std::move(state)) {}
ParquetSink::~ParquetSink() = default;

Result<std::unique_ptr<ParquetSink>> ParquetSink::Make(DuckdbSession session, std::shared_ptr<const KeptColumns> kept,
                                                       std::vector<AddedColumn> added) {
  auto state = std::make_unique<State>();
  state->kept = std::move(kept);
  state->added = std::move(added);
  duckdb_table_function function = duckdb_create_table_function();
  duckdb_table_function_set_name(function, "mw_answered_rows");
  duckdb_table_function_set_extra_info(function, state.get(), nullptr);
  duckdb_table_function_set_bind(function, State::Bind);
  duckdb_table_function_set_init(function, State::Init);
  duckdb_table_function_set_function(function, State::Function);
  const duckdb_state registered = duckdb_register_table_function(session.handles_->connection, function);
  duckdb_destroy_table_function(&function);
  if (registered == DuckDBError) return Internal("DuckDB took no table function for the rows to write");
  return std::unique_ptr<ParquetSink>(new ParquetSink(std::move(session), std::move(state)));
}

Status ParquetSink::Write(const std::string& path, const Source& source) {
  state_->source = &source;
  state_->slice = {};
  state_->failed.reset();
  Status copied = session_.Execute(
      Cat("COPY (FROM mw_answered_rows()) TO ", SqlText(path), " (FORMAT parquet, COMPRESSION snappy)"), path);
  state_->source = nullptr;
  state_->slice = {};
  if (state_->failed) return *state_->failed;
  return copied;
}

}  // namespace mw::data
