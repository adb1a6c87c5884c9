// Polls, deploys, keeps, reports.
#include "serving/follower.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/model_config.h"
#include "serving/text_format.h"
#include "wire/package.h"

namespace mw::serving {
namespace {

constexpr std::size_t kDesiredStateBytesMax = std::size_t{16} << 20;

std::string StatePath(const FollowerOptions& options) { return options.state_directory + "/desired_state.json"; }

/// Whether the same attempt may succeed later, with nothing changed here.
bool MayHeal(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kDeadlineExceeded || error.code == Code::kDataLoss ||
         error.code == Code::kResourceExhausted || error.code == Code::kNotFound;
}

}  // namespace

/// The packages of this server, for the catalog's loaders; outlives the follower while one of them uses it.
class Follower::Packages final : public ModelSource {
 public:
  Packages(std::unique_ptr<PackageCache> cache, FileDescriptor stop, const FollowerOptions& options)
      : cache_(std::move(cache)),
        stop_(std::move(stop)),
        state_directory_(options.state_directory),
        control_plane_(options.control_plane),
        timeout_(options.poll_wait + std::chrono::seconds(10)) {}

  Result<std::string> Locate(const std::string& digest) override {
    if (std::string path = cache_->Find(digest); !path.empty()) return path;
    if (!may_fetch_) return NotFound("package ", digest, " is not on this machine");
    net::HttpClient client = TRY(Connect());
    return cache_->Fetch(client, digest);
  }
  void Damaged(const std::string& digest) override { cache_->Remove(digest); }
  /// Of a package that was made of a Triton server's model.
  std::shared_ptr<const ModelConfig> Config(const std::string& digest) override {
    const auto text = ReadFile(Cat(cache_->Find(digest), "/", wire::kTritonConfigFile), kTextFormatBytesMax);
    if (!text.ok()) return nullptr;
    auto config = ParseModelConfig(*text);
    if (!config.ok()) return nullptr;  // it was checked when the package was made
    config->warm_up.clear();           // the package has its own
    return std::make_shared<const ModelConfig>(*std::move(config));
  }

  /// To where the control plane is now.
  Result<net::HttpClient> Connect() const {
    const ControlPlaneAddress address = TRY(FindControlPlane(state_directory_, control_plane_));
    net::ClientOptions options;
    options.timeout = timeout_;
    options.bearer_token = address.token;
    options.cancel_descriptor = stop_.get();
    return net::HttpClient::Make(address.url, options);
  }
  void AllowFetching() { may_fetch_ = true; }
  void KeepOnly(const std::vector<std::string>& digests) { cache_->KeepOnly(digests); }
  [[nodiscard]] int stop_descriptor() const { return stop_.get(); }

