// Routes, and which decoder a body takes.
#include "api/inference/v2_rest.h"

#include <algorithm>
#include <charconv>
#include <utility>

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
  Source(V2Rest& rest, std::string_view body, std::string_view header_length)
      : rest_(rest), body_(body), header_length_(header_length) {}

  Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) override {
    if (body_.size() > static_cast<std::uint64_t>(limits.body_bytes_max)) {
      return InvalidArgument("the request has ", body_.size(), " bytes, at most ", limits.body_bytes_max);
    }
    rows_ = model.takes_rows() && header_length_.empty();
    return rows_ ? DecodeRows(model, limits, out) : DecodeTensors(model, limits, out);
  }
  [[nodiscard]] std::int64_t event_time_us() const override {
    if (!rows_) return rest_.resolver_.event_time_us();
    const std::span<const std::int64_t> times = rest_.decoder_.event_times_us();
    return times.empty() ? serving::kNoEventTime : times.front();
  }

 private:
  Status DecodeRows(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) {
    RequestDecoder& decoder = rest_.decoder_;
    TRY(decoder.Decode(body_, model, limits));
    out.id = decoder.id();
    out.event_time = decoder.event_time();
    out.event_times_us = decoder.event_times_us();
    out.keys = decoder.keys();
    out.rows = decoder.rows();
    out.features = decoder.features();
    out.unknown_categories = decoder.unknown_categories();
    out.wants_value = decoder.wants_value();
    out.wants_decision = decoder.wants_decision();
    return Ok();
  }
  Status DecodeTensors(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) {
    std::size_t json_bytes = body_.size();
    if (!header_length_.empty()) {
      const char* const end = header_length_.data() + header_length_.size();
      const auto read = std::from_chars(header_length_.data(), end, json_bytes);
      if (read.ec != std::errc() || read.ptr != end) {
        return InvalidArgument(kHeaderLength, " is ", Quoted(header_length_.substr(0, 40)),
                               "; expected the number of bytes of the JSON");
      }
    }
    TRY(rest_.v2_request_.Read(body_, json_bytes));
    return rest_.resolver_.Resolve(rest_.v2_request_.request(), model, limits, out);
  }

  V2Rest& rest_;
  std::string_view body_;
  std::string_view header_length_;
  bool rows_ = false;
};

void V2Rest::Handle(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  V2ModelPath path;
  if (!ParseV2ModelPath(request.path, path)) return catalog_.HandleServer(request, body, out);
  if (path.action != "infer") return catalog_.HandleModel(request, path, out);
  if (request.method != net::Method::kPost) return SendNotAllowed(out, request, "POST");
  Infer(request, body, path, out);
}

void V2Rest::Infer(const net::RequestView& request, std::string_view body, const V2ModelPath& path,
                   net::ResponseWriter& out) {
  v2_request_.Clear();
  Source source(*this, body, request.Header(net::KnownHeader::kInferenceHeaderContentLength));
  V2Reply reply(out, AnswerCodingFor(request), v2_request_.binary_outputs());
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
