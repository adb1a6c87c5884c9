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

constexpr std::string_view kModels = "/v2/models/";
constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";

Json ToJson(const std::vector<serving::TensorSpec>& tensors) {
  Json list = Json::MakeArray();
  for (const serving::TensorSpec& tensor : tensors) {
    list.Append(Json::Make({{"name", Json(tensor.name)},
                            {"datatype", Json(serving::DatatypeName(tensor.datatype))},
                            {"shape", Json(Json::Array(tensor.shape.begin(), tensor.shape.end()))}}));
  }
  return list;
}

void SendReady(net::ResponseWriter& out, bool ready) {
  // The protocol: 200 is true, 4xx is false.
  out.Send(ready ? 200 : 400, kJsonType, ready ? R"({"ready":true})" : R"({"ready":false})");
}

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
  ModelPath path;
  if (!ParseModelPath(request.path, path)) return HandleServer(request, out);
  if (path.action != "infer") return HandleModel(request, path, out);
  if (request.method != net::Method::kPost) return SendNotAllowed(out, request, "POST");
  Infer(request, body, path, out);
}

bool V2Rest::ParseModelPath(std::string_view path, ModelPath& out) {
  if (!path.starts_with(kModels)) return false;
  path.remove_prefix(kModels.size());
  const auto next = [&path] {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    return part;
  };
  out.model = next();
  out.action = next();
  if (out.action == "versions") {
    out.version = next();
    out.action = next();
    if (out.version.empty()) return false;
  }
  return path.empty() && !out.model.empty();
}

void V2Rest::HandleServer(const net::RequestView& request, net::ResponseWriter& out) {
  const std::string_view path = request.path;
  const bool known = path == "/v2" || path == "/v2/" || path == "/v2/health/live" || path == "/v2/health/ready" ||
                     path == "/v2/models";
  if (!known) return SendNoSuchPath(out, path, "start at /v2");
  if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
  if (path == "/v2/health/live") return out.Json(R"({"live":true})");
  if (path == "/v2/health/ready") {
    return SendReady(out, runner_.Read([](const serving::Snapshot& snapshot) { return snapshot.ready; }));
  }
  Json models = Json::MakeArray();
  runner_.Read([&models](const serving::Snapshot& snapshot) {
    for (const std::string& name : snapshot.names.names()) models.Append(Json(name));
  });
  out.Json(Json::Make({{"name", Json("millwright")},
                       {"version", Json(program_version_)},
                       {"extensions", Json(Json::Array{Json("binary_tensor_data")})},
                       {"models", std::move(models)}})
               .Dump());
}

void V2Rest::HandleModel(const net::RequestView& request, const ModelPath& path, net::ResponseWriter& out) {
  runner_.Read([&](const serving::Snapshot& snapshot) {
    const auto version = runner_.Find(snapshot, path.model, path.version);
    if (!version.ok()) return SendError(out, version.error(), Duration{0});
    if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
    if (path.action == "ready") return SendReady(out, true);
    if (path.action.empty()) return SendMetadata(*snapshot.Find(path.model), ***version, out);
    SendNoSuchPath(out, request.path, "a model has /ready and /infer");
  });
}

void V2Rest::Infer(const net::RequestView& request, std::string_view body, const ModelPath& path,
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

void V2Rest::SendMetadata(const serving::ServedEndpoint& endpoint, const serving::ServedVersion& version,
                          net::ResponseWriter& out) const {
  const serving::Model& model = *version.model;
  Json versions = Json::MakeArray();
  for (const serving::RoutedVersion& entry : endpoint.versions) versions.Append(Json(entry.version_text));
  Json parameters = Json::Make({{"live_version", Json(endpoint.live == nullptr ? "" : endpoint.live->version_text)},
                                {"source", Json(version.source)}});
  if (model.threshold()) parameters["threshold"] = Json(*model.threshold());
  if (!model.classes().empty()) {
    parameters["classes"] = Json(Json::Array(model.classes().begin(), model.classes().end()));
  }
  out.Json(Json::Make({{"name", Json(version.endpoint)},
                       {"versions", std::move(versions)},
                       {"platform", Json(model.platform())},
                       {"inputs", ToJson(model.inputs())},
                       {"outputs", ToJson(model.outputs())},
                       {"parameters", std::move(parameters)}})
               .Dump());
}

}  // namespace mw::api::inference
