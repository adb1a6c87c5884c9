// Which protocol a path belongs to.
#include "api/inference/inference_api.h"

#include "api/inference/rest_reply.h"

namespace mw::api::inference {

InferenceHandler::InferenceHandler(const InferenceContext& context)
    : metrics_(context.metrics),
      runner_(context),
      v2_(runner_, context.program_version),
      v1_(runner_),
      mlflow_(runner_, context.program_version) {}

void InferenceHandler::Handle(const net::RequestView& request, net::ResponseWriter& out) {
  const std::string_view path = request.path;
  if (path.starts_with("/v2")) [[likely]]
    return v2_.Handle(request, request.body, out);
  if (path.starts_with("/v1")) return v1_.Handle(request, request.body, out);
  if (MlflowRest::Owns(path)) return mlflow_.Handle(request, request.body, out);
  if (path != "/metrics") return SendNoSuchPath(out, path, "start at /v2");
  if (!IsRead(request)) return SendNotAllowed(out, request, "GET");
  runner_.Flush();
  out.Send(200, "text/plain; version=0.0.4", metrics_.Expose());
}

void InferenceHandler::EndOfSweep() { runner_.Flush(); }

}  // namespace mw::api::inference
