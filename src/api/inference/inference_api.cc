// Routes, and which decoder a body takes.
#include "api/inference/inference_api.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/inference/rest_reply.h"
#include "base/json.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

constexpr std::string_view kModels = "/v2/models/";
const BinaryOutputs kAllJson;
constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";
void SendNotAllowed(net::ResponseWriter& out, const net::RequestView& request, std::string_view allowed) {
  const net::HeaderView allow{"Allow", allowed};
  SendError(out, 405, Cat(net::MethodName(request.method), " is not allowed for ", request.path, "; use ", allowed),
            std::span(&allow, 1));
}

bool IsRead(net::Method method) { return method == net::Method::kGet || method == net::Method::kHead; }

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

/// Rows of floats in plain JSON: the short way.
class JsonSource final : public RequestSource {
 public:
  JsonSource(std::string_view body, RequestDecoder& decoder) : body_(body), decoder_(decoder) {}
  Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) override {
    TRY(decoder_.Decode(body_, model, limits));
    out.id = decoder_.id();
    out.event_time = decoder_.event_time();
    out.event_times_us = decoder_.event_times_us();
    out.keys = decoder_.keys();
    out.rows = decoder_.rows();
    out.features = decoder_.features();
    out.unknown_categories = decoder_.unknown_categories();
    out.wants_value = decoder_.wants_value();
    out.wants_decision = decoder_.wants_decision();
    return Ok();
  }
  [[nodiscard]] std::int64_t event_time_us() const override {
    const std::span<const std::int64_t> times = decoder_.event_times_us();
    return times.empty() ? serving::kNoEventTime : times.front();
  }

 private:
  std::string_view body_;
  RequestDecoder& decoder_;
};

/// Tensors of any kind, as JSON or as bytes behind it.
class TensorSource final : public RequestSource {
 public:
  TensorSource(std::string_view body, std::string_view header_length, V2Request& request, TensorResolver& resolver)
      : body_(body), header_length_(header_length), request_(request), resolver_(resolver) {}
  Status Decode(const serving::Model& model, const wire::ServingLimits& limits, InferenceRequest& out) override {
    if (body_.size() > static_cast<std::uint64_t>(limits.body_bytes_max)) {
      return InvalidArgument("the request has ", body_.size(), " bytes, at most ", limits.body_bytes_max);
    }
    std::size_t json_bytes = 0;
    const auto read = std::from_chars(header_length_.data(), header_length_.data() + header_length_.size(), json_bytes);
    if (read.ec != std::errc() || read.ptr != header_length_.data() + header_length_.size()) {
      return InvalidArgument(kHeaderLength, " is ", Quoted(header_length_.substr(0, 40)),
                             "; expected the number of bytes of the JSON");
    }
    TRY(request_.Read(body_, json_bytes));
    return resolver_.Resolve(request_.request(), model, limits, out);
  }
  [[nodiscard]] std::int64_t event_time_us() const override { return resolver_.event_time_us(); }

 private:
  std::string_view body_;
  std::string_view header_length_;
  V2Request& request_;
  TensorResolver& resolver_;
};

}  // namespace

InferenceHandler::InferenceHandler(const InferenceContext& context)
    : metrics_(context.metrics), program_version_(context.program_version), runner_(context) {}

void InferenceHandler::Handle(const net::RequestView& request, net::ResponseWriter& out) {
  ModelPath path;
  if (!ParseModelPath(request.path, path)) return HandleServer(request, out);
  HandleModel(request, path, out);
}

bool InferenceHandler::ParseModelPath(std::string_view path, ModelPath& out) {
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

void InferenceHandler::HandleServer(const net::RequestView& request, net::ResponseWriter& out) {
  const std::string_view path = request.path;
  const bool known = path == "/v2" || path == "/v2/" || path == "/v2/health/live" || path == "/v2/health/ready" ||
                     path == "/metrics" || path == "/v2/models";
  if (!known) return SendError(out, 404, Cat("no such path: ", path.substr(0, 200), "; start at /v2"));
  if (!IsRead(request.method)) return SendNotAllowed(out, request, "GET");
  runner_.Flush();
  if (path == "/metrics") return out.Send(200, "text/plain; version=0.0.4", metrics_.Expose());
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

void InferenceHandler::HandleModel(const net::RequestView& request, const ModelPath& path, net::ResponseWriter& out) {
  if (path.action == "infer") {
    if (request.method != net::Method::kPost) return SendNotAllowed(out, request, "POST");
    return Infer(request, path, out);
  }
  runner_.Read([&](const serving::Snapshot& snapshot) {
    const Result<const serving::ServedVersion*> version = runner_.Find(snapshot, path.model, path.version);
    if (!version.ok()) return SendError(out, version.error(), Duration{0});
    if (!IsRead(request.method)) return SendNotAllowed(out, request, "GET");
    if (path.action == "ready") return SendReady(out, true);
    if (path.action.empty()) return SendMetadata(*snapshot.Find(path.model), **version, out);
    SendError(out, 404, Cat("no such path: ", request.path.substr(0, 200), "; a model has /ready and /infer"));
  });
}

void InferenceHandler::Infer(const net::RequestView& request, const ModelPath& path, net::ResponseWriter& out) {
  const std::string_view header_length = request.Header(kHeaderLength);
  const InferenceTarget target{.model = path.model, .version = path.version};
  if (header_length.empty()) [[likely]] {
    JsonSource source(request.body, decoder_);
    V2Reply reply(out, kAllJson);
    runner_.Run(target, source, reply);
  } else {
    TensorSource source(request.body, header_length, v2_request_, resolver_);
    V2Reply reply(out, v2_request_.binary_outputs());
    runner_.Run(target, source, reply);
  }
}

void InferenceHandler::EndOfSweep() { runner_.Flush(); }

void InferenceHandler::SendMetadata(const serving::ServedEndpoint& endpoint, const serving::ServedVersion& version,
                                    net::ResponseWriter& out) const {
  const serving::Model& model = *version.model;
  Json versions = Json::MakeArray();
  versions.Append(Json(endpoint.live->version_text));
  if (endpoint.previous != nullptr) versions.Append(Json(endpoint.previous->version_text));
  Json parameters = Json::Make({{"live_version", Json(endpoint.live->version_text)}, {"source", Json(version.source)}});
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
