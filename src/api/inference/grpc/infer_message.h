// A ModelInferRequest (open_inference.proto) as the tensors it brings. Raw contents are taken where they lie; what lies
// across two pieces of the message, or crooked, is moved once. Typed contents become the same layout.
//
// One reader for each thread, used again: in the steady state it allocates nothing. What it gives points into it and
// into the pieces and is valid until the next Read or Clear. Invariant after success: every input passed
// serving::CheckTensor, every name and text is UTF-8, and the limits below and those of serving/tensor.h hold.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/inference/grpc/wire_reader.h"
#include "api/inference/inference_request.h"
#include "api/inference/tensor_request.h"
#include "base/result.h"
#include "serving/tensor.h"

namespace mw::api::inference {

inline constexpr std::size_t kInferParametersMax = 1'000;

class InferMessage {
 public:
  /// Errors: kInvalidArgument for what is no such message, naming the field, or the input and what was expected;
  /// kUnimplemented for tensors in shared memory.
  Status Read(std::span<const std::string_view> pieces);
  /// Gives back memory beyond what small requests need.
  void Clear();

  [[nodiscard]] const InferenceTarget& target() const { return target_; }
  [[nodiscard]] const TensorRequest& request() const { return request_; }
  /// The value of the request's parameter, a number or a truth as text; empty when it has none. Until the next call.
  [[nodiscard]] std::string_view FindParameter(std::string_view name);

 private:
  struct Input {
    std::string_view name, datatype_name, contents;
    std::size_t first_size = 0, dimensions = 0;  // in sizes_
  };
  struct Parameter {
    std::string_view name;
    std::optional<std::string_view> text;  // a string_param
    std::optional<std::uint64_t> number;   // an int64_param or uint64_param
    std::optional<bool> truth;             // a bool_param
  };

  Status ReadFields(WireReader& reader);
  Status ReadField(WireReader& reader);
  Status ReadText(WireReader& reader, std::string_view what, std::size_t bytes_max, std::string_view& out);
  Status ReadParameter(std::string_view entry);
  Status ReadChoice(std::string_view choice, Parameter& parameter);
  Result<Parameter> ReadEntry(std::string_view entry);
  Status ReadInput(std::string_view message);
  Status ReadInputField(WireReader& reader, Input& input);
  Status ReadContents(WireReader& reader, Input& input);
  Status ReadShape(WireReader& reader, Input& input);
  Status AddSize(Input& input, std::uint64_t size);
  Status ReadOutput(std::string_view message);
  Status ReadRaw(WireReader& reader);
  Status TakeInputs();
  Status TakeInput(const Input& input, std::size_t index, std::uint64_t& bytes_left, serving::TensorView& tensor);

  RequestArena arena_;
  InferenceTarget target_;
  TensorRequest request_;
  std::vector<Input> inputs_;
  std::vector<std::int64_t> sizes_;  // of all shapes
  std::vector<std::string_view> raw_;
  std::vector<Parameter> own_parameters_;  // of the request, not of its tensors
  std::string parameter_text_;
  std::size_t parameters_ = 0;
};

}  // namespace mw::api::inference
