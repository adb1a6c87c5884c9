// Routes of v1.
#include "api/inference/v1_rest.h"

#include <utility>

#include "api/inference/record_reply.h"
#include "api/inference/record_source.h"
#include "base/json.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

constexpr std::string_view kV1Models = "/v1/models/";

/// As TensorFlow Serving says it, with KServe's "ready" beside it.
void SendStatus(net::ResponseWriter& out, const serving::ServedVersion& version) {
  Json status = Json::Make({{"version", Json(version.version_text)},
                            {"state", Json("AVAILABLE")},
                            {"status", Json::Make({{"error_code", Json("OK")}, {"error_message", Json("")}})}});
  out.Json(Json::Make({{"name", Json(version.endpoint)},
                       {"ready", Json(true)},
                       {"model_version_status", Json(Json::Array{std::move(status)})}})
               .Dump());
}

Json Signature(const std::vector<serving::TensorSpec>& tensors) {
  Json all = Json::MakeObject();
  for (const serving::TensorSpec& tensor : tensors) {
    all[tensor.name] = Json::Make({{"dtype", Json(serving::DatatypeName(tensor.datatype))},
                                   {"shape", Json(Json::Array(tensor.shape.begin(), tensor.shape.end()))}});
  }
  return all;
}

void SendMetadata(net::ResponseWriter& out, const serving::ServedVersion& version) {
  Json signature =
      Json::Make({{"inputs", Signature(version.model->inputs())}, {"outputs", Signature(version.model->outputs())}});
  out.Json(Json::Make(
               {{"model_spec", Json::Make({{"name", Json(version.endpoint)}, {"version", Json(version.version_text)}})},
                {"metadata", Json::Make({{"signature_def", std::move(signature)}})}})
               .Dump());
}

}  // namespace

void V1Rest::Handle(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  std::string_view path = request.path;
  if (path == "/v1/models") {
    if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
    Json models = Json::MakeArray();
    runner_.Read([&models](const serving::Snapshot& snapshot) {
      for (const std::string& name : snapshot.names.names()) models.Append(Json(name));
    });
    return out.Json(Json::Make({{"models", std::move(models)}}).Dump());
  }
  if (!path.starts_with(kV1Models)) return SendNoSuchPath(out, path, "start at /v1/models");
  path.remove_prefix(kV1Models.size());
  const std::size_t verb = path.rfind(':');
  if (verb == std::string_view::npos) return HandleModel(request, path, out);
  if (path.substr(verb) != ":predict") return SendNoSuchPath(out, request.path, "a model has :predict");
  if (request.method != net::Method::kPost) return SendNotAllowed(out, request, "POST");
  path = path.substr(0, verb);
  const std::size_t versions = path.find(kVersionsInPath);
  const RestHeaders headers(request);
  InferenceTarget target{.model = path.substr(0, versions),
                         .headers = &headers,
                         .protocol = serving::Protocol::kV1,
                         .request_bytes = request.body.size()};
  if (versions != std::string_view::npos) target.version = path.substr(versions + kVersionsInPath.size());
  RecordSource source(record_request_, body, ExtraColumns::kRefused, by_column_);
  RecordReply reply(out, AnswerCodingFor(request), RecordProtocol::kV1, by_column_);
  runner_.Run(target, source, reply);
}

void V1Rest::HandleModel(const net::RequestView& request, std::string_view path, net::ResponseWriter& out) {
  if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
  const bool metadata = path.ends_with("/metadata");
  if (metadata) path.remove_suffix(std::string_view("/metadata").size());
  const std::size_t versions = path.find(kVersionsInPath);
  const std::string_view model = path.substr(0, versions);
  const std::string_view version =
      versions == std::string_view::npos ? std::string_view() : path.substr(versions + kVersionsInPath.size());
  runner_.Read([&](const serving::Snapshot& snapshot) {
    const auto found = runner_.Find(snapshot, model, version);
    if (!found.ok()) return SendError(out, found.error(), Duration{0});
    metadata ? SendMetadata(out, ***found) : SendStatus(out, ***found);
  });
}

}  // namespace mw::api::inference
