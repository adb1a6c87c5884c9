// An ONNX file as far as a tree ensemble needs it: the nodes in order with their attributes as plain arrays, the one
// input, the outputs. Weights kept outside the file are refused. The bytes have to outlive the graph. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mw::forest {

// The tensor data types that are told apart.
inline constexpr std::int64_t kOnnxFloat = 1, kOnnxUint8 = 2, kOnnxDouble = 11;

struct OnnxTensor {
  std::string_view name;
  std::int64_t data_type = 0;
  std::vector<float> floats;       ///< of kOnnxFloat
  std::vector<std::int64_t> ints;  ///< of kOnnxUint8
};

struct OnnxAttribute {
  std::string_view name;
  std::int64_t i = 0;
  std::string_view s;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  std::vector<std::string_view> strings;
  std::optional<OnnxTensor> tensor;
};

struct OnnxNode {
  std::string_view name, op_type, domain;
  std::vector<std::string_view> inputs, outputs;
  std::vector<OnnxAttribute> attributes;

  /// Null when there is none of that name.
  [[nodiscard]] const OnnxAttribute* Find(std::string_view attribute) const;
  /// "node "x" (Scaler)": for messages.
  [[nodiscard]] std::string Describe() const;
};

struct OnnxValue {
  std::string_view name;
  std::int64_t element_type = 0;
  std::vector<std::int64_t> shape;  ///< -1 where it is not fixed
};

struct OnnxGraph {
  std::vector<OnnxNode> nodes;
  std::vector<OnnxTensor> initializers;
  std::vector<OnnxValue> inputs;  ///< without initializers
  std::vector<OnnxValue> outputs;
};

/// Errors: kInvalidArgument for bytes that are no ONNX file; kResourceExhausted beyond limits.h; kUnimplemented for
/// external data.
Result<OnnxGraph> ReadOnnxGraph(std::string_view bytes);

}  // namespace mw::forest
