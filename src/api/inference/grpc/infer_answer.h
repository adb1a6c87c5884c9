// A ModelInferResponse and a ModelStreamInferResponse (open_inference.proto) as bytes. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "api/inference/inference_request.h"

namespace mw::api::inference {

/// Appends the message. Outputs stand in raw_output_contents, whatever form the inputs had.
void AppendInferResponse(const InferenceAnswer& answer, std::string& out);
/// Appends the stream's message around it; with the parameter triton_final_response, by which its clients tell the
/// last answer to a request: here the only one.
void AppendStreamResponse(const InferenceAnswer& answer, std::string& out);
/// The same for a request that got none; `id` is the request's, as far as it was read.
void AppendStreamError(std::string_view message, std::string_view id, std::string& out);

}  // namespace mw::api::inference
