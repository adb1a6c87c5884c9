// Views of deployments for the API.
#include "endpoints/deployment.h"

#include <algorithm>

namespace mw::endpoints {
namespace {

const wire::EndpointStatus* Find(const wire::StatusReport& report, const std::string& endpoint, std::int64_t version) {
  for (const wire::EndpointStatus& status : report.endpoints) {
    if (status.name == endpoint && status.version == version) return &status;
  }
  return nullptr;
}

}  // namespace

bool EndpointView::Ready() const {
  if (servers.empty()) return false;
  return std::all_of(servers.begin(), servers.end(), [this](const Server& server) {
    const wire::EndpointStatus* status = Find(server.report, current.endpoint, current.version);
    return status != nullptr && status->state == wire::VersionState::kReady;
  });
}

Json ToJson(const Deployment& deployment) {
  return Json::Make({{"generation", deployment.generation},
                     {"endpoint", deployment.endpoint},
                     {"model", deployment.model},
                     {"version", deployment.version},
                     {"package", deployment.package},
                     {"cause", deployment.cause},
                     {"requested_by", deployment.requested_by},
                     {"created", FormatTime(deployment.created)},
                     {"ready_at", deployment.ready ? Json(FormatTime(*deployment.ready)) : Json()}});
}

Json ToJson(const EndpointView& view) {
  Json out = ToJson(view.current);
  out["ready"] = view.Ready();
  Json servers = Json::MakeArray();
  for (const Server& server : view.servers) {
    Json row = wire::ToJson(server.report);
    row["seen"] = FormatTime(server.seen);
    servers.Append(std::move(row));
  }
  out["servers"] = std::move(servers);
  return out;
}

}  // namespace mw::endpoints
