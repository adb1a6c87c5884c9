// The two messages of the Open Inference Protocol over gRPC that a load needs, by hand: a request of one FP32 matrix in
// raw contents, and of an answer how many rows it has. Field numbers are those of the protocol's .proto file. Pure; any
// thread. Answers are bytes of somebody else's: every length is checked, a message that lies has no rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mw::load {

inline constexpr const char* kModelInferMethod = "/inference.GRPCInferenceService/ModelInfer";

struct MatrixRequest {
  std::string_view model;
  std::string_view version;  ///< empty: the live one
  std::string_view id;       ///< empty: none
  std::string_view tensor;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::span<const float> values;  ///< rows x columns
};
/// ModelInferRequest.
std::string InferRequestMessage(const MatrixRequest& request);

/// The first size of the first output's shape in a ModelInferResponse (or in its beginning, as far as that goes);
/// -1 when there is none.
std::int64_t FirstOutputRows(std::string_view response);

}  // namespace mw::load
