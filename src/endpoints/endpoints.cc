// The door of endpoints.
#include "endpoints/endpoints.h"

#include <algorithm>

#include "base/id.h"
#include "base/text.h"
#include "endpoints/deployment_store.h"
#include "endpoints/rollback.h"
#include "endpoints/sharing.h"

namespace mw::endpoints {
namespace {

constexpr int kRollbackHistory = 1000;

Status CheckEndpointName(const std::string& name) {
  if (IsName(name)) return Ok();
  return InvalidArgument(Quoted(name), " is no endpoint name; use letters, digits, '.', '_' and '-'");
}

Error NoSuchEndpoint(const std::string& name, const std::vector<Deployment>& current) {
  std::string names;
  for (const Deployment& deployment : current) {
    if (!deployment.removed) CatTo(names, names.empty() ? "" : ", ", deployment.endpoint);
  }
  return NotFound("there is no endpoint ", Quoted(name),
                  names.empty() ? "; deploy a version to make one" : Cat("; endpoints: ", names));
}

/// The newest deployment. Errors: kNotFound naming the endpoints there are.
Result<Deployment> Newest(db::Snapshot& snapshot, const std::string& endpoint) {
  std::vector<Deployment> history = TRY(endpoints::History(snapshot, endpoint, 1));
  if (history.empty() || history.front().removed) return NoSuchEndpoint(endpoint, TRY(Current(snapshot)));
  return std::move(history.front());
}

Result<wire::WeightedVersion> Resolve(db::Snapshot& snapshot, const std::string& model, const VersionShare& share) {
  const registry::ModelVersion version =
      TRY(registry::Registry::GetVersion(snapshot, registry::ModelName{"default", model}, share.version));
  if (version.package.empty()) {
    return FailedPrecondition("version ", version.version, " of model ", Quoted(model), " is files at ",
                              version.source_uri, " that no model server can load yet; pack them: millwright register ",
                              model, " models:/", model, "/", version.version);
  }
  return wire::WeightedVersion{version.version, version.package, share.share};
}

/// What is wanted at the endpoint after a deployment of one version.
Result<Deployment> Deployed(db::Snapshot& snapshot, const DeployRequest& request) {
  const wire::WeightedVersion version =
      TRY(Resolve(snapshot, request.model, VersionShare{request.version, request.weight}));
  const std::vector<Deployment> history = TRY(endpoints::History(snapshot, request.endpoint, 1));
  const bool answers = !history.empty() && !history.front().removed;
  if (request.weight == wire::kWeightWhole) {
    Deployment wanted;
    wanted.endpoint = request.endpoint;
    wanted.model = request.model;
    wanted.version = version.version;
    wanted.package = version.package;
    if (answers) wanted.settings = history.front().settings;
    wanted.cause = "deploy";
    return wanted;
  }
  if (!answers || history.front().model != request.model) {
    return FailedPrecondition("endpoint ", Quoted(request.endpoint), " answers with ",
                              answers ? Cat("model ", Quoted(history.front().model)) : "nothing",
                              "; a version can share its requests once another of model ", Quoted(request.model),
                              " answers there");
  }
  Deployment wanted = history.front();
  TRY(endpoints::Share(wanted, TRY(WithWeight(wanted, version))));
  if (wanted.traffic.shadow && wanted.traffic.shadow->version == version.version) wanted.traffic.shadow.reset();
  wanted.cause = "canary";
  return wanted;
}

Result<Deployment> Shared(db::Snapshot& snapshot, const SharingRequest& request) {
  Deployment wanted = TRY(Newest(snapshot, request.endpoint));
  if (!request.versions.empty()) {
    std::vector<wire::WeightedVersion> versions;
    for (const VersionShare& share : request.versions) versions.push_back(TRY(Resolve(snapshot, wanted.model, share)));
    TRY(endpoints::Share(wanted, std::move(versions)));
  }
  if (request.shadow) wanted.traffic.shadow.reset();
  if (request.shadow && !request.shadow->version.empty()) {
    const wire::WeightedVersion shadow = TRY(Resolve(snapshot, wanted.model, *request.shadow));
    wanted.traffic.shadow = wire::ShadowVersion{shadow.version, shadow.package, shadow.weight};
  }
  if (request.sticky) wanted.settings.sticky = *request.sticky;
  if (request.cache) wanted.settings.cache = *request.cache;
  if (request.limits) wanted.settings.limits = *request.limits;
  wanted.cause = request.versions.empty() && !request.shadow ? "settings" : "split";
  return wanted;
}

/// Whether the deployment sends requests, or copies of them, to the version; 0: to any.
bool Uses(const Deployment& deployment, std::int64_t version) {
  if (deployment.removed) return false;
  if (version == 0 || deployment.version == version) return true;
  const auto& traffic = deployment.traffic;
  if (traffic.shadow && traffic.shadow->version == version) return true;
  return std::any_of(traffic.versions.begin(), traffic.versions.end(),
                     [&](const wire::WeightedVersion& one) { return one.version == version; });
}

}  // namespace

Result<std::vector<std::string>> Endpoints::Using(db::Snapshot& snapshot, const std::string& model,
                                                  std::int64_t version) {
  std::vector<std::string> names;
  const std::vector<Deployment> current = TRY(Current(snapshot));
  for (const Deployment& deployment : current) {
    if (deployment.model == model && Uses(deployment, version)) names.push_back(deployment.endpoint);
  }
  return names;
}

Task<Status> Endpoints::Load() {
  const auto current = CO_TRY(co_await database_.Read([](db::Snapshot& snapshot) { return Current(snapshot); }));
  for (const Deployment& deployment : current) Take(deployment);
  const auto admission =
      CO_TRY(co_await database_.Read([](db::Snapshot& snapshot) { return NewestAdmission(snapshot); }));
  Take(admission);
  co_return Ok();
}

void Endpoints::Take(const Deployment& deployment) {
  const Lock lock(mutex_);
  Deployment& known = current_[deployment.endpoint];
  if (deployment.generation < known.generation) return;  // another deployment overtook this one
  known = deployment;
  Grow(deployment.generation);
}

void Endpoints::Take(const Admission& admission) {
  const Lock lock(mutex_);
  if (admission.generation < admission_.generation) return;
  admission_ = admission;
  Grow(admission.generation);
}

void Endpoints::Grow(std::int64_t generation) {
  if (generation <= generation_.load()) return;
  generation_ = generation;
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

Result<Deployment> Endpoints::WriteIn(db::Transaction& transaction, Deployment wanted) const {
  Deployment written = TRY(Append(transaction, std::move(wanted)));
  if (written.removed) return written;
  if (on_deployment_) TRY(on_deployment_(transaction, written));
  TRY(registry_.SetAlias(transaction, {"default", written.model}, registry::kProduction, written.version,
                         Cat("deployment ", written.generation)));
  return written;
}

Task<Result<Deployment>> Endpoints::Write(std::string idempotency_key, std::string requested_by, Decision decide) {
  if (idempotency_key.empty()) idempotency_key = NewIdText(clock_);
  const Timestamp now = clock_.Now();
  const auto write = [&](db::Transaction& transaction) -> Result<Deployment> {
    std::optional<Deployment> known = TRY(FindByKey(transaction, idempotency_key));
    if (known) return *std::move(known);
    Deployment wanted = TRY(decide(transaction));
    wanted.requested_by = requested_by;
    wanted.idempotency_key = idempotency_key;
    wanted.created = now;
    wanted.ready.reset();
    return WriteIn(transaction, std::move(wanted));
  };
  const Deployment deployment = CO_TRY(co_await database_.Write(write));
  Take(deployment);
  co_return deployment;
}

Task<Result<Deployment>> Endpoints::Deploy(DeployRequest request) {
  CO_TRY(CheckEndpointName(request.endpoint));
  co_return co_await Write(request.idempotency_key, request.requested_by,
                           [&](db::Transaction& transaction) { return Deployed(transaction, request); });
}

Task<Result<Deployment>> Endpoints::Share(SharingRequest request) {
  co_return co_await Write(request.idempotency_key, request.requested_by,
                           [&](db::Transaction& transaction) { return Shared(transaction, request); });
}

Task<Result<Deployment>> Endpoints::Remove(std::string endpoint, std::string requested_by,
                                           std::string idempotency_key) {
  co_return co_await Write(idempotency_key, requested_by, [&](db::Transaction& transaction) -> Result<Deployment> {
    Deployment wanted = TRY(Newest(transaction, endpoint));
    wanted.traffic = {};
    wanted.removed = true;
    wanted.cause = "remove";
    return wanted;
  });
}

Task<Result<Deployment>> Endpoints::Rollback(std::string endpoint, std::optional<std::int64_t> to, std::string reason,
                                             std::string requested_by) {
  co_return co_await Write("", requested_by, [&](db::Transaction& transaction) -> Result<Deployment> {
    const std::vector<Deployment> history = TRY(endpoints::History(transaction, endpoint, kRollbackHistory));
    if (history.empty()) return NoSuchEndpoint(endpoint, TRY(Current(transaction)));
    Deployment wanted = TRY(ChooseRollback(history, to));
    wanted.cause = reason.empty() ? "rollback" : Cat("rollback: ", reason);
    return wanted;
  });
}

Task<Result<Admission>> Endpoints::SetAdmission(AdmissionRequest request) {
  if (request.idempotency_key.empty()) request.idempotency_key = NewIdText(clock_);
  const Timestamp now = clock_.Now();
  const auto write = [&](db::Transaction& transaction) -> Result<Admission> {
    std::optional<Admission> known = TRY(FindAdmissionByKey(transaction, request.idempotency_key));
    if (known) return *std::move(known);
    Admission wanted = TRY(NewestAdmission(transaction));
    wanted.rules = TRY(Changed(std::move(wanted.rules), request));
    wanted.requested_by = request.requested_by;
    wanted.idempotency_key = request.idempotency_key;
    wanted.created = now;
    return Append(transaction, std::move(wanted));
  };
  const Admission admission = CO_TRY(co_await database_.Write(write));
  Take(admission);
  co_return admission;
}

Admission Endpoints::CurrentAdmission() const {
  const Lock lock(mutex_);
  return admission_;
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
  if (view.servers.empty()) {
    const Lock lock(mutex_);
    view.fault = server_fault_;
  }
  return view;
}

void Endpoints::SetServerFault(std::string why) {
  const Lock lock(mutex_);
  server_fault_ = std::move(why);
}

Task<Result<EndpointView>> Endpoints::Get(std::string endpoint) {
  Deployment newest =
      CO_TRY(co_await database_.Read([&](db::Snapshot& snapshot) { return Newest(snapshot, endpoint); }));
  co_return ViewOf(std::move(newest));
}

Task<Result<std::vector<EndpointView>>> Endpoints::List() {
  const auto current = CO_TRY(co_await database_.Read([](db::Snapshot& snapshot) { return Current(snapshot); }));
  std::vector<EndpointView> views;
  for (const Deployment& deployment : current) {
    if (!deployment.removed) views.push_back(ViewOf(deployment));
  }
  co_return views;
}

Task<Result<std::vector<Deployment>>> Endpoints::ChangedSince(Timestamp since, int limit) {
  co_return co_await database_.Read(
      [&](db::Snapshot& snapshot) { return endpoints::ChangedSince(snapshot, since, limit); });
}

Task<Result<std::vector<Admission>>> Endpoints::AdmissionsSince(Timestamp since, int limit) {
  co_return co_await database_.Read(
      [&](db::Snapshot& snapshot) { return endpoints::AdmissionsSince(snapshot, since, limit); });
}

Task<Result<std::vector<Deployment>>> Endpoints::History(std::string endpoint, int limit) {
  co_return co_await database_.Read(
      [&](db::Snapshot& snapshot) { return endpoints::History(snapshot, endpoint, limit); });
}

wire::DesiredState Endpoints::Desired() const {
  const Lock lock(mutex_);
  wire::DesiredState state;
  for (const auto& [name, deployment] : current_) {
    if (!deployment.removed) state.endpoints.push_back(deployment.Desired());
  }
  state.admission = admission_.rules;
  state.generation = generation_.load();
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
    for (const auto& [name, deployment] : current_) {
      if (deployment.ready || deployment.removed || !Answers(report, deployment)) continue;
      became_ready.push_back(deployment.generation);
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
