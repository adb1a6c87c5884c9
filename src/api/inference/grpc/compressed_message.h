// A message that the client compressed (gzip or deflate, as gRPC names them), made whole within a bound. gRPC's own
// decompression knows none: 65 MB on the wire may be 65 GB of zeros. Pure, any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "api/inference/grpc/wire_reader.h"
#include "base/result.h"

namespace mw::api::inference {

/// Whether the bytes begin like gzip's or zlib's. No message of ours does: protobuf has no field of the former's type,
/// and none of our messages a field of the latter's number.
bool LooksCompressed(std::span<const std::string_view> pieces);
/// The message, in pieces that lie in `arena`. Errors: kResourceExhausted beyond `bytes_max`; kInvalidArgument for what
/// is cut short or damaged.
Status Decompress(std::span<const std::string_view> pieces, std::size_t bytes_max, RequestArena& arena,
                  std::vector<std::string_view>& out);

}  // namespace mw::api::inference
