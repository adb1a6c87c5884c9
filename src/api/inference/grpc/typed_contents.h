// InferTensorContents (open_inference.proto): a tensor's elements as typed lists, turned into the layout of
// serving/tensor.h. Pure, any thread.
#pragma once

#include <string_view>

#include "api/inference/grpc/wire_reader.h"
#include "base/result.h"
#include "serving/tensor.h"

namespace mw::api::inference {

/// `tensor` has everything but its bytes; `contents` is the message. The result lies in `arena`.
/// Errors: kInvalidArgument for another list than the datatype's, a value that does not fit it, another number of
/// values than the shape says, or more than `bytes_max`.
Result<std::string_view> ReadTypedContents(const serving::TensorView& tensor, std::string_view contents,
                                           std::uint64_t bytes_max, RequestArena& arena);

}  // namespace mw::api::inference
