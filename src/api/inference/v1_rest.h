// The v1 protocol of TensorFlow Serving and KServe:
//
//   GET  /v1/models   /v1/models/{m}[/versions/{v}][/metadata]
//   POST /v1/models/{m}[/versions/{v}]:predict
//
// Errors are {"error": "..."}. One for each loop, used by that loop alone.
#pragma once

#include <string_view>

#include "api/inference/inference_runner.h"
#include "api/inference/record_request.h"
#include "net/loop_server.h"

namespace mw::api::inference {

class V1Rest {
 public:
  explicit V1Rest(InferenceRunner& runner) : runner_(runner) {}
  /// A path that begins with /v1.
  void Handle(const net::RequestView& request, std::string_view body, net::ResponseWriter& out);

 private:
  void HandleModel(const net::RequestView& request, std::string_view path, net::ResponseWriter& out);

  InferenceRunner& runner_;
  RecordRequest record_request_;
  bool by_column_ = false;
};

}  // namespace mw::api::inference
