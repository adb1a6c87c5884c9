// The body of an inference request (Open Inference Protocol v2, JSON), decoded straight into the rows of
// floats that a model takes. Either one tensor for each column, shape [n] or [n,1], found by its name, or
// one numeric tensor of shape [n, features] under any name, in the model's order. JSON null is a missing
// value. Extra tensors named like the schema's event time and key are understood; any other is refused.
//
// One decoder for each server loop, used again for every request: in the steady state it allocates
// nothing. Clients send the same text over and over with other values in it, so the decoder remembers the
// last request of one row: a request that differs from it in nothing but values is compared piece by piece
// and only its values are read; any other goes through the whole decoding, which gives the same result.
// Views are into the body and valid until the next Decode. Invariant after success: every cell of
// features() was written by the encoder or checked like it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/json_scanner.h"
#include "api/inference/tensor_request.h"
#include "base/result.h"
#include "serving/model.h"
#include "serving/recorded_version.h"
#include "wire/desired_state.h"

namespace mw::api::inference {

inline constexpr std::size_t kDimensionsMax = 8;
/// Longer requests are not remembered.
inline constexpr std::size_t kRememberedBytesMax = std::size_t{64} << 10;

class RequestDecoder {
 public:
  /// Errors: kInvalidArgument naming the column, the row, the value and what was expected.
  Status Decode(std::string_view body, const serving::Model& model, const wire::ServingLimits& limits);

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
  [[nodiscard]] std::uint64_t unknown_categories() const { return unknown_categories_; }
  // Which outputs the client wants; without "outputs" all that the model has.
  [[nodiscard]] bool wants_value() const { return wants_value_; }
  [[nodiscard]] bool wants_decision() const { return wants_decision_; }

 private:
  enum class Datatype : std::uint8_t { kNone, kBool, kInteger, kFloat, kBytes };
  struct Tensor {
    std::string_view name;
    Datatype datatype = Datatype::kNone;
    std::string_view datatype_text;
    std::size_t dimensions = 0;
    std::array<std::uint64_t, kDimensionsMax> shape{};
    const char* data = nullptr;  // where it starts, when it came before the rest
    bool has_shape = false;
    bool read = false;
    [[nodiscard]] bool described() const { return !name.empty() && datatype != Datatype::kNone && has_shape; }
  };

  /// A value in the remembered request.
  struct Slot {
    enum class Kind : std::uint8_t { kId, kEventTime, kCell, kRow };
    Kind kind = Kind::kCell;
    Datatype datatype = Datatype::kNone;
    int feature = 0;
    std::size_t begin = 0;  // where its text stands, in bytes
    std::size_t end = 0;
  };
  struct Remembered {
    std::uint64_t model_serial = 0;  // 0: none
    std::string body;
    std::vector<Slot> slots;  // in the order of the text
    bool wants_value = true;
    bool wants_decision = true;
  };

  static std::string_view DatatypeName(Datatype datatype);
  bool DecodeAlike(std::string_view body);
  bool ReadSlot(JsonScanner& json, const Slot& slot);
  bool ReadRow(JsonScanner& json, const Slot& slot);
  void NoteSlot(Slot slot, const char* begin, const char* end);
  void Remember(std::string_view body);
  void Reset(const serving::Model& model, const wire::ServingLimits& limits);
  Status DecodeBody(JsonScanner& json);
  Status DecodeMember(JsonScanner& json, unsigned& given);
  Status DecodeId(JsonScanner& json);
  Status DecodeParameters(JsonScanner& json);
  Status DecodeOutputs(JsonScanner& json);
  Status WantOutput(std::string_view name);
  Status DecodeInputs(JsonScanner& json);
  Status DecodeTensor(JsonScanner& json);
  Status DecodeTensorMember(JsonScanner& json, Tensor& tensor);
  Status DecodeShape(JsonScanner& json, Tensor& tensor);
  Status DecodeData(JsonScanner& json, Tensor& tensor);
  Status DecodeMatrix(JsonScanner& json, const Tensor& tensor);
  Status DecodeColumn(JsonScanner& json, const Tensor& tensor);
  Status DecodeContext(JsonScanner& json, const Tensor& tensor);
  Status DecodeRowTime(JsonScanner& json, std::uint64_t row);
  Status DecodeKey(JsonScanner& json);
  template <typename Store, typename StoreRun>
  Status ForEachValue(JsonScanner& json, const Tensor& tensor, std::uint64_t width, const Store& store,
                      const StoreRun& store_run);
  Result<float> DecodeCell(JsonScanner& json, Datatype datatype, int feature);
  Result<float> DecodeMatrixCell(JsonScanner& json, const Tensor& tensor, int feature);
  Result<float> EncodeMatrixNumber(int feature, double value) const;
  Result<std::uint64_t> DecodeMatrixRun(JsonScanner& json, Datatype datatype, std::uint64_t first, std::uint64_t end);
  Status SetRows(const Tensor& tensor);
  Status CheckComplete() const;

  const serving::Model* model_ = nullptr;
  std::uint64_t model_serial_ = 0;  // of model_, as long as it lives
  bool all_floats_ = false;         // every column of it
  const wire::ServingLimits* limits_ = nullptr;
  std::string strings_;
  std::string_view id_;
  std::string_view event_time_;
  std::int64_t event_time_us_ = 0;
  bool event_time_is_parameter_ = false;
  std::vector<std::int64_t> row_times_us_;
  std::vector<std::string_view> keys_;
  std::size_t rows_ = 0;
  std::size_t tensors_ = 0;
  std::vector<float> features_;
  std::vector<std::uint8_t> seen_;  // by feature
  std::size_t columns_seen_ = 0;
  std::uint64_t unknown_categories_ = 0;
  bool matrix_ = false;
  bool wants_value_ = true;
  bool wants_decision_ = true;
  const char* body_begin_ = nullptr;
  std::vector<Slot> slots_;  // of the request at hand
  bool in_text_order_ = true;
  Remembered remembered_;
};

}  // namespace mw::api::inference
