// Judges and shows deployments.
#include "endpoints/deployment.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace mw::endpoints {
namespace {

using wire::EndpointStatus;
using wire::VersionState;

const EndpointStatus* Find(const wire::StatusReport& report, const std::string& endpoint, std::int64_t version) {
  for (const EndpointStatus& status : report.endpoints) {
    if (status.name == endpoint && status.version == version) return &status;
  }
  return nullptr;
}

Json StatesOf(const EndpointView& view, std::int64_t version) {
  Json states = Json::MakeArray();
  for (const Server& server : view.servers) {
    const EndpointStatus* status = Find(server.report, view.current.endpoint, version);
    if (status == nullptr) continue;
    Json row = Json::Make(
        {{"server", server.report.server}, {"state", wire::VersionStateName(status->state)}, {"error", status->error}});
    if (status->weight >= 0) row["weight"] = status->weight;
    if (status->memory_bytes > 0) row["memory_bytes"] = status->memory_bytes;
    if (status->shadow) row["shadow"] = wire::ToJson(*status->shadow);
    if (!status->progress.empty()) row["progress"] = status->progress;
    states.Append(std::move(row));
  }
  return states;
}

/// What is wanted, and what servers have beside it.
std::map<std::int64_t, Json, std::greater<>> VersionsOf(const EndpointView& view) {
  std::map<std::int64_t, Json, std::greater<>> versions;
  const auto row = [&versions](std::int64_t version) -> Json& {
    const auto [at, added] = versions.try_emplace(version, Json::MakeObject());
    if (added) at->second = Json::Make({{"version", version}, {"weight", 0}});
    return at->second;
  };
  for (const wire::WeightedVersion& version : view.current.Desired().Versions()) {
    row(version.version)["weight"] = version.weight;
    row(version.version)["package"] = version.package;
  }
  if (const auto& shadow = view.current.traffic.shadow) {
    row(shadow->version)["shadow_share"] = shadow->share;
    row(shadow->version)["package"] = shadow->package;
  }
  for (const Server& server : view.servers) {
    for (const EndpointStatus& status : server.report.endpoints) {
      if (status.name == view.current.endpoint) row(status.version);
    }
  }
  for (auto& [version, json] : versions) json["servers"] = StatesOf(view, version);
  return versions;
}

}  // namespace

wire::DesiredEndpoint Deployment::Desired() const { return {endpoint, model, version, package, traffic, settings}; }

bool Answers(const wire::StatusReport& report, const Deployment& deployment) {
  const std::vector<wire::WeightedVersion> versions = deployment.Desired().Versions();
  return std::all_of(versions.begin(), versions.end(), [&](const wire::WeightedVersion& version) {
    if (version.weight == 0) return true;
    const EndpointStatus* status = Find(report, deployment.endpoint, version.version);
    if (status == nullptr) return false;
    const bool there = status->state == VersionState::kReady || status->state == VersionState::kUnloaded;
    return there && (status->weight < 0 || status->weight == version.weight);
  });
}

bool EndpointView::Ready() const {
  if (servers.empty()) return false;
  return std::all_of(servers.begin(), servers.end(),
                     [this](const Server& server) { return Answers(server.report, current); });
}

std::string TrafficText(const Deployment& deployment) {
  if (deployment.removed) return "nothing";
  std::string text;
  if (deployment.traffic.versions.empty()) CatTo(text, "version ", deployment.version);
  for (const wire::WeightedVersion& version : deployment.traffic.versions) {
    CatTo(text, text.empty() ? "versions " : " ", version.version, "=", wire::WeightText(version.weight));
  }
  if (const auto& shadow = deployment.traffic.shadow) {
    CatTo(text, ", shadow ", shadow->version, "=", wire::WeightText(shadow->share));
  }
  return text;
}

Json ToJson(const Deployment& deployment) {
  Json out = Json::Make({{"generation", deployment.generation},
                         {"endpoint", deployment.endpoint},
                         {"model", deployment.model},
                         {"version", deployment.version},
                         {"package", deployment.package},
                         {"cause", deployment.cause},
                         {"requested_by", deployment.requested_by},
                         {"created", FormatTime(deployment.created)},
                         {"ready_at", deployment.ready ? Json(FormatTime(*deployment.ready)) : Json()}});
  wire::PutTraffic(deployment.traffic, out);
  wire::PutSettings(deployment.settings, out);
  if (deployment.removed) out["removed"] = true;
  return out;
}

Json ToJson(const EndpointView& view) {
  Json out = ToJson(view.current);
  Json versions = Json::MakeArray();
  for (auto& [number, version] : VersionsOf(view)) versions.Append(version);
  out["versions"] = std::move(versions);
  out["ready"] = view.Ready();
  Json servers = Json::MakeArray();
  for (const Server& server : view.servers) {
    Json row = wire::ToJson(server.report);
    row["seen"] = FormatTime(server.seen);
    servers.Append(std::move(row));
  }
  out["servers"] = std::move(servers);
  if (!view.fault.empty()) out["fault"] = view.fault;
  return out;
}

}  // namespace mw::endpoints
