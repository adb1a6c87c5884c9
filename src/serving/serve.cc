// Puts the data plane together and takes it apart again.
#include "serving/serve.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "net/socket.h"
#include "serving/backend/start_backend.h"

namespace mw::serving {
namespace {

std::string ServeFile(const ServeOptions& options) { return options.state_directory + "/serve.json"; }

/// The same over restarts with one state directory.
Result<std::string> ServerId(const ServeOptions& options, const Clock& clock) {
  if (options.state_directory.empty()) return NewIdText(clock);
  const std::string path = options.state_directory + "/server_id";
  if (const auto known = ReadFile(path, 4096); known.ok() && IsName(Trim(*known))) return std::string(Trim(*known));
  std::string id = NewIdText(clock);
  TRY(WriteFileDurably(path, id));
  return id;
}

/// Whoever looks whether a server runs holds the lock for a moment, so a held lock is asked for again.
Result<FileDescriptor> TakeLock(const std::string& path) {
  constexpr int kAttempts = 100;
  constexpr int kPauseMillis = 10;
  for (int attempt = 1;; ++attempt) {
    Result<FileDescriptor> lock = LockFile(path);
    if (lock.ok() || lock.error().code != Code::kFailedPrecondition || attempt == kAttempts) return lock;
    poll(nullptr, 0, kPauseMillis);
  }
}

/// The server listens then also when models are not there yet; until they are it is not ready.
constexpr std::chrono::seconds kFirstLoadMax{60};

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

CatalogOptions CatalogOptionsOf(const ServeOptions& options, Batcher& batcher, ResponseCache& cache,
                                MetricsRegistry& metrics) {
  ForeignOptions foreign;
  if (!options.state_directory.empty()) {
    foreign.cache_directory = options.state_directory + "/compiled";
    foreign.python_directory =
        std::filesystem::absolute(options.state_directory).lexically_normal().string() + "/python";
  }
  foreign.python = options.python;
  CatalogOptions catalog;
  const std::string verdicts = options.state_directory.empty() ? "" : options.state_directory + "/compared";
  catalog.load = [foreign, verdicts, &metrics](const LoadRequest& request) {
    ForeignOptions own = foreign;
    own.progress = request.progress;
    if (request.config != nullptr && request.config->instances > 0) {
      own.workers = static_cast<std::size_t>(request.config->instances);
    }
    return Model::Load(request.path, MakeStartBackend(own, metrics), verdicts, request.Stated());
  };
  catalog.batcher = &batcher;
  catalog.gone = [&cache](const Model& model) { cache.Forget(model.serial()); };
  return catalog;
}

ControlRules ControlRulesOf(const ServeOptions& options) {
  const bool front = options.front_host.empty() || net::IsLoopback(options.front_host);
  return {.follows = !options.follow.empty(),
          .on_loopback = front && net::IsLoopback(options.host),
          .token = options.follow.empty() ? options.token : ""};
}

AccessLogOptions AccessLogOptionsOf(const ServeOptions& options) {
  AccessLogOptions log;
  log.state_directory = options.state_directory;
  if (!options.follow.empty()) log.control_plane = {options.follow, options.token};
  return log;
}

}  // namespace

DataPlane::DataPlane(ServeOptions options)
    : options_(std::move(options)), catalog_(metrics_, CatalogOptionsOf(options_, batcher_, cache_, metrics_)) {}

DataPlane::~DataPlane() { Stop(); }

Result<std::unique_ptr<DataPlane>> DataPlane::Start(ServeOptions options, const HandlerFactory& make_handler,
                                                    const FrontFactory& make_front) {
  std::unique_ptr<DataPlane> plane(new DataPlane(std::move(options)));
  TRY(plane->Prepare());
  TRY(plane->LoadModels());
  TRY(plane->Listen(make_handler, make_front));
  return plane;
}

Status DataPlane::Prepare() {
  if (options_.models.empty() && options_.follow.empty() && options_.model_repository.empty()) {
    return InvalidArgument("nothing to serve; give --model NAME=PATH, --model-repository DIR or --follow URL");
  }
  if (!options_.follow.empty() && !options_.model_repository.empty()) {
    return InvalidArgument("a server that follows serves what the control plane says; leave --model-repository out");
  }
  catalog_.SetMemoryMax(options_.memory_bytes_max);
  if (!options_.follow.empty() && options_.state_directory.empty()) {
    return InvalidArgument("--follow needs a directory to keep its models in; give --state-dir DIR");
  }
  if (!options_.state_directory.empty()) {
    TRY(MakeDirectories(options_.state_directory));
    lock_ = TRY(TakeLock(options_.state_directory + "/serve.lock"));
    unlink(ServeFile(options_).c_str());  // of one that was killed
    access_log_ = TRY(AccessLog::Make(AccessLogOptionsOf(options_), clock_, metrics_));
  }
  server_id_ = TRY(ServerId(options_, clock_));
  return options_.follow.empty() ? Ok() : Follow();
}

Status DataPlane::Follow() {
  FollowerOptions follow;
  follow.control_plane = {options_.follow, options_.token};
  follow.state_directory = options_.state_directory;
  follow.server_id = server_id_;
  follow.program_version = options_.program_version;
  follow.admission = &admission_;
  follower_ = TRY(Follower::Make(std::move(follow), catalog_, metrics_));
  RecorderOptions record;
  record.control_plane = {options_.follow, options_.token};
  record.state_directory = options_.state_directory;
  record.server_id = server_id_;
  recorder_ = TRY(Recorder::Make(std::move(record), clock_, metrics_));
  return Ok();
}

Status DataPlane::LoadModels() {
  for (const auto& [name, path] : options_.models) {
    if (!IsName(name)) {
      return InvalidArgument("--model ", Quoted(name), "=", path, ": names are letters, digits, '.', '_' and '-'");
    }
    TRY(catalog_.Deploy(name, 1, path, path).In(Cat("--model ", name, "=", path)));
  }
  if (!options_.model_repository.empty()) {
    repository_ = TRY(ModelRepository::Open(options_.model_repository, catalog_));
    Reload();
    if (!catalog_.WaitSettled(kFirstLoadMax)) LogWarning("models are still being loaded", {});
  }
  control_ = std::make_unique<ModelControl>(catalog_, repository_, ControlRulesOf(options_));
  if (follower_ != nullptr) {
    follower_->TakeOverLast();
  } else {
    catalog_.SetReady(true);
  }
  return Ok();
}

HandlerContext DataPlane::NewThread() {
  RecordingLane* const lane = recorder_ == nullptr ? nullptr : &recorder_->NewLane();
  AccessLane* const access = access_log_ == nullptr ? nullptr : &access_log_->NewLane();
  return {catalog_,    metrics_,
          clock_,      lane,
          &cache_,     *control_,
          access,      access_log_.get(),
          &admission_, &shadows_.NewSender()};
}

Status DataPlane::Listen(const HandlerFactory& make_handler, const FrontFactory& make_front) {
  if (make_front != nullptr) front_ = TRY(make_front([this] { return NewThread(); }));
  net::LoopServerOptions listen;
  listen.host = options_.host;
  listen.port = options_.port;
  listen.loops = options_.loops;
  listen.allowed_hosts = options_.allowed_hosts;
  server_ = TRY(net::LoopServer::Start(
      std::move(listen), [&](int) { return make_handler(NewThread()); }, metrics_));
  address_ = Cat("http://", options_.host.find(':') == std::string::npos ? options_.host : Cat("[", options_.host, "]"),
                 ":", server_->port());
  if (!options_.state_directory.empty()) TRY(WriteServeFile());
  if (recorder_ != nullptr) recorder_->Start();
  if (access_log_ != nullptr) access_log_->Start();
  if (follower_ != nullptr) follower_thread_ = std::thread([this] { follower_->Run(address_); });
  return Ok();
}

Status DataPlane::WriteServeFile() const {
  const Json file = Json::Make({{"pid", Json(static_cast<std::int64_t>(getpid()))},
                                {"version", Json(options_.program_version)},
                                {"address", Json(address_)},
                                {"server", Json(server_id_)},
                                {"grpc", Json(front_address())}});
  return WriteFileDurably(ServeFile(options_), file.DumpPretty());
}

void DataPlane::Reload() {
  if (repository_ != nullptr) repository_->Rescan();
}

void DataPlane::Stop() {
  if (server_ == nullptr) return;
  catalog_.SetReady(false);
  if (follower_thread_.joinable()) {
    follower_->Stop();
    follower_thread_.join();
    catalog_.SetReady(false);  // it may have said otherwise in between
  }
  std::thread front([this] {
    if (front_ != nullptr) front_->Stop();
  });
  server_->Stop();
  front.join();
  front_.reset();
  server_.reset();
  shadows_.Stop();
  if (recorder_ != nullptr) recorder_->Stop();
  if (access_log_ != nullptr) access_log_->Stop();
  if (!options_.state_directory.empty()) unlink(ServeFile(options_).c_str());
  LogInfo("data plane stopped", {{"address", Json(address_)}});
}

void BlockStopSignals() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void WaitForStopSignal() {
  const sigset_t signals = StopSignals();
  int received = 0;
  sigwait(&signals, &received);
}

void BlockStopAndReloadSignals() {
  BlockStopSignals();
  sigset_t hangup;
  sigemptyset(&hangup);
  sigaddset(&hangup, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &hangup, nullptr);
}

void WaitForStopSignal(DataPlane& plane) {
  sigset_t signals = StopSignals();
  sigaddset(&signals, SIGHUP);
  int received = SIGHUP;
  while (true) {
    sigwait(&signals, &received);
    if (received != SIGHUP) return;
    plane.Reload();
  }
}

}  // namespace mw::serving
