// Polls, deploys, keeps, reports.
#include "serving/follower.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"

namespace mw::serving {
namespace {

constexpr std::size_t kDesiredStateBytesMax = std::size_t{16} << 20;

std::string StatePath(const FollowerOptions& options) { return options.state_directory + "/desired_state.json"; }

bool IsLive(const Catalog& catalog, const wire::DesiredEndpoint& endpoint) {
  const auto live = catalog.Live(endpoint.name);
  return live != nullptr && live->version == endpoint.version && live->source == endpoint.package;
}

/// Whether the same attempt may succeed later, with nothing changed here.
bool MayHeal(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kDeadlineExceeded || error.code == Code::kDataLoss ||
         error.code == Code::kResourceExhausted || error.code == Code::kNotFound;
}

}  // namespace

Result<std::unique_ptr<Follower>> Follower::Make(FollowerOptions options, Catalog& catalog, MetricsRegistry& metrics) {
  TRY(MakeDirectories(options.state_directory));
  PackageCache packages = TRY(PackageCache::Open(options.state_directory + "/packages"));
  FileDescriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return ErrnoError(errno, "eventfd");
  std::unique_ptr<Follower> follower(
      new Follower(std::move(options), catalog, metrics, std::move(packages), std::move(stop)));
  TRY(follower->Connect());
  return follower;
}

Status Follower::Connect() {
  const ControlPlaneAddress address = TRY(FindControlPlane(options_.state_directory, options_.control_plane));
  net::ClientOptions client_options;
  client_options.timeout = options_.poll_wait + std::chrono::seconds(10);
  client_options.bearer_token = address.token;
  client_options.cancel_descriptor = stop_.get();
  client_ = TRY(net::HttpClient::Make(address.url, client_options));
  return Ok();
}

Follower::Follower(FollowerOptions options, Catalog& catalog, MetricsRegistry& metrics, PackageCache packages,
                   FileDescriptor stop)
    : options_(std::move(options)),
      catalog_(catalog),
      connected_(metrics.AddGauge("millwright_follower_connected",
                                  "1 while the control plane answers; at 0 the last good state is served.")),
      generation_metric_(metrics.AddGauge("millwright_follower_generation", "The desired state last taken over.")),
      packages_(std::move(packages)),
      stop_(std::move(stop)) {}

void Follower::TakeOverLast() {
  const Result<std::string> text = ReadFile(StatePath(options_), kDesiredStateBytesMax);
  if (!text.ok()) return;  // a first start
  Result<wire::DesiredState> state = wire::ParseDesiredState(*text);
  if (!state.ok()) {
    LogError("last desired state not readable", {{"error", Json(state.error().ToString())}});
    return;
  }
  kept_ = *std::move(state);
  catalog_.SetLimits(kept_.limits);
  catalog_.SetRecording(kept_.recording);
  for (const wire::DesiredEndpoint& endpoint : kept_.endpoints) {
    const Status deployed = DeployOne(endpoint, false);
    if (!deployed.ok()) {
      LogError("last good version not served",
               {{"endpoint", Json(endpoint.name)}, {"error", Json(deployed.error().ToString())}});
    }
  }
  SetReadyFor(kept_);
  LogInfo("last good state taken over",
          {{"generation", Json(kept_.generation)}, {"endpoints", Json(kept_.endpoints.size())}});
}

void Follower::Run(const std::string& address) {
  address_ = address;
  std::chrono::milliseconds pause = options_.retry_min;
  while (!Pause(std::chrono::milliseconds(0))) {
    const Status polled = Poll();
    NoteConnection(polled);
    if (polled.ok() && !unfinished_) {
      pause = options_.retry_min;
      continue;
    }
    // A control plane that comes back may have been moved or restored: whatever it says then counts.
    after_ = -1;
    if (Pause(pause)) return;
    pause = std::min(pause * 2, options_.retry_max);
    if (!polled.ok()) {
      const Status connected = Connect();
      if (!connected.ok())
        LogWarning("control plane's address not usable", {{"error", Json(connected.error().ToString())}});
    }
  }
}

void Follower::Stop() {
  const std::uint64_t one = 1;
  MW_ASSERT(write(stop_.get(), &one, sizeof one) == sizeof one);
}

bool Follower::Pause(std::chrono::milliseconds duration) const {
  pollfd waiting{stop_.get(), POLLIN, 0};
  return poll(&waiting, 1, static_cast<int>(duration.count())) > 0;
}

void Follower::NoteConnection(const Status& polled) {
  const bool lost = !polled.ok() && polled.error().code != Code::kCancelled;
  connected_.Set(lost ? 0 : 1);
  if (lost && (was_connected_ || !ever_polled_)) {
    LogWarning("control plane does not answer; serving the last good state",
               {{"url", Json(options_.control_plane.url)}, {"error", Json(polled.error().ToString())}});
  }
  if (!lost && !was_connected_)
    LogInfo("following", {{"url", Json(options_.control_plane.url)}, {"generation", Json(generation_)}});
  was_connected_ = !lost;
  ever_polled_ = true;
}

Status Follower::Poll() {
  const std::string target = Cat("/api/v1/desired-state?after=", after_, "&wait=", options_.poll_wait.count(), "ms");
  const net::Response response = TRY(client_->Send(net::Method::kGet, target));
  if (response.status >= 400) return net::ErrorFromResponse(response).In("desired state");
  bool news = response.status == 200;  // 204 and 304: there is none
  if (news) {
    const wire::DesiredState state = TRY(wire::ParseDesiredState(response.body));
    news = state.generation != after_;
    if (news) TRY(TakeOver(state));
  }
  TRY(Report());
  // A control plane that answers at once must not make this a busy loop.
  if (!news) Pause(options_.retry_min);
  return Ok();
}

Status Follower::TakeOver(const wire::DesiredState& state) {
  unfinished_ = false;
  catalog_.SetLimits(state.limits);
  catalog_.SetRecording(state.recording);
  RemoveOthers(state);
  for (const wire::DesiredEndpoint& endpoint : state.endpoints) {
    if (IsLive(catalog_, endpoint)) continue;
    // One endpoint that cannot be deployed holds up no other.
    const Status deployed = DeployOne(endpoint, true);
    if (!deployed.ok() && MayHeal(deployed.error())) unfinished_ = true;
  }
  SetReadyFor(state);
  TRY(KeepLast(state));
  generation_ = after_ = state.generation;
  generation_metric_.Set(static_cast<double>(state.generation));
  return Ok();
}

Status Follower::DeployOne(const wire::DesiredEndpoint& endpoint, bool may_fetch) {
  std::string path = packages_.Find(endpoint.package);
  if (path.empty()) {
    Result<std::string> fetched = may_fetch ? packages_.Fetch(*client_, endpoint.package)
                                            : NotFound("package ", endpoint.package, " is not on this machine");
    if (!fetched.ok()) {
      catalog_.Fail(endpoint.name, endpoint.version, fetched.error());
      return fetched.error();
    }
    path = *std::move(fetched);
  }
  Status deployed = catalog_.Deploy(endpoint.name, endpoint.version, endpoint.package, path);
  if (!deployed.ok() && deployed.error().code == Code::kDataLoss) packages_.Remove(endpoint.package);
  return deployed;
}

void Follower::RemoveOthers(const wire::DesiredState& state) {
  for (const std::string& name : catalog_.Endpoints()) {
    const bool wanted = std::any_of(state.endpoints.begin(), state.endpoints.end(),
                                    [&](const wire::DesiredEndpoint& endpoint) { return endpoint.name == name; });
    if (!wanted) catalog_.Remove(name);
  }
}

void Follower::SetReadyFor(const wire::DesiredState& state) {
  catalog_.SetReady(std::all_of(state.endpoints.begin(), state.endpoints.end(),
                                [this](const wire::DesiredEndpoint& e) { return catalog_.Live(e.name) != nullptr; }));
}

Status Follower::KeepLast(const wire::DesiredState& state) {
  wire::DesiredState good = state;
  std::erase_if(good.endpoints,
                [this](const wire::DesiredEndpoint& endpoint) { return catalog_.Live(endpoint.name) == nullptr; });
  for (wire::DesiredEndpoint& endpoint : good.endpoints) {
    const auto live = catalog_.Live(endpoint.name);
    endpoint.version = live->version;
    endpoint.package = live->source;
  }
  if (!(good == kept_)) {
    TRY(WriteFileDurably(StatePath(options_), wire::ToJson(good).DumpPretty()));
    kept_ = std::move(good);
  }
  packages_.KeepOnly(catalog_.Sources());
  return Ok();
}

Status Follower::Report() {
  const wire::StatusReport report{options_.server_id, options_.program_version, address_, generation_,
                                  catalog_.Statuses()};
  TRY(client_->Call(net::Method::kPost, Cat("/api/v1/servers/", options_.server_id, "/status"), wire::ToJson(report)));
  return Ok();
}

}  // namespace mw::serving
