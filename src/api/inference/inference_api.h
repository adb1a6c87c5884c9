// The Open Inference Protocol v2 over REST, as its specification names it:
//
//   GET  /v2   /v2/health/live   /v2/health/ready   /v2/models/{m}[/versions/{v}][/ready]
//   POST /v2/models/{m}[/versions/{v}]/infer   (JSON, or with the binary tensor extension)
// and GET /metrics for Prometheus. Errors are {"error": "..."}.
//
// One InferenceHandler for each loop of the data plane's server, used by that loop alone. Invariant: an
// answer comes whole from one version, the one that stands in model_version.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/inference/inference_runner.h"
#include "api/inference/request_decoder.h"
#include "api/inference/v2_request.h"
#include "base/metrics.h"
#include "net/loop_server.h"
#include "serving/catalog.h"

namespace mw::api::inference {

class InferenceHandler final : public net::LoopHandler {
 public:
  explicit InferenceHandler(const InferenceContext& context);
  void Handle(const net::RequestView& request, net::ResponseWriter& out) override;
  void EndOfSweep() override;

 private:
  struct ModelPath {
    std::string_view model;
    std::string_view version;  ///< empty: the live one
    std::string_view action;   ///< "", "ready", "infer"
  };
  static bool ParseModelPath(std::string_view path, ModelPath& out);
  void HandleServer(const net::RequestView& request, net::ResponseWriter& out);
  void HandleModel(const net::RequestView& request, const ModelPath& path, net::ResponseWriter& out);
  void Infer(const net::RequestView& request, const ModelPath& path, net::ResponseWriter& out);
  void SendMetadata(const serving::ServedEndpoint& endpoint, const serving::ServedVersion& version,
                    net::ResponseWriter& out) const;

  MetricsRegistry& metrics_;
  std::string program_version_;
  InferenceRunner runner_;
  RequestDecoder decoder_;
  V2Request v2_request_;
  TensorResolver resolver_;
};

}  // namespace mw::api::inference
