// The body of an inference request of the Open Inference Protocol v2 as tensors: JSON, with or without the binary
// tensor extension (the JSON is then followed by the tensors' bytes, in order, each as long as its
// parameters.binary_data_size says; Inference-Header-Content-Length tells where the JSON ends).
//
// The general way: any datatype, any shape, nested lists or flat ones. Rows of floats in plain JSON take a shorter one
// (request_decoder.h). One reader for each thread, used again; what it gives points into it and into the body.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/json_scanner.h"
#include "api/inference/tensor_request.h"
#include "api/inference/v2_wishes.h"
#include "base/result.h"
#include "serving/tensor.h"

namespace mw::api::inference {

class V2Request {
 public:
  void Clear();
  /// `json_bytes`: where the JSON ends and the binary data begin; body.size() when there are none.
  /// Errors: kInvalidArgument naming the input and what was expected.
  Status Read(std::string_view body, std::size_t json_bytes);
  [[nodiscard]] const TensorRequest& request() const { return request_; }
  [[nodiscard]] const BinaryOutputs& binary_outputs() const { return wishes_.binary; }

 private:
  struct Input {
    std::string_view name, datatype_name;
    serving::Datatype datatype = serving::Datatype::kFp32;
    bool has_datatype = false, has_shape = false, has_binary_size = false;
    std::uint64_t binary_size = 0;
    std::size_t first_size = 0, dimensions = 0;  // in sizes_
    const char* data = nullptr;                  // of the JSON data; null: none
  };

  Status ReadMember(JsonScanner& json);
  Status ReadInputs(JsonScanner& json);
  Status ReadInput(JsonScanner& json);
  Status ReadInputMember(JsonScanner& json, Input& input);
  Status ReadShape(JsonScanner& json, Input& input);
  Status ReadBinarySize(JsonScanner& json, Input& input);
  Status TakeBinary(std::string_view binary);
  Status TakeData(const Input& input, std::string_view text);

  std::string strings_;  // of the walk over the whole text
  std::vector<Input> inputs_;
  std::vector<std::int64_t> sizes_;  // of all shapes
  serving::TensorList json_tensors_;
  std::string elements_;
  std::string element_strings_;
  TensorRequest request_;
  V2Wishes wishes_;
};

/// Appends the elements of a JSON value (a list of any nesting, or one value) to `bytes` as tensor data.
/// Errors: kInvalidArgument for what does not fit the datatype, or more than `elements_max` elements.
Status ReadElements(JsonScanner& json, serving::Datatype datatype, std::uint64_t elements_max, std::string& bytes,
                    std::uint64_t& count);

}  // namespace mw::api::inference
