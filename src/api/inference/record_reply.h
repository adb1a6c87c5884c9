// Answers to v1 `:predict` and to MLflow's /invocations: {"predictions": [...]} row by row, or {"outputs": ...} for
// a v1 client that sent columns. One output stands for itself, several become an object by name; then come model_name,
// model_version and id, which clients of either protocol pass over. One for each request, on its thread.
#pragma once

#include <string>

#include "api/inference/rest_reply.h"

namespace mw::api::inference {

enum class RecordProtocol : std::uint8_t {
  kV1,      ///< refusals are {"error": "..."}
  kMlflow,  ///< refusals are {"error_code": "...", "message": "..."}
};

class RecordReply final : public RestReply {
 public:
  /// `by_column` is looked at when the answer is written; it outlives the reply.
  RecordReply(net::ResponseWriter& out, const AnswerCoding& coding, RecordProtocol protocol, const bool& by_column)
      : RestReply(out, coding), protocol_(protocol), by_column_(by_column) {}
  void Answer(const InferenceAnswer& answer) override;
  void Refuse(const Error& error, Duration retry_after) override;

 private:
  [[nodiscard]] MakeReply ForLater() const override;

  RecordProtocol protocol_;
  const bool& by_column_;
};

/// {"error_code": "BAD_REQUEST", "message": "..."}, as MLflow's scoring server says it.
void SendMlflowError(net::ResponseWriter& out, const Error& error, Duration retry_after);

}  // namespace mw::api::inference
