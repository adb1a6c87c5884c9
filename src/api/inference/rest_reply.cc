// Writes answers and refusals.
#include "api/inference/rest_reply.h"

#include <charconv>
#include <utility>

#include "api/inference/tensor_json.h"
#include "base/json.h"
#include "base/text.h"
#include "net/http.h"
#include "net/loop_refusal.h"

namespace mw::api::inference {
namespace {

/// Clients of libraries that always accept gzip mostly sit on the same network, where compressing costs more than it
/// saves; from here on it may not.
constexpr std::size_t kLargeBytesMin = std::size_t{256} << 10;
constexpr std::size_t kCodedBytesMin = std::size_t{1} << 10;

/// {"model_name":..,"model_version":..,"id":..,"parameters":{..},"outputs":[
void AppendHead(std::string& body, const InferenceAnswer& answer) {
  body += "{\"model_name\":\"";
  body += answer.version.endpoint;
  body += "\",\"model_version\":\"";
  body += answer.version.version_text;
  body += "\",\"id\":";
  AppendText(body, answer.id);
  if (!answer.event_time.empty()) {
    body += ",\"parameters\":{\"event_time\":";
    AppendText(body, answer.event_time);
    body += '}';
  }
  body += ",\"outputs\":[";
}

class LoopResumer final : public Resumer {
 public:
  explicit LoopResumer(net::Deferred deferred) : deferred_(std::move(deferred)) {}
  void Resume() override { deferred_.Resume(); }

 private:
  net::Deferred deferred_;
};

}  // namespace

void SendError(net::ResponseWriter& out, int status, std::string_view message, std::span<const net::HeaderView> extra) {
  std::string body = "{\"error\":";
  AppendJsonString(body, message);
  body += "}";
  out.Send(status, kJsonType, body, extra);
}

void SendCommonError(net::ResponseWriter& out, int status, std::string_view message,
                     std::span<const net::HeaderView> extra) {
  out.Send(status, kJsonType, net::RefusalBody(status, message), extra);
}

void SendWithRetry(net::ResponseWriter& out, int status, std::string_view body, Duration retry_after) {
  if (retry_after <= Duration{0}) return out.Send(status, kJsonType, body);
  const std::string seconds = Cat(std::chrono::ceil<std::chrono::seconds>(retry_after).count());
  const net::HeaderView header{"Retry-After", seconds};
  out.Send(status, kJsonType, body, std::span(&header, 1));
}

void SendError(net::ResponseWriter& out, const Error& error, Duration retry_after) {
  std::string body = "{\"error\":";
  AppendJsonString(body, error.ToString());
  body += "}";
  if (error.code == Code::kUnauthenticated) {
    const net::HeaderView wanted{"WWW-Authenticate", "Bearer"};
    return out.Send(401, kJsonType, body, std::span(&wanted, 1));
  }
  SendWithRetry(out, HttpStatus(error.code), body, retry_after);
}

void SendNotAllowed(net::ResponseWriter& out, const net::RequestView& request, std::string_view allowed) {
  const net::HeaderView allow{"Allow", allowed};
  SendError(out, 405, Cat(net::MethodName(request.method), " is not allowed for ", request.path, "; use ", allowed),
            std::span(&allow, 1));
}

void SendNoSuchPath(net::ResponseWriter& out, std::string_view path, std::string_view instead) {
  SendError(out, 404, Cat("no such path: ", path.substr(0, 200), "; ", instead));
}

bool IsRead(const net::RequestView& request) {
  return request.method == net::Method::kGet || request.method == net::Method::kHead;
}

std::string_view RestHeaders::OnlyHeader(std::string_view name) const {
  std::string_view only;
  std::size_t count = 0;
  for (const net::HeaderView& header : request_.headers) {
    if (!EqualsIgnoreCase(header.name, name)) continue;
    only = header.value;
    ++count;
  }
  return count == 1 ? only : std::string_view();
}

AnswerCoding AnswerCodingFor(const net::RequestView& request) {
  const std::string_view accepted = request.Header(net::KnownHeader::kAcceptEncoding);
  if (accepted.empty()) [[likely]]
    return {};
  const bool compresses = !request.Header(net::KnownHeader::kContentEncoding).empty();
  return {net::ChooseContentCoding(accepted), compresses ? kCodedBytesMin : kLargeBytesMin};
}

void RestReply::SendCoded(std::string_view content_type, std::span<const net::HeaderView> extra,
                          const std::string& body) {
  std::string coded;
  answer_bytes_ = body.size();
  if (body.size() < coding_.bytes_min || !net::EncodeContent(coding_.coding, body, coded).ok()) {
    return out_.Send(200, content_type, body, extra);
  }
  std::vector<net::HeaderView> headers(extra.begin(), extra.end());
  headers.push_back({"Content-Encoding", net::ContentCodingName(coding_.coding)});
  answer_bytes_ = coded.size();
  out_.Send(200, content_type, coded, headers);
}

std::unique_ptr<Resumer> RestReply::Defer(std::unique_ptr<Waiting> waiting) {
  auto work = std::make_unique<Later>(Later{std::move(waiting), ForLater()});
  return std::make_unique<LoopResumer>(out_.Defer([work = std::move(work)](net::ResponseWriter& out) {
    const std::unique_ptr<RestReply> reply = work->make_reply(out);
    work->waiting->Finish(*reply);
  }));
}

void V2Reply::Answer(const InferenceAnswer& answer) {
  if (binary_.any()) return AnswerBinary(answer);
  Send(kJsonType, {}, [&answer](std::string& body) {
    AppendHead(body, answer);
    for (const serving::TensorView& output : answer.outputs) {
      AppendTensor(body, output);
      body += ',';
    }
    if (body.back() == ',') body.pop_back();
    body += "]}";
  });
}

/// The length of the JSON stands in a header before it, so the JSON is put together first.
void V2Reply::AnswerBinary(const InferenceAnswer& answer) {
  std::string json;
  json.reserve(512);
  AppendHead(json, answer);
  for (const serving::TensorView& output : answer.outputs) {
    if (binary_.Wants(output.name)) {
      AppendBinaryTensor(json, output);
    } else {
      AppendTensor(json, output);
    }
    json += ',';
  }
  if (json.back() == ',') json.pop_back();
  json += "]}";
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, json.size());
  const net::HeaderView length{"Inference-Header-Content-Length",
                               std::string_view(digits, static_cast<std::size_t>(end.ptr - digits))};
  Send("application/octet-stream", std::span(&length, 1), [&](std::string& body) {
    body += json;
    for (const serving::TensorView& output : answer.outputs) {
      if (binary_.Wants(output.name)) body += output.bytes;
    }
  });
}

void V2Reply::Refuse(const Error& error, Duration retry_after) { SendError(out(), error, retry_after); }

RestReply::MakeReply V2Reply::ForLater() const {
  return [coding = coding(), binary = binary_](net::ResponseWriter& out) {
    return std::make_unique<V2Reply>(out, coding, binary);
  };
}

}  // namespace mw::api::inference
