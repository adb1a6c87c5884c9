// Tensors taken apart by rows.
#include "api/inference/record_reply.h"

#include "api/inference/tensor_json.h"
#include "base/json.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

/// Reads one tensor from its first element to its last, as nested lists.
class Cursor {
 public:
  explicit Cursor(const serving::TensorView& tensor) : tensor_(tensor), rest_(tensor.bytes) {}
  /// The part below one index of the first `depth` dimensions.
  void Append(std::string& out, std::size_t depth) {
    if (depth >= tensor_.shape.size()) return AppendElementJson(out, tensor_.datatype, rest_);
    out += '[';
    for (std::int64_t i = 0; i < tensor_.shape[depth]; ++i) {
      if (i > 0) out += ',';
      Append(out, depth + 1);
    }
    out += ']';
  }
  [[nodiscard]] std::string_view name() const { return tensor_.name; }

 private:
  const serving::TensorView& tensor_;
  std::string_view rest_;
};

void AppendObject(std::string& out, std::vector<Cursor>& outputs, std::size_t depth) {
  char before = '{';
  for (Cursor& output : outputs) {
    out += before;
    AppendText(out, output.name());
    out += ':';
    output.Append(out, depth);
    before = ',';
  }
  out += '}';
}

bool HasRows(const InferenceAnswer& answer) {
  for (const serving::TensorView& output : answer.outputs) {
    if (output.shape.empty() || output.shape[0] != static_cast<std::int64_t>(answer.rows)) return false;
  }
  return !answer.outputs.empty();
}

void AppendRows(std::string& out, const InferenceAnswer& answer, std::vector<Cursor>& outputs) {
  char before = '[';
  for (std::size_t row = 0; row < answer.rows; ++row) {
    out += before;
    if (outputs.size() == 1) {
      outputs[0].Append(out, 1);
    } else {
      AppendObject(out, outputs, 1);
    }
    before = ',';
  }
  out += ']';
}

void AppendWhole(std::string& out, std::vector<Cursor>& outputs) {
  if (outputs.size() == 1) return outputs[0].Append(out, 0);
  AppendObject(out, outputs, 0);
}

}  // namespace

void RecordReply::Answer(const InferenceAnswer& answer) {
  Send(kJsonType, {}, [&](std::string& body) {
    std::vector<Cursor> outputs(answer.outputs.begin(), answer.outputs.end());
    const bool columns = protocol_ == RecordProtocol::kV1 && by_column_;
    body += columns ? "{\"outputs\":" : "{\"predictions\":";
    if (!columns && HasRows(answer)) {
      AppendRows(body, answer, outputs);
    } else {
      AppendWhole(body, outputs);
    }
    body += ",\"model_name\":\"";
    body += answer.version.endpoint;
    body += "\",\"model_version\":\"";
    body += answer.version.version_text;
    body += "\",\"id\":";
    AppendText(body, answer.id);
    body += '}';
  });
}

void RecordReply::Refuse(const Error& error, Duration retry_after) {
  if (protocol_ == RecordProtocol::kMlflow) return SendMlflowError(out(), error, retry_after);
  SendError(out(), error, retry_after);
}

RestReply::MakeReply RecordReply::ForLater() const {
  return [coding = coding(), protocol = protocol_, by_column = by_column_](net::ResponseWriter& out) {
    return std::make_unique<RecordReply>(out, coding, protocol, by_column);
  };
}

void SendMlflowError(net::ResponseWriter& out, const Error& error, Duration retry_after) {
  const int status = HttpStatus(error.code);
  std::string body = "{\"error_code\":";
  AppendJsonString(body, status == 400   ? "BAD_REQUEST"
                         : status == 404 ? "RESOURCE_DOES_NOT_EXIST"
                         : status == 429 ? "REQUEST_LIMIT_EXCEEDED"
                         : status == 503 ? "TEMPORARILY_UNAVAILABLE"
                                         : "INTERNAL_ERROR");
  body += ",\"message\":";
  AppendJsonString(body, error.ToString());
  body += '}';
  SendWithRetry(out, status, body, retry_after);
}

}  // namespace mw::api::inference
