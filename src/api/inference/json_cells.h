// Values of a request's JSON as cells of a row model: each checked against the input's datatype and encoded as its
// column wants it; null is a missing value. One for each reader, used again; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "api/inference/json_scanner.h"
#include "base/result.h"
#include "serving/model.h"
#include "serving/tensor.h"

namespace mw::api::inference {

/// Cells that are read together.
inline constexpr std::size_t kCellRunMax = 64;

class JsonCells {
 public:
  /// The next request; `model` outlives it.
  void Begin(const serving::Model& model);
  // Each reads the value that stands next. Errors: kInvalidArgument naming the column, the value and what was expected.
  Result<float> ReadInColumn(JsonScanner& json, serving::Datatype datatype, int feature);
  Result<float> ReadInMatrix(JsonScanner& json, std::string_view input, serving::Datatype datatype, int feature);
  /// A run of plain numbers of a matrix, the first of them of column `feature`; how many were written, 0 or more of
  /// what fits `cells`.
  Result<std::size_t> ReadMatrixRun(JsonScanner& json, serving::Datatype datatype, std::size_t feature,
                                    std::span<float> cells);
  /// Texts that the columns' vocabularies lack, since Begin.
  [[nodiscard]] std::uint64_t unknown_categories() const { return unknown_categories_; }

 private:
  const serving::Model* model_ = nullptr;
  std::uint64_t model_serial_ = 0;  // of model_, as long as it lives
  bool all_floats_ = false;         // every column of it
  std::uint64_t unknown_categories_ = 0;
};

}  // namespace mw::api::inference