 private:
  const std::unique_ptr<PackageCache> cache_;
  const FileDescriptor stop_;  // an eventfd, readable once stopped
  const std::string state_directory_;
  const ControlPlaneAddress control_plane_;
  const std::chrono::milliseconds timeout_;
  std::atomic<bool> may_fetch_{false};
};

Result<std::unique_ptr<Follower>> Follower::Make(FollowerOptions options, Catalog& catalog, MetricsRegistry& metrics) {
  TRY(MakeDirectories(options.state_directory));
  std::unique_ptr<PackageCache> cache = TRY(PackageCache::Open(options.state_directory + "/packages"));
  FileDescriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return ErrnoError(errno, "eventfd");
  auto packages = std::make_shared<Packages>(std::move(cache), std::move(stop), options);
  std::unique_ptr<Follower> follower(new Follower(std::move(options), catalog, metrics, std::move(packages)));
  TRY(follower->Connect());
  return follower;
}

Status Follower::Connect() {
  client_ = TRY(packages_->Connect());
  return Ok();
}

Follower::Follower(FollowerOptions options, Catalog& catalog, MetricsRegistry& metrics,
                   std::shared_ptr<Packages> packages)
    : options_(std::move(options)),
      catalog_(catalog),
      connected_(metrics.AddGauge("millwright_follower_connected",
                                  "1 while the control plane answers; at 0 the last good state is served.")),
      generation_metric_(metrics.AddGauge("millwright_follower_generation", "The desired state last taken over.")),
      packages_(std::move(packages)) {}

void Follower::TakeOverLast() {
  const Result<std::string> text = ReadFile(StatePath(options_), kDesiredStateBytesMax);
  if (!text.ok()) return;  // a first start
  Result<wire::DesiredState> state = wire::ParseDesiredState(*text);
  if (!state.ok()) {
    LogError("last desired state not readable", {{"error", Json(state.error().ToString())}});
    return;
  }
  kept_ = *std::move(state);
  TakeOver(kept_);
  state_.generation = 0;  // nothing of what the control plane says was taken over yet
  after_ = -1;
  settled_ = catalog_.WaitSettled(options_.take_over_wait);
  LogInfo("last good state taken over",
          {{"generation", Json(kept_.generation)}, {"endpoints", Json(kept_.endpoints.size())}});
}

void Follower::Run(const std::string& address) {
  address_ = address;
  packages_->AllowFetching();
  std::chrono::milliseconds pause = options_.retry_min;
  while (!Pause(std::chrono::milliseconds(0))) {
    const Status polled = Poll();
    NoteConnection(polled);
    if (polled.ok() && !unfinished_) {
      if (settled_) pause = options_.retry_min;
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
  MW_ASSERT(write(packages_->stop_descriptor(), &one, sizeof one) == sizeof one);
}

bool Follower::Pause(std::chrono::milliseconds duration) const {
  pollfd waiting{packages_->stop_descriptor(), POLLIN, 0};
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
    LogInfo("following", {{"url", Json(options_.control_plane.url)}, {"generation", Json(state_.generation)}});
  was_connected_ = !lost;
  ever_polled_ = true;
}

Status Follower::Poll() {
  const auto wait = settled_ ? options_.poll_wait : options_.load_poll_wait;
  const std::string target = Cat("/api/v1/desired-state?after=", after_, "&wait=", wait.count(), "ms");
  const net::Response response = TRY(client_->Send(net::Method::kGet, target));
  if (response.status >= 400) return net::ErrorFromResponse(response).In("desired state");
  bool news = response.status == 200;  // 204 and 304: there is none
  if (news) {
    const wire::DesiredState state = TRY(wire::ParseDesiredState(response.body));
    news = state.generation != after_;
    if (news) TakeOver(state);
  }
  // Most versions are there at once, so that the report can say so.
  settled_ = catalog_.WaitSettled(options_.load_poll_wait);
  const std::vector<Error> failures = catalog_.Failures();
  unfinished_ = settled_ && std::any_of(failures.begin(), failures.end(), MayHeal);
  TRY(KeepLast());
  TRY(Report());
  // A control plane that answers at once must not make this a busy loop.
  if (!news && settled_) Pause(options_.retry_min);
  return Ok();
}

void Follower::TakeOver(const wire::DesiredState& state) {
  catalog_.SetLimits(state.limits);
  catalog_.SetRecording(state.recording);
  TakeOver(state.admission);
  if (state.memory_bytes_max > 0) catalog_.SetMemoryMax(state.memory_bytes_max);
  RemoveOthers(state);
  for (const wire::DesiredEndpoint& endpoint : state.endpoints) catalog_.Want(endpoint, packages_);
  catalog_.SetReady(true);
  state_ = state;
  after_ = state.generation;
  generation_metric_.Set(static_cast<double>(state.generation));
}

/// Rules that make no sense here leave those before in force.
void Follower::TakeOver(const wire::AdmissionRules& rules) {
  catalog_.SetAdmission(rules);
  if (options_.admission == nullptr || rules == state_.admission) return;
  Result<AdmissionSettings> settings = AdmissionSettingsOf(rules);
  if (settings.ok()) return options_.admission->Update(*std::move(settings));
  LogError("rules of admission not taken over", {{"error", Json(settings.error().ToString())}});
}

void Follower::RemoveOthers(const wire::DesiredState& state) {
  for (const std::string& name : catalog_.Endpoints()) {
    const bool wanted = std::any_of(state.endpoints.begin(), state.endpoints.end(),
                                    [&](const wire::DesiredEndpoint& endpoint) { return endpoint.name == name; });
    if (!wanted) catalog_.Remove(name);
  }
}

Status Follower::KeepLast() {
  wire::DesiredState good = state_;
  good.endpoints = catalog_.InForce();
  if (!(good == kept_)) {
    TRY(WriteFileDurably(StatePath(options_), wire::ToJson(good).DumpPretty()));
    kept_ = std::move(good);
  }
  if (settled_) packages_->KeepOnly(catalog_.Sources());
  return Ok();
}

Status Follower::Report() {
  const wire::StatusReport report{options_.server_id, options_.program_version, address_,
                                  state_.generation,  catalog_.Statuses(),      catalog_.memory_bytes_max()};
  TRY(client_->Call(net::Method::kPost, Cat("/api/v1/servers/", options_.server_id, "/status"), wire::ToJson(report)));
  return Ok();
}

}  // namespace mw::serving
