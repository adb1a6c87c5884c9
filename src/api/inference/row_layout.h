// What the inputs of one request to a row model are together, whatever protocol brought them: one matrix of all columns
// under any name, or one column each by its name; beside them the schema's event time and key. All have the same rows,
// none is there twice, none is missing.
//
// One for each reader, used again: in the steady state it allocates nothing. Pure otherwise; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/encoder.h"
#include "serving/model.h"
#include "wire/desired_state.h"

namespace mw::api::inference {

/// Of the decoded rows of one request.
inline constexpr std::uint64_t kFeatureBytesMax = std::uint64_t{64} << 20;

class RowLayout {
 public:
  enum class Role : std::uint8_t { kMatrix, kColumn, kEventTime, kKey };
  struct Place {
    Role role = Role::kMatrix;
    int feature = -1;  ///< of a column
  };

  /// The next request; both outlive its last Take.
  void Begin(const serving::Model& model, const wire::ServingLimits& limits);
  /// What the next input is. Errors: kInvalidArgument naming it, what its shape is and what was expected.
  Result<Place> Take(std::string_view name, std::span<const std::int64_t> shape);
  /// After the last input. Errors: kInvalidArgument naming the column that is missing.
  [[nodiscard]] Status CheckComplete() const;

  [[nodiscard]] std::size_t rows() const { return rows_; }      ///< 0 before the first input
  [[nodiscard]] std::size_t inputs() const { return inputs_; }  ///< taken so far
  /// rows() x the model's columns, at most kFeatureBytesMax of floats.
  [[nodiscard]] std::size_t cells() const { return rows_ * seen_.size(); }

 private:
  Status TakeMatrix(std::string_view name, std::span<const std::int64_t> shape);
  Status TakeColumn(std::string_view name, int feature);
  Status TakeOnce(std::string_view name, bool& seen) const;
  Status SetRows(std::string_view name, std::int64_t rows);

  const serving::Model* model_ = nullptr;
  const wire::ServingLimits* limits_ = nullptr;
  std::size_t rows_ = 0, inputs_ = 0;
  bool matrix_ = false, event_time_ = false, key_ = false;
  std::vector<std::uint8_t> seen_;  // by feature
  std::size_t columns_seen_ = 0;
};

/// A number of a matrix: there a category is its code, and NaN a missing value. Errors: kInvalidArgument.
Result<float> EncodeInMatrix(const schema::Encoder& encoder, int feature, double value);

}  // namespace mw::api::inference
