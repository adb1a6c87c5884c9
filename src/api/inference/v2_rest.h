// The Open Inference Protocol v2 over REST, as its specification names it:
//
//   GET  /v2   /v2/health/live   /v2/health/ready   /v2/models/{m}[/versions/{v}][/ready]
//   POST /v2/models/{m}[/versions/{v}]/infer   (JSON, or with the binary tensor extension)
//
// Errors are {"error": "..."}. One for each loop, used by that loop alone.
#pragma once

#include <string>
#include <string_view>

#include "api/inference/inference_runner.h"
#include "api/inference/request_decoder.h"
#include "api/inference/v2_request.h"
#include "net/loop_server.h"

namespace mw::api::inference {

class V2Rest {
 public:
  V2Rest(InferenceRunner& runner, std::string program_version)
      : runner_(runner), program_version_(std::move(program_version)) {}
  /// A path that begins with /v2.
  void Handle(const net::RequestView& request, std::string_view body, net::ResponseWriter& out);

 private:
  struct ModelPath {
    std::string_view model;
    std::string_view version;  ///< empty: the live one
    std::string_view action;   ///< "", "ready", "infer"
  };
  class Source;
  static bool ParseModelPath(std::string_view path, ModelPath& out);
  void HandleServer(const net::RequestView& request, net::ResponseWriter& out);
  void HandleModel(const net::RequestView& request, const ModelPath& path, net::ResponseWriter& out);
  void Infer(const net::RequestView& request, std::string_view body, const ModelPath& path, net::ResponseWriter& out);
  void SendMetadata(const serving::ServedEndpoint& endpoint, const serving::ServedVersion& version,
                    net::ResponseWriter& out) const;

  InferenceRunner& runner_;
  std::string program_version_;
  RequestDecoder decoder_;
  V2Request v2_request_;
  TensorResolver resolver_;
};

}  // namespace mw::api::inference
