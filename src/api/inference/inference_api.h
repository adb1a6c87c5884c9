// What a loop of the data plane's server speaks, by path:
//
//   /v2...                     the Open Inference Protocol v2 (v2_rest.h)
//   /v1...                     TensorFlow Serving's and KServe's v1 (v1_rest.h)
//   /invocations, /ping, ...   MLflow's scoring server (mlflow_rest.h)
//   /metrics                   Prometheus
//   /millwright/v1/requests    the access log, for the control plane (log_rest.h)
//
// Bodies may come as gzip, deflate or zstd, and large answers go so to who accepts it (rest_reply.h).
//
// One InferenceHandler for each loop, used by that loop alone. Invariant: an answer comes whole from one version, the
// one that it names.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/inference/inference_runner.h"
#include "api/inference/log_rest.h"
#include "api/inference/mlflow_rest.h"
#include "api/inference/v1_rest.h"
#include "api/inference/v2_rest.h"
#include "base/metrics.h"
#include "net/loop_server.h"

namespace mw::api::inference {

class InferenceHandler final : public net::LoopHandler {
 public:
  explicit InferenceHandler(const InferenceContext& context);
  void Handle(const net::RequestView& request, net::ResponseWriter& out) override;
  void EndOfSweep() override;

 private:
  struct HeldRequest;
  void HandleNow(const net::RequestView& request, net::ResponseWriter& out);
  void Await(std::unique_ptr<HeldRequest> request, std::shared_ptr<ModelWait> wait, net::ResponseWriter& out);
  void Route(const net::RequestView& request, std::string_view body, net::ResponseWriter& out);

  MetricsRegistry& metrics_;
  InferenceRunner runner_;
  V2Rest v2_;
  V1Rest v1_;
  MlflowRest mlflow_;
  LogRest log_;
  std::string decoded_;  // the body of a request that came compressed
};

}  // namespace mw::api::inference
