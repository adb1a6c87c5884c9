// Rows as requests of the Open Inference Protocol: JSON (a tensor for each column, or one matrix), or its binary tensor
// extension (one FP32 matrix). Whole HTTP texts, or gRPC messages of one FP32 matrix, for RequestKind::requests. Pure;
// any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/model_input.h"
#include "load/requests.h"
#include "load/rows.h"

namespace mw::load {

enum class Protocol : std::uint8_t { kRest, kBinary, kGrpc, kGet };
std::string_view ProtocolName(Protocol protocol);  ///< "rest", "binary", "grpc", "get"
std::optional<Protocol> ProtocolFromName(std::string_view name);

/// Memory that one kind's requests may take, and how many there are at most.
inline constexpr std::size_t kRequestsMax = 4096;
inline constexpr std::size_t kRequestBytesMax = std::size_t{32} << 20;
inline constexpr std::size_t kRequestsMin = 8;

struct EncodeOptions {
  std::string request_id;  ///< the id member of every request; empty: none
  bool matrix = false;     ///< REST: one matrix though the model takes columns
};

/// The body of a REST request. `rows` have a cell for each column of `input`.
Result<std::string> JsonBody(const ModelInput& input, const std::vector<Row>& rows, const EncodeOptions& options);

struct BinaryBody {
  std::string bytes;          ///< JSON, then the tensor
  std::size_t json_size = 0;  ///< Inference-Header-Content-Length
};
/// Errors: kInvalidArgument for a text without a code (its column's vocabulary is not known).
Result<BinaryBody> BinaryRequest(const ModelInput& input, const std::vector<Row>& rows, const EncodeOptions& options);

/// Row-major floats, NaN where missing; a category is its code. Errors as BinaryRequest.
Result<std::vector<float>> MatrixOf(const ModelInput& input, const std::vector<Row>& rows);

struct KindPlan {
  Protocol protocol = Protocol::kRest;
  int rows = 1;
  double weight = 1;
};
/// Prepares the requests of one kind. Errors as above.
Result<RequestKind> PrepareKind(const KindPlan& plan, const ModelAddress& address, const ModelInput& input,
                                RowSource& source, const EncodeOptions& options);

/// GET of any path: the floor beneath a server, or another server's. Only the status of answers is looked at.
RequestKind GetKind(std::string_view host, int port, std::string_view target);

}  // namespace mw::load
