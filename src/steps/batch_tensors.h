// The rows of files as the tensors that a model of a library takes, and its answers as columns: what batch prediction
// does for models that a backend runs. One thread.
//
//   inputs of one column each ("age" [-1])   the file's columns of these names
//   one matrix ([-1, N])                     the columns that the model names; f0, f1, ... where it names none
//
// A value that is missing is NaN in floats; where a type has no such value the row has no answer. Rows that the model
// refuses together are asked one by one, so that only those without an answer are without one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/duckdb_session.h"
#include "data/parquet_sink.h"
#include "schema/schema.h"
#include "serving/backend/backend.h"
#include "steps/batch_encoder.h"

namespace mw::steps {

class BatchTensors {
 public:
  /// The backend outlives this. Errors: kUnimplemented for inputs or outputs that are no columns, naming one.
  static Result<BatchTensors> Make(serving::Backend& backend);

  /// What is read of each row, in this order.
  [[nodiscard]] const std::vector<schema::Column>& columns() const { return columns_; }
  /// What is answered.
  [[nodiscard]] const std::vector<data::AddedColumn>& added() const { return added_; }
  /// `out`: one for each of added(), empty; filled for every row, of bad ones with anything. Texts point into `texts`,
  /// which is empty. Errors: the runner's, when it cannot answer at all.
  Status Answer(const data::Chunk& chunk, const std::vector<data::ResultColumn>& types, std::vector<BadRow>& bad,
                std::span<data::AddedValues> out, std::string& texts);

 private:
  explicit BatchTensors(serving::Backend& backend) : backend_(backend) {}
  Status TakeInputs();
  Status TakeOutputs();
  void ReadValues(const data::Chunk& chunk, const std::vector<data::ResultColumn>& types, std::vector<BadRow>& bad);
  [[nodiscard]] serving::TensorList Batch(std::span<const std::size_t> rows) const;
  Status Ask(std::span<const std::size_t> rows, std::vector<BadRow>& bad, std::span<data::AddedValues> out);
  Result<serving::TensorList> Run(std::span<const std::size_t> rows) const;
  Status Take(const serving::TensorList& answer, std::span<const std::size_t> rows, std::span<data::AddedValues> out);

  serving::Backend& backend_;
  std::vector<schema::Column> columns_;
  std::vector<serving::Datatype> datatypes_;  // of each column
  std::vector<data::AddedColumn> added_;
  std::vector<std::vector<double>> numbers_;           // by column, of the chunk's rows
  std::vector<std::vector<std::string_view>> values_;  // the same where they are texts
  std::vector<std::vector<std::string>> words_;        // by output that is text, by row
};

}  // namespace mw::steps
