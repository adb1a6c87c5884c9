// Routes, and which decoder a body takes.
#include "api/inference/v2_rest.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/inference/json_parameter.h"
#include "api/inference/rest_reply.h"
#include "base/json.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";

}  // namespace

/// Rows of floats in plain JSON take the short way, everything else the general one.
class V2Rest::Source final : public RequestSource {
 public:
  Source(Decoders& decoders, std::string_view body, std::string_view header_length)
      : decoders_(decoders), body_(body), header_length_(header_length) {}

  Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) override {
    if (body_.size() > static_cast<std::uint64_t>(limits.body_bytes_max)) {
      return InvalidArgument("the request has ", body_.size(), " bytes, at most ", limits.body_bytes_max);
    }
    rows_ = model.takes_rows() && header_length_.empty();
    return rows_ ? DecodeRows(model, limits, out) : DecodeTensors(model, limits, out);
  }
  [[nodiscard]] std::int64_t event_time_us() const override {
    if (!rows_) return decoders_.resolver.event_time_us();
    const std::span<const std::int64_t> times = decoders_.rows.event_times_us();
    return times.empty() ? serving::kNoEventTime : times.front();
  }
  [[nodiscard]] std::string_view Parameter(std::string_view name) override {
    const Result<std::size_t> json = JsonBytes();
    return json.ok() ? parameter_.Find(body_.substr(0, *json), name) : std::string_view();
  }
  [[nodiscard]] std::size_t bytes() const override { return body_.size(); }
  [[nodiscard]] std::unique_ptr<RequestBody> Keep() const override;

 private:
  Status DecodeRows(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) {
    TRY(decoders_.rows.Decode(body_, model, limits));
    decoders_.rows.Tell(out);
    decoders_.binary = decoders_.rows.binary_outputs();
    return Ok();
  }
  Status DecodeTensors(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) {
    TRY(decoders_.tensors.Read(body_, TRY(JsonBytes())));
    decoders_.binary = decoders_.tensors.binary_outputs();
    return decoders_.resolver.Resolve(decoders_.tensors.request(), model, limits, out);
  }
  Result<std::size_t> JsonBytes() const {
    std::size_t json_bytes = body_.size();
    if (header_length_.empty()) return json_bytes;
    const char* const end = header_length_.data() + header_length_.size();
    const auto read = std::from_chars(header_length_.data(), end, json_bytes);
    if (read.ec == std::errc() && read.ptr == end) return json_bytes;
    return InvalidArgument(kHeaderLength, " is ", Quoted(header_length_.substr(0, 40)),
                           "; expected the number of bytes of the JSON");
  }

  Decoders& decoders_;
  std::string_view body_;
  std::string_view header_length_;
  bool rows_ = false;
  JsonParameter parameter_;
};

class V2Rest::KeptBody final : public RequestBody {
 public:
  KeptBody(std::string_view body, std::string_view header_length) : body_(body), header_length_(header_length) {}
  Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) override {
    thread_local Decoders decoders;
    return Source(decoders, body_, header_length_).Decode(model, limits, out);
  }

 private:
  const std::string body_, header_length_;
};

std::unique_ptr<RequestBody> V2Rest::Source::Keep() const { return std::make_unique<KeptBody>(body_, header_length_); }

void V2Rest::Handle(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  V2ModelPath path;
  if (!ParseV2ModelPath(request.path, path)) return catalog_.HandleServer(request, body, out);
  if (path.action != "infer") return catalog_.HandleModel(request, path, out);
  if (request.method != net::Method::kPost) return SendNotAllowed(out, request, "POST");
  Infer(request, body, path, out);
}

void V2Rest::Infer(const net::RequestView& request, std::string_view body, const V2ModelPath& path,
                   net::ResponseWriter& out) {
  decoders_.binary.Clear();
  Source source(decoders_, body, request.Header(net::KnownHeader::kInferenceHeaderContentLength));
  V2Reply reply(out, AnswerCodingFor(request), decoders_.binary);
  const RestHeaders headers(request);
  const bool binary = !request.Header(net::KnownHeader::kInferenceHeaderContentLength).empty();
  runner_.Run({.model = path.model,
               .version = path.version,
               .headers = &headers,
               .protocol = binary ? serving::Protocol::kV2Binary : serving::Protocol::kV2Json,
               .request_bytes = request.body.size()},
              source, reply);
}

}  // namespace mw::api::inference
