// Answers over HTTP: the JSON of the Open Inference Protocol v2, with or without binary tensors behind it.
// Refusals are {"error": "..."} with the status of the error's code; 429 and 503 carry Retry-After when known.
// One for each request, on its thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "api/inference/inference_request.h"
#include "api/inference/v2_request.h"
#include "net/loop_server.h"

namespace mw::api::inference {

inline constexpr std::string_view kJsonType = "application/json";

void SendError(net::ResponseWriter& out, int status, std::string_view message,
               std::span<const net::HeaderView> extra = {});
void SendError(net::ResponseWriter& out, const Error& error, Duration retry_after);

class V2Reply final : public Reply {
 public:
  /// `binary`: null for JSON alone; it and `out` outlive the reply.
  V2Reply(net::ResponseWriter& out, const BinaryOutputs* binary) : out_(out), binary_(binary) {}
  void Answer(const InferenceAnswer& answer) override;
  void Refuse(const Error& error, Duration retry_after) override;
  std::function<void()> Defer(std::function<void(Reply&)> finish) override;

 private:
  void AnswerBinary(const InferenceAnswer& answer);

  net::ResponseWriter& out_;
  const BinaryOutputs* binary_;
};

}  // namespace mw::api::inference
