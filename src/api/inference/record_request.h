// Bodies that bring rows one after the other: TensorFlow Serving's and KServe's v1 `:predict`, and what MLflow's
// scoring server takes.
//
//   {"instances": [row, ...]}          a row is a list in the model's order, an object by name, or one value
//   {"inputs": {name: [...], ...}}     by column; or as instances when it is a list
//   {"dataframe_records": [{...}]}     MLflow: as instances of objects
//   {"dataframe_split": {"columns": [...], "data": [[...], ...]}}, of a model of one matrix in its order
//
// v1 has "signature_name" too: "serving_default". Beside them "id" and "event_time" mean what the id and that parameter
// mean in v2. A row model encodes each value as it comes, null is a missing one, a category is its text or its code,
// and objects may name the schema's event time and key. For a tensor model values are gathered by input and taken like
// any other tensors (tensor_request.h). One reader for each thread, used again; what it gives points into it and into
// the body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/inference_request.h"
#include "api/inference/json_scanner.h"
#include "api/inference/tensor_request.h"
#include "base/result.h"

namespace mw::api::inference {

enum class ExtraColumns : std::uint8_t {
  kRefused,
  kIgnored,  ///< as MLflow does: what the model's signature lacks is dropped
};

class RecordRequest {
 public:
  /// Errors: kInvalidArgument naming the column, the row, the value and what was expected.
  Status Decode(std::string_view body, const serving::Model& model, const wire::ServingLimits& limits,
                ExtraColumns extra, InferenceRequest& out);
  /// Whether the client sent columns ("inputs") and expects them back as such; known after Decode.
  [[nodiscard]] bool by_column() const { return by_column_; }
  /// The first row's, as far as the last Decode came.
  [[nodiscard]] std::int64_t event_time_us() const {
    return times_us_.empty() ? serving::kNoEventTime : times_us_.front();
  }

 private:
  /// The values of one input or column, gathered over the rows.
  struct Column {
    std::vector<float> cells;             // of a row model
    std::string bytes;                    // of a tensor model
    std::vector<std::int64_t> row_shape;  // of one row's value there; empty: one element
    std::size_t rows = 0;
  };

  void Reset(const serving::Model& model, const wire::ServingLimits& limits, ExtraColumns extra);
  Status ReadMember(JsonScanner& json);
  Status ReadSignature(JsonScanner& json);
  Status ReadRows(JsonScanner& json);
  Status ReadRow(JsonScanner& json);
  Status ReadRecord(JsonScanner& json);
  Status ReadColumns(JsonScanner& json);
  Status ReadSplit(JsonScanner& json);
  Status ReadSplitNames(JsonScanner& json);
  Status ReadSplitRow(JsonScanner& json);
  Status EndRow();
  Status ReadNamed(JsonScanner& json, std::string_view name);
  Status ReadValue(JsonScanner& json, std::size_t column);
  Result<float> ReadCell(JsonScanner& json, int feature);
  Status ReadElement(JsonScanner& json, std::size_t column);
  Status ReadTime(JsonScanner& json);
  Status ReadKey(JsonScanner& json);
  /// -1 for a column that is none of the model's and may be ignored.
  Result<int> PlaceOf(std::string_view name) const;
  Status Ignore(JsonScanner& json, std::string_view name);
  [[nodiscard]] Error Absent(std::size_t column) const;
  [[nodiscard]] std::string_view ColumnName(std::size_t column) const;
  Status CheckRows() const;
  Status FinishRows(InferenceRequest& out);
  Status FinishTensors(InferenceRequest& out);

  const serving::Model* model_ = nullptr;
  const wire::ServingLimits* limits_ = nullptr;
  ExtraColumns extra_ = ExtraColumns::kRefused;
  bool by_column_ = false;
  bool any_ = false;
  std::size_t rows_ = 0;
  std::size_t width_ = 0;  // of the model: columns_ may have more, kept for their memory
  std::vector<Column> columns_;
  std::vector<int> split_;        // of dataframe_split: where each of its columns goes
  bool split_is_matrix_ = false;  // its rows are the model's one matrix, whatever their columns are called
  std::vector<std::string> ignored_;
  std::string strings_;
  std::string_view id_, event_time_;
  std::vector<std::int64_t> times_us_;
  std::vector<std::string_view> keys_;
  std::vector<float> features_;
  std::uint64_t unknown_categories_ = 0;
  std::vector<std::int64_t> shapes_;
  TensorRequest request_;
  TensorResolver resolver_;
};

}  // namespace mw::api::inference
