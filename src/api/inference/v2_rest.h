// The Open Inference Protocol v2 over REST, as its specification names it:
//
//   POST /v2/models/{m}[/versions/{v}]/infer   (JSON, or with the binary tensor extension)
//   and what v2_catalog.h answers
//
// Errors are {"error": "..."}. One for each loop, used by that loop alone.
#pragma once

#include <string>
#include <string_view>

#include "api/inference/inference_runner.h"
#include "api/inference/request_decoder.h"
#include "api/inference/v2_catalog.h"
#include "api/inference/v2_request.h"
#include "net/loop_server.h"

namespace mw::api::inference {

class V2Rest {
 public:
  V2Rest(InferenceRunner& runner, std::string program_version)
      : runner_(runner), catalog_(runner, std::move(program_version)) {}
  /// A path that begins with /v2.
  void Handle(const net::RequestView& request, std::string_view body, net::ResponseWriter& out);

 private:
  /// One thread's, used again.
  struct Decoders {
    RequestDecoder rows;
    V2Request tensors;
    TensorResolver resolver;
    BinaryOutputs binary;  // as far as the request at hand was decoded
  };
  class Source;
  class KeptBody;
  void Infer(const net::RequestView& request, std::string_view body, const V2ModelPath& path, net::ResponseWriter& out);

  InferenceRunner& runner_;
  V2Catalog catalog_;
  Decoders decoders_;
};

}  // namespace mw::api::inference
