// The body of an inference request (Open Inference Protocol v2, JSON), decoded straight into the rows of
// floats that a model takes. Either one tensor for each column, shape [n] or [n,1], found by its name, or
// one numeric tensor of shape [n, features] under any name, in the model's order. JSON null is a missing
// value. Extra tensors named like the schema's event time and key are understood; any other is refused.
//
//   this: the walk over the body     RowLayout: what the inputs are together     JsonCells: values into cells
//   V2Wishes: parameters, outputs    RequestMemory: the last request of one row
//
// One decoder for each server loop, used again for every request: in the steady state it allocates
// nothing. A request that differs from the remembered one in nothing but values goes the short way; any other
// goes through the whole decoding, which gives the same result. Views are into the body and valid until the
// next Decode. Invariant after success: every cell of features() was written by the encoder or checked like it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/inference_request.h"
#include "api/inference/json_cells.h"
#include "api/inference/json_scanner.h"
#include "api/inference/request_memory.h"
#include "api/inference/row_layout.h"
#include "api/inference/v2_wishes.h"
#include "base/result.h"
#include "serving/model.h"
#include "serving/recorded_version.h"
#include "wire/desired_state.h"

namespace mw::api::inference {

class RequestDecoder {
 public:
  /// Errors: kInvalidArgument naming the column, the row, the value and what was expected.
  Status Decode(std::string_view body, const serving::Model& model, const wire::ServingLimits& limits);

  /// After success: all that the request says.
  void Tell(InferenceRequest& out) const;
  [[nodiscard]] const BinaryOutputs& binary_outputs() const { return choice_.binary; }

  [[nodiscard]] std::string_view id() const { return id_; }  ///< empty when the client gave none
  /// RFC 3339 as the client wrote it, checked: parameter event_time, else the first row of that column.
  [[nodiscard]] std::string_view event_time() const { return event_time_; }
  /// Microseconds since 1970, none before that: the parameter's for all rows, or of each row from that column
  /// (serving::kNoEventTime where it has none), or nothing at all.
  [[nodiscard]] std::span<const std::int64_t> event_times_us() const {
    return event_time_is_parameter_ ? std::span(&event_time_us_, 1) : std::span<const std::int64_t>(row_times_us_);
  }
  /// Entity keys from that column, one for each row (empty where it has none), or nothing at all.
  [[nodiscard]] std::span<const std::string_view> keys() const { return keys_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// rows() x model.num_features(), row-major.
  [[nodiscard]] std::span<const float> features() const { return features_; }
  [[nodiscard]] std::uint64_t unknown_categories() const { return cells_.unknown_categories(); }
  // Which outputs the client wants; without "outputs" all that the model has.
  [[nodiscard]] bool wants_value() const { return choice_.value; }
  [[nodiscard]] bool wants_decision() const { return choice_.decision; }

 private:
  struct Tensor {
    std::string_view name;
    serving::Datatype datatype = serving::Datatype::kFp32;
    std::size_t dimensions = 0;
    std::array<std::int64_t, serving::kTensorDimensionsMax> sizes{};
    const char* data = nullptr;  // where it starts, when it came before the rest
    bool has_datatype = false, has_shape = false, read = false;
    [[nodiscard]] bool described() const { return !name.empty() && has_datatype && has_shape; }
    [[nodiscard]] std::span<const std::int64_t> shape() const { return std::span(sizes).first(dimensions); }
  };
  /// What stands beside the inputs and is the same in every request that is like the remembered one.
  struct Choice {
    bool value = true, decision = true;
    Duration timeout{0};
    std::uint64_t priority = 0;
    BinaryOutputs binary;
  };
  using Slot = RequestMemory::Slot;

  bool DecodeAlike(std::string_view body);
  bool ReadSlot(JsonScanner& json, const Slot& slot);
  bool ReadRow(JsonScanner& json, const Slot& slot);
  void NoteSlot(const Slot& slot, const char* begin, const char* end);
  void Reset(const serving::Model& model, const wire::ServingLimits& limits);
  Status DecodeBody(JsonScanner& json);
  Status DecodeMember(JsonScanner& json, unsigned& given);
  Status DecodeId(JsonScanner& json);
  Status DecodeParameters(JsonScanner& json);
  Status TakeWishes();
  Status DecodeInputs(JsonScanner& json);
  Status DecodeTensor(JsonScanner& json);
  Status DecodeTensorMember(JsonScanner& json, Tensor& tensor);
  static Status DecodeShape(JsonScanner& json, Tensor& tensor);
  Status DecodeData(JsonScanner& json, Tensor& tensor);
  Status DecodeMatrix(JsonScanner& json, const Tensor& tensor);
  Status DecodeColumn(JsonScanner& json, const Tensor& tensor, int feature);
  Status DecodeTimes(JsonScanner& json, const Tensor& tensor);
  Status DecodeRowTime(JsonScanner& json, std::uint64_t row);
  Status DecodeKey(JsonScanner& json);
  template <typename Store, typename StoreRun>
  Status ForEachValue(JsonScanner& json, const Tensor& tensor, std::uint64_t width, const Store& store,
                      const StoreRun& store_run);

  const serving::Model* model_ = nullptr;
  const wire::ServingLimits* limits_ = nullptr;
  std::string strings_;
  std::string_view id_;
  std::string_view event_time_;
  std::int64_t event_time_us_ = 0;
  bool event_time_is_parameter_ = false;
  std::vector<std::int64_t> row_times_us_;
  std::vector<std::string_view> keys_;
  RowLayout layout_;
  JsonCells cells_;
  std::size_t rows_ = 0;
  std::vector<float> features_;
  V2Wishes wishes_;  // of the request at hand, unless it is like the remembered one
  Choice choice_;
  RequestMemory memory_;
  Choice remembered_;  // of what memory_ keeps
};

}  // namespace mw::api::inference
