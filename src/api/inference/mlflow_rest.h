// What MLflow's scoring server answers, for its clients:
//
//   POST /invocations   /models/{m}[/versions/{v}]/invocations      GET /ping   /health   /version
//
// /invocations asks the only model that is served. Errors are {"error_code": "...", "message": "..."}.
// One for each loop, used by that loop alone.
#pragma once

#include <string>
#include <string_view>

#include "api/inference/inference_runner.h"
#include "api/inference/record_request.h"
#include "net/loop_server.h"

namespace mw::api::inference {

class MlflowRest {
 public:
  MlflowRest(InferenceRunner& runner, std::string program_version)
      : runner_(runner), program_version_(std::move(program_version)) {}
  /// Whether the path is one of its.
  static bool Owns(std::string_view path);
  void Handle(const net::RequestView& request, std::string_view body, net::ResponseWriter& out);

 private:
  void Invoke(const net::RequestView& request, std::string_view body, net::ResponseWriter& out);

  InferenceRunner& runner_;
  std::string program_version_;
  RecordRequest record_request_;
  bool by_column_ = false;
};

}  // namespace mw::api::inference
