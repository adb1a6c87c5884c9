// The door of endpoints.
#include "endpoints/endpoints.h"

#include <algorithm>

#include "base/id.h"
#include "base/text.h"
#include "endpoints/deployment_store.h"
#include "endpoints/rollback.h"

namespace mw::endpoints {
namespace {

constexpr int kRollbackHistory = 1000;

Status CheckEndpointName(const std::string& name) {
  if (IsName(name)) return Ok();
  return InvalidArgument(Quoted(name), " is no endpoint name; use letters, digits, '.', '_' and '-'");
}

Error NoSuchEndpoint(const std::string& name, const std::vector<Deployment>& current) {
  std::string names;
  for (const Deployment& deployment : current) CatTo(names, names.empty() ? "" : ", ", deployment.endpoint);
  return NotFound("there is no endpoint ", Quoted(name),
                  names.empty() ? "; deploy a version to make one" : Cat("; endpoints: ", names));
}

}  // namespace

Task<Status> Endpoints::Load() {
  const auto current = CO_TRY(co_await database_.Read([](db::Snapshot& snapshot) { return Current(snapshot); }));
  for (const Deployment& deployment : current) Take(deployment);
  co_return Ok();
}

void Endpoints::Take(const Deployment& deployment) {
  const Lock lock(mutex_);
  Deployment& known = current_[deployment.endpoint];
  if (deployment.generation < known.generation) return;  // another deployment overtook this one
  known = deployment;
  if (deployment.generation <= generation_.load()) return;
  generation_ = deployment.generation;
  for (const Watch* watch : watches_) watch->grown_();
}

Endpoints::Watch::Watch(Endpoints& endpoints, std::function<void()> grown)
    : endpoints_(endpoints), grown_(std::move(grown)) {
  const Lock lock(endpoints_.mutex_);
  endpoints_.watches_.insert(this);
}

Endpoints::Watch::~Watch() {
  const Lock lock(endpoints_.mutex_);
  endpoints_.watches_.erase(this);
}

Task<Result<Deployment>> Endpoints::Deploy(DeployRequest request) {
  CO_TRY(CheckEndpointName(request.endpoint));
  if (request.idempotency_key.empty()) request.idempotency_key = NewIdText(clock_);
  const Timestamp now = clock_.Now();
  const Deployment deployment =
      CO_TRY(co_await database_.Write([&](db::Transaction& transaction) -> Result<Deployment> {
        const registry::ModelName name{"default", request.model};
        const registry::ModelVersion version = TRY(registry::Registry::GetVersion(transaction, name, request.version));
        Deployment wanted;
        wanted.endpoint = request.endpoint;
        wanted.model = request.model;
        wanted.version = version.version;
        wanted.package = version.package;
        wanted.cause = "deploy";
        wanted.requested_by = request.requested_by;
        wanted.idempotency_key = request.idempotency_key;
        wanted.created = now;
        Deployment written = TRY(Append(transaction, std::move(wanted)));
        TRY(registry_.SetAlias(transaction, name, registry::kProduction, written.version,
                               Cat("deployment ", written.generation)));
        return written;
      }));
  Take(deployment);
  co_return deployment;
}

Task<Result<Deployment>> Endpoints::Rollback(std::string endpoint, std::optional<std::int64_t> to, std::string reason,
                                             std::string requested_by) {
  const std::string key = NewIdText(clock_);
  const Timestamp now = clock_.Now();
  const auto roll_back = [&](db::Transaction& transaction) -> Result<Deployment> {
    const std::vector<Deployment> history = TRY(endpoints::History(transaction, endpoint, kRollbackHistory));
    if (history.empty()) return NoSuchEndpoint(endpoint, TRY(Current(transaction)));
    Deployment wanted = TRY(ChooseRollback(history, to));
    wanted.cause = reason.empty() ? "rollback" : Cat("rollback: ", reason);
    wanted.requested_by = requested_by;
    wanted.idempotency_key = key;
    wanted.created = now;
    wanted.ready.reset();
    Deployment written = TRY(Append(transaction, std::move(wanted)));
    TRY(registry_.SetAlias(transaction, {"default", written.model}, registry::kProduction, written.version,
                           Cat("deployment ", written.generation)));
    return written;
  };
  const Deployment deployment = CO_TRY(co_await database_.Write(roll_back));
  Take(deployment);
  co_return deployment;
}

EndpointView Endpoints::ViewOf(Deployment deployment) const {
  EndpointView view;
  for (Server& server : Servers()) {
    const auto& endpoints = server.report.endpoints;
    const bool concerned = std::any_of(endpoints.begin(), endpoints.end(),
                                       [&](const auto& status) { return status.name == deployment.endpoint; });
    if (concerned || server.report.generation >= deployment.generation) view.servers.push_back(std::move(server));
  }
  view.current = std::move(deployment);
  return view;
}

Task<Result<EndpointView>> Endpoints::Get(std::string endpoint) {
  const auto history = CO_TRY(
      co_await database_.Read([&](db::Snapshot& snapshot) { return endpoints::History(snapshot, endpoint, 1); }));
  if (history.empty()) {
    co_return NoSuchEndpoint(endpoint,
                             CO_TRY(co_await database_.Read([](db::Snapshot& snapshot) { return Current(snapshot); })));
  }
  co_return ViewOf(history.front());
}

Task<Result<std::vector<EndpointView>>> Endpoints::List() {
  const auto current = CO_TRY(co_await database_.Read([](db::Snapshot& snapshot) { return Current(snapshot); }));
  std::vector<EndpointView> views;
  for (const Deployment& deployment : current) views.push_back(ViewOf(deployment));
  co_return views;
}

Task<Result<std::vector<Deployment>>> Endpoints::History(std::string endpoint, int limit) {
  co_return co_await database_.Read(
      [&](db::Snapshot& snapshot) { return endpoints::History(snapshot, endpoint, limit); });
}

wire::DesiredState Endpoints::Desired() const {
  const Lock lock(mutex_);
  wire::DesiredState state;
  for (const auto& [name, deployment] : current_) {
    state.endpoints.push_back({name, deployment.model, deployment.version, deployment.package});
    state.generation = std::max(state.generation, deployment.generation);
  }
  return state;
}

void Endpoints::MarkReadyInMemory(std::int64_t generation, Timestamp at) {
  const Lock lock(mutex_);
  for (auto& [name, deployment] : current_) {
    if (deployment.generation == generation && !deployment.ready) deployment.ready = at;
  }
}

Task<Status> Endpoints::Report(wire::StatusReport report) {
  const Timestamp now = clock_.Now();
  std::vector<std::int64_t> became_ready;
  {
    const Lock lock(mutex_);
    for (const wire::EndpointStatus& status : report.endpoints) {
      const auto known = current_.find(status.name);
      if (known == current_.end() || status.state != wire::VersionState::kReady) continue;
      if (known->second.version == status.version && !known->second.ready) {
        became_ready.push_back(known->second.generation);
      }
    }
    const std::string id = report.server;
    servers_[id] = {std::move(report), now};
  }
  if (became_ready.empty()) co_return Ok();
  CO_TRY(co_await database_.Write([&](db::Transaction& transaction) -> Status {
    for (const std::int64_t generation : became_ready) TRY(MarkReady(transaction, generation, now));
    return Ok();
  }));
  for (const std::int64_t generation : became_ready) MarkReadyInMemory(generation, now);
  co_return Ok();
}

std::vector<Server> Endpoints::Servers() const {
  const Timestamp now = clock_.Now();
  const Lock lock(mutex_);
  std::vector<Server> live;
  for (const auto& [id, server] : servers_) {
    if (now - server.seen <= kServerGoneAfter) live.push_back(server);
  }
  return live;
}

}  // namespace mw::endpoints
