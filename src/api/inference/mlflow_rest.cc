// Routes of MLflow's scoring server.
#include "api/inference/mlflow_rest.h"

#include <utility>

#include "api/inference/record_reply.h"
#include "api/inference/record_source.h"
#include "base/text.h"

namespace mw::api::inference {
namespace {

constexpr std::string_view kInvocations = "/invocations";
constexpr std::string_view kMlflowModels = "/models/";

/// Of a path that ends in /invocations; without a model when it is that alone.
InferenceTarget TargetOf(std::string_view path) {
  path.remove_suffix(kInvocations.size());
  InferenceTarget target;
  if (path.empty()) return target;
  path.remove_prefix(kMlflowModels.size());
  const std::size_t versions = path.find(kVersionsInPath);
  target.model = path.substr(0, versions);
  if (versions != std::string_view::npos) target.version = path.substr(versions + kVersionsInPath.size());
  return target;
}

Result<std::string> OnlyModel(const serving::Snapshot& snapshot) {
  const std::vector<std::string>& names = snapshot.names.names();
  if (names.size() == 1) return names.front();
  if (names.empty()) return NotFound("no model is served yet");
  return InvalidArgument("/invocations is for a server of one model, here are ", names.size(),
                         "; ask /models/NAME/invocations, one of ", Join(names, ", "));
}

void SendMlflowNotAllowed(net::ResponseWriter& out, const net::RequestView& request, std::string_view allowed) {
  const net::HeaderView allow{"Allow", allowed};
  SendCommonError(out, 405,
                  Cat(net::MethodName(request.method), " is not allowed for ", request.path, "; use ", allowed),
                  std::span(&allow, 1));
}

}  // namespace

bool MlflowRest::Owns(std::string_view path) {
  return path == kInvocations || path == "/ping" || path == "/health" || path == "/version" ||
         (path.starts_with(kMlflowModels) && path.ends_with(kInvocations));
}

void MlflowRest::Handle(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  if (request.path.ends_with(kInvocations)) {
    if (request.method != net::Method::kPost) return SendMlflowNotAllowed(out, request, "POST");
    return Invoke(request, body, out);
  }
  if (!IsRead(request)) return SendMlflowNotAllowed(out, request, "GET");
  if (request.path == "/version") return out.Send(200, "text/plain", program_version_);
  const bool ready = runner_.Read([](const serving::Snapshot& snapshot) { return snapshot.ready; });
  out.Send(ready ? 200 : 404, "application/json", "\n");
}

void MlflowRest::Invoke(const net::RequestView& request, std::string_view body, net::ResponseWriter& out) {
  const RestHeaders headers(request);
  InferenceTarget target = TargetOf(request.path);
  target.headers = &headers;
  target.protocol = serving::Protocol::kMlflow;
  target.request_bytes = request.body.size();
  std::string only;
  if (target.model.empty()) {
    Result<std::string> model = runner_.Read(OnlyModel);
    if (!model.ok()) return SendMlflowError(out, model.error(), Duration{0});
    only = *std::move(model);
    target.model = only;
  }
  const std::string_view type = request.Header(net::KnownHeader::kContentType);
  if (!type.empty() && !type.starts_with("application/json")) {
    return SendMlflowError(
        out, InvalidArgument("Content-Type is ", Quoted(type.substr(0, 80)), "; send application/json"), Duration{0});
  }
  RecordSource source(record_request_, body, ExtraColumns::kIgnored, by_column_);
  RecordReply reply(out, AnswerCodingFor(request), RecordProtocol::kMlflow, by_column_);
  runner_.Run(target, source, reply);
}

}  // namespace mw::api::inference
