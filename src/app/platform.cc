// The control plane, put together in the order of platform.h.
#include "app/platform.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "api/console/routes.h"
#include "api/metadata/routes.h"
#include "api/mlflow/routes.h"
#include "api/native/routes.h"
#include "app/checks/control_checks.h"
#include "app/lineage_records.h"
#include "app/programs.h"
#include "app/version.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "blob/directory_blobs.h"
#include "blob/s3_blobs.h"
#include "db/postgres_database.h"
#include "db/sqlite_database.h"
#include "exec/process_executor.h"
#include "goals/goals_schema.h"
#include "net/socket.h"

namespace mw::app {
namespace {

constexpr int kBlobWorkers = 4;
/// Two more than deliveries take: somebody who tests a webhook does not wait for slow receivers.
constexpr int kWebhookWorkers = webhooks::kSendingMax + 2;

/// A secret file of the home: read, or made on first use.
Result<std::string> Secret(const std::string& path, const std::function<std::string()>& make) {
  const Result<std::string> known = ReadFile(path, 4096);
  if (known.ok()) return std::string(Trim(*known));
  if (known.error().code != Code::kNotFound) return known.error();
  std::string secret = make();
  TRY(WriteFileDurably(path, secret + "\n", 0600));
  return secret;
}

/// A killed control plane's lock can outlive it for a moment: what it was just about to start holds a copy of
/// the descriptor until its exec. So a lock that is held is asked for again for a while.
Result<FileDescriptor> TakeLock(const std::string& path, const Clock& clock) {
  constexpr Duration kPatience = std::chrono::seconds(2);
  const Duration start = clock.Elapsed();
  while (true) {
    Result<FileDescriptor> lock = LockFile(path);
    const bool held = !lock.ok() && lock.error().code == Code::kFailedPrecondition;
    if (!held || clock.Elapsed() - start > kPatience) return lock;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // NOLINT(no-sleeps): nobody tells when it is let go
  }
}

std::vector<db::Migration> AllMigrations() {
  std::vector<db::Migration> all;
  for (const auto& module :
       {lineage::Migrations(), tracking::Migrations(), tracking::Uploads::Migrations(), tracking::Trash::Migrations(),
        retention::Migrations(), registry::Migrations(), webhooks::Migrations(), goals::Migrations(),
        jobs::Migrations(), pipelines::Migrations(), pipelines::DefinitionMigrations(), endpoints::Migrations(),
        predictions::Migrations(), monitoring::Migrations()}) {
    all.insert(all.end(), module.begin(), module.end());
  }
  return all;
}

pipelines::Resources MachineCapacity() {
  pipelines::Resources capacity;
  capacity.cpu = std::max(1U, std::thread::hardware_concurrency());
  capacity.memory_bytes = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  return capacity;
}

Json MachineEnvironment() {
  utsname name{};
  uname(&name);
  return Json::Make({{"millwright", kVersion},
                     {"host", name.nodename},
                     {"system", Cat(name.sysname, " ", name.release)},
                     {"machine", name.machine},
                     {"cores", std::int64_t{std::thread::hardware_concurrency()}}});
}

/// Secrets come from the environment alone: no list of processes and no file of ours shows them.
Result<std::unique_ptr<blob::BlobStore>> OpenBlobs(const Config& config, const Clock& clock) {
  if (config.artifacts.empty()) return TRY(blob::DirectoryBlobs::Open(config.ArtifactsPath()));
  blob::S3Options options;
  TRY(blob::ParseS3Uri(config.artifacts, options).In("--artifacts"));
  options.endpoint = config.s3_endpoint;
  options.region = config.s3_region;
  options.cache_directory = config.ArtifactCachePath();
  options.credentials = {Environment("AWS_ACCESS_KEY_ID"), Environment("AWS_SECRET_ACCESS_KEY"),
                         Environment("AWS_SESSION_TOKEN")};
  return TRY(blob::S3Blobs::Open(std::move(options), clock));
}

/// What decides whether built-in steps give the same answer again: their program's own bytes.
Result<std::string> ProgramDigest(pipelines::FileDigests& digests, const std::string& program) {
  return Cat(kVersion, " ", TRY(digests.Of(program)));
}

}  // namespace

Result<std::unique_ptr<Platform>> Platform::Start(Config config) {
  TRY(net::CheckListen(config.listen.host, false).In("--listen"));
  std::unique_ptr<Platform> platform(new Platform(std::move(config)));
  TRY(platform->TakeHome());
  TRY(platform->OpenResources());
  TRY(platform->BuildDomain());
  TRY(platform->BuildRunner());
  TRY(platform->Listen());
  return platform;
}

Platform::~Platform() {
  if (webhook_sender_) webhook_sender_->Stop();
  if (server_) server_->Stop();
  if (loop_) StopLoop();
}

void Platform::StopLoop() {
  loop_->Stop([this]() -> Task<void> {
    co_await monitor_->Drain();
    co_await runner_->Drain();
    co_await deliveries_->Drain();
  });
}

Status Platform::TakeHome() {
  for (const std::string& directory :
       {config_.home, config_.ArtifactsPath(), config_.RunsPath(), config_.ServePath(), config_.LogsPath()}) {
    TRY(MakeDirectories(directory, 0700));
  }
  Result<FileDescriptor> lock = TakeLock(config_.LockPath(), clock_);
  if (!lock.ok() && lock.error().code == Code::kFailedPrecondition) {
    return FailedPrecondition("another millwright has the home ", config_.home, "; stop it, or give this one a home ",
                              "of its own with --home");
  }
  home_lock_ = TRY(std::move(lock));
  TRY(Secret(config_.TokenPath(), [] { return net::NewToken("mw_admin_"); }));
  secret_ = TRY(Secret(config_.home + "/secret", [] { return Hex(RandomBytes(32)); }));
  return Ok();
}

Status Platform::OpenResources() {
  if (config_.database.empty()) {
    database_ = TRY(db::SqliteDatabase::Open(config_.DatabasePath()));
  } else {
    database_ = TRY(db::PostgresDatabase::Open({config_.database, config_.home, false}));
  }
  TRY(database_->Migrate(AllMigrations()));
  blobs_ = TRY(OpenBlobs(config_, clock_));
  executor_ = TRY(exec::ProcessExecutor::Start(TRY(ProgramPath("mw-shim"))));
  workers_ = std::make_unique<WorkerPool>(std::max(2, static_cast<int>(std::thread::hardware_concurrency())));
  blob_workers_ = std::make_unique<WorkerPool>(kBlobWorkers);
  webhook_workers_ = std::make_unique<WorkerPool>(kWebhookWorkers);
  webhook_sender_ = TRY(webhooks::HttpSender::Make(config_.webhook_allow));
  return Ok();
}

Status Platform::BuildDomain() {
  lineage_ = std::make_unique<lineage::Lineage>(clock_);
  TRY(SyncWait(lineage::Lineage::MakeSearchable(*database_)));
  tracking_ = std::make_unique<tracking::Tracking>(*database_, clock_);
  TRY(SyncWait(tracking_->PackOldPoints()));
  logged_models_ = std::make_unique<tracking::LoggedModels>(*database_, clock_);
  inputs_ = std::make_unique<tracking::Inputs>(*database_);
  heartbeats_ = std::make_unique<tracking::Heartbeats>(*database_, clock_);
  heartbeat_reconciler_ = std::make_unique<tracking::HeartbeatReconciler>(*heartbeats_, config_.lost_after);
  artifacts_ = std::make_unique<tracking::Artifacts>(*database_, clock_);
  run_table_ = std::make_unique<tracking::RunTable>(*database_);
  datasets_ = std::make_unique<tracking::Datasets>(*database_);
  views_ = std::make_unique<tracking::Views>(*database_, clock_);
  imports_ = std::make_unique<tracking::Imports>(*database_);
  model_imports_ = std::make_unique<tracking::ModelImports>(*database_);
  uploads_ = std::make_unique<tracking::Uploads>(*database_, clock_);
  const webhooks::Parts webhook_parts{*database_, *webhook_sender_, *webhook_workers_, clock_};
  webhooks_ = std::make_unique<webhooks::Webhooks>(webhook_parts, config_.webhook_allow, webhooks::SecretBox(secret_));
  registry_ = std::make_unique<registry::Registry>(*database_, clock_);
  registry_->TellEvents(*webhooks_);
  deliveries_ = std::make_unique<webhooks::DeliveryReconciler>(*webhooks_, webhook_parts, metrics_,
                                                               static_cast<std::uint64_t>(ToMicros(clock_.Now())));
  trash_ = std::make_unique<tracking::Trash>(*database_, clock_);
  retention_ = std::make_unique<retention::Retention>(
      retention::Parts{*database_, *blobs_, *blob_workers_, *tracking_, *trash_, *uploads_, clock_});
  retainer_ = std::make_unique<retention::RetentionReconciler>(*retention_);
  registry_->AskUse(endpoint_use_);
  goals_ = std::make_unique<goals::Goals>(*database_, clock_);
  definitions_ = std::make_unique<pipelines::Definitions>(*database_, clock_);
  jobs_ = std::make_unique<jobs::Jobs>(*executor_, clock_);
  endpoints_ = std::make_unique<endpoints::Endpoints>(*database_, *registry_, clock_);
  RecordLineageOf(*tracking_, *heartbeats_, *inputs_, *imports_, *registry_, *endpoints_, clock_);
  TRY(SyncWait(endpoints_->Load()));
  TRY(SyncWait(RecordOldLineage(*database_, *registry_, *endpoints_, clock_)));
  predictions_ = std::make_unique<predictions::Predictions>(*database_, clock_, metrics_);
  TRY(SyncWait(predictions_->Load()));
  prediction_lineage_ = std::make_unique<PredictionLineage>(*predictions_, *database_, clock_);
  baselines_ = std::make_unique<monitoring::Baselines>(*registry_, *blobs_, *goals_, *predictions_, *workers_);
  monitoring_ =
      std::make_unique<monitoring::Monitoring>(*database_, *endpoints_, *predictions_, *baselines_, *workers_);
  monitor_ = std::make_unique<monitoring::MonitorReconciler>(
      monitoring::MonitorParts{*database_, *predictions_, *baselines_, *workers_, metrics_});
  predictions_->OnChange([this] { monitor_->Notice(); });
  monitoring_->OnSettings([this](const std::string& endpoint) { monitor_->SettingsChanged(endpoint); });
  run_facts_ = std::make_unique<RunFactsSource>(pipelines_);
  versions_ = std::make_unique<monitoring::VersionBook>(*registry_, *blobs_, *run_facts_, *workers_);
  production_ = std::make_unique<monitoring::ProductionReconciler>(monitoring::ProductionReconciler::Parts{
      *goals_, *endpoints_, *predictions_, *versions_, *workers_, monitoring_.get()});
  authenticator_ =
      std::make_unique<net::TokenAuthenticator>(clock_, net::Principal{"local", {net::Permission::kAdmin}});
  authenticator_->Add(TRY(Secret(config_.TokenPath(), [] { return std::string(); })),
                      {"token:admin", {net::Permission::kAdmin}});
  follow_token_ = TRY(Secret(config_.home + "/follow_token", [] { return net::NewToken("mw_follow_"); }));
  authenticator_->Add(follow_token_, {"server:local", {net::Permission::kFollow}});
  step_tokens_ = std::make_unique<StepTokenIssuer>(*authenticator_, secret_);
  // Steps that outlived the last control plane go on with the tokens that it gave them.
  const auto open_attempts =
      TRY(SyncWait(database_->Read([](db::Snapshot& snapshot) { return jobs::Open(snapshot); })));
  for (const jobs::Attempt& attempt : open_attempts) {
    step_tokens_->Issue(pipelines::RunId(attempt.run_id), attempt.id.text());
  }
  step_records_ = std::make_unique<StepRecords>(*tracking_, *goals_);
  file_digests_ = std::make_unique<pipelines::FileDigests>();
  return Ok();
}

Status Platform::BuildRunner() {
  const std::string mw_step = TRY(ProgramPath("mw-step"));
  port_ = TRY(PortToTake());
  url_ = Cat("http://", net::HostPort(config_.listen.host, port_));
  pipelines::RunnerOptions options;
  options.runs_directory = config_.RunsPath();
  options.mw_step = mw_step;
  options.program = TRY(ProgramDigest(*file_digests_, mw_step));
  options.url = url_;
  options.path = "/usr/local/bin:/usr/bin:/bin";
  options.capacity = MachineCapacity();
  options.environment = MachineEnvironment();
  const pipelines::RunnerParts parts{*database_, *blobs_,        *jobs_,         *workers_, *step_tokens_,
                                     *lineage_,  *step_records_, *file_digests_, clock_,    metrics_};
  runner_ = std::make_unique<pipelines::RunReconciler>(parts, options);
  pipelines_ = std::make_unique<pipelines::Pipelines>(parts, options, *runner_);
  return Ok();
}

Status Platform::Listen() {
  net::RouteTable routes;
  const api::BlobDoor blob_door{*blobs_, *blob_workers_};
  api::native::AddSystemRoutes(routes, metrics_, std::string(kVersion), [this] { return Examine(); });
  api::native::AddFileRoutes(routes, *goals_, *definitions_, *pipelines_, *production_, *registry_, *blobs_);
  api::native::AddPipelineRoutes(routes, *definitions_, *pipelines_, *tracking_);
  api::native::AddHeartbeatRoutes(routes, *heartbeats_);
  api::native::AddGoalRoutes(routes, *goals_, *production_);
  api::native::AddModelRoutes(routes, *registry_, *database_, *blobs_);
  api::native::AddReportRoutes(routes, *registry_, *pipelines_, *blobs_);
  api::native::AddEndpointRoutes(routes, *endpoints_, blob_door);
  server_calls_ = std::make_unique<api::native::ServerCalls>(*endpoints_, *workers_, follow_token_);
  api::native::AddServerRoutes(routes, *server_calls_, *endpoints_, *predictions_, clock_);
  api::native::AddPredictionRoutes(routes, *predictions_, *endpoints_, *blobs_);
  api::native::AddStorageRoutes(routes, *retention_);
  api::native::AddWebhookRoutes(routes, *webhooks_);
  api::native::AddMonitoringRoutes(routes, *monitoring_);
  api::native::AddRunTableRoutes(routes, *run_table_, *views_);
  api::native::AddDatasetRoutes(routes, *database_, *datasets_);
  api::native::AddImportRoutes(routes, *imports_);
  api::native::AddImportLoggedModelRoutes(routes, *model_imports_);
  api::native::AddImportModelRoutes(routes, *registry_);
  api::native::AddExportRoutes(routes, *logged_models_);
  api::native::AddLineageRoutes(routes, *database_, *registry_, *endpoints_, clock_);
  api::native::AddCompareRoutes(
      routes, compare::FactSources{*database_, *registry_, *tracking_, *artifacts_, *pipelines_, *blobs_, *workers_});
  api::metadata::AddMetadataRoutes(routes, *database_, clock_);
  api::native::AddChartRoutes(routes, *tracking_);
  api::native::AddChangeRoutes(routes, *goals_, *definitions_, *pipelines_, *registry_, *endpoints_, clock_);
  api::mlflow::AddExperimentRoutes(routes, *tracking_);
  api::mlflow::AddRunRoutes(routes, *tracking_, clock_);
  api::mlflow::AddInputRoutes(routes, *inputs_);
  api::mlflow::AddMetricRoutes(routes, *tracking_);
  api::mlflow::AddArtifactRoutes(routes, *tracking_, *registry_, *artifacts_, blob_door);
  api::mlflow::AddLoggedModelRoutes(routes, *logged_models_);
  api::mlflow::AddLoggedModelArtifactRoutes(routes, *logged_models_, *artifacts_, blob_door);
  api::mlflow::AddUploadRoutes(routes, *artifacts_, *uploads_, blob_door);
  api::mlflow::AddModelRoutes(routes, *registry_);
  api::mlflow::AddVersionRoutes(routes, *registry_, *tracking_, *logged_models_);
  api::mlflow::AddWebhookRoutes(routes, *webhooks_);
  api::mlflow::AddServerRoutes(routes);
  api::console::AddBundleRoutes(routes, api::console::Bundle());
  api::console::AddEventRoutes(routes, changes_);
  net::StreamServerOptions server;
  server.host = config_.listen.host;
  server.port = port_;
  server.refusal = api::mlflow::Refusal;
  server_ =
      TRY(net::StreamServer::Start(server, api::console::Announcing(routes, changes_), *authenticator_, metrics_));
  return WriteAddresses();
}

Result<int> Platform::PortToTake() const {
  if (config_.listen.port != 0) return config_.listen.port;
  // Steps and the model server know the address: a restart with port 0 takes the same one when it can.
  if (const Result<std::string> text = ReadFile(config_.AddressesPath(), 1 << 20); text.ok()) {
    const Result<Json> known = Json::Parse(*text);
    const auto port = known.ok() ? known->IntOr("port", 0) : 0;
    if (port > 0 && net::ListenTcp(config_.listen.host, static_cast<int>(port)).ok()) return static_cast<int>(port);
  }
  return net::LocalPort(TRY(net::ListenTcp(config_.listen.host, 0)).get());
}

serving::LocalServerOptions Platform::LocalServerOptions() const {
  serving::LocalServerOptions options;
  options.program = "/proc/self/exe";
  if (const auto program = ProgramPath("millwright"); program.ok()) options.program = *program;
  options.control_plane_url = url_;
  options.token = follow_token_;
  options.state_directory = config_.ServePath();
  options.listen = net::HostPort(config_.inference_listen.host, config_.inference_listen.port);
  options.log_path = config_.LogsPath() + "/serve.log";
  options.program_version = kVersion;
  return options;
}

void Platform::Run(std::function<void(const std::string& address)> on_inference) {
  on_inference_ = std::move(on_inference);
  ServeKeeper::Listeners listeners;
  listeners.on_address = [this](const serving::LocalServer& server) {
    inference_url_ = server.address;
    if (const Status written = WriteAddresses(); !written.ok()) {
      LogError("cannot write addresses.json", {{"error", written.error().ToString()}});
    }
    on_inference_(server.address);
  };
  listeners.on_fault = [this](const Status& why) { endpoints_->SetServerFault(why.ok() ? "" : why.error().message); };
  serve_ = std::make_unique<ServeKeeper>(LocalServerOptions(), *workers_, std::move(listeners));
  loop_ = std::make_unique<ControlLoop>(clock_);
  const std::function<void()> wake_runner = loop_->Add(*runner_);
  loop_->Add(*serve_);
  loop_->Add(*predictions_);
  loop_->Add(*prediction_lineage_);
  loop_->Add(*retainer_);
  loop_->Add(*heartbeat_reconciler_);
  loop_->Add(*production_);
  monitor_->OnWake(loop_->Add(*monitor_));
  const std::function<void()> wake_deliveries = loop_->Add(*deliveries_);
  deliveries_->OnWake(wake_deliveries);
  webhooks_->OnNotice(wake_deliveries);
  runner_->OnWake(wake_runner);
  runner_->OnChange([this](const pipelines::RunId& run) { changes_.Publish("run", run.text()); });
  monitor_->OnStored([this](const std::string& endpoint) { changes_.Publish("endpoint", endpoint); });
  production_->OnPublish([this](const std::string& goal) { changes_.Publish("goal", goal); });
  jobs_->OnChange(wake_runner);
  loop_->Start();
}

Status Platform::StopServing() {
  webhook_sender_->Stop();
  server_->Stop();
  StopLoop();
  return serve_->Stop();
}

Status Platform::WriteAddresses() const {
  Json addresses = Json::Make({{"console", url_}, {"port", std::int64_t{port_}}, {"pid", std::int64_t{getpid()}}});
  addresses["inference"] =
      inference_url_.empty()
          ? Cat("http://", net::HostPort(config_.inference_listen.host, config_.inference_listen.port))
          : inference_url_;
  return WriteFileDurably(config_.AddressesPath(), addresses.DumpPretty(), 0600);
}

Task<Json> Platform::Examine() {
  Checks checks;
  const Result<std::vector<pipelines::Definition>> read = co_await definitions_->List();
  if (!read.ok())
    checks.push_back({"records", Health::kBad, read.error().ToString(), "see the log of `millwright up`"});
  checks.push_back({"isolation", Health::kOk, jobs_->IsolationTier(), ""});
  const std::vector<endpoints::Server> servers = endpoints_->Servers();
  const std::int64_t generation = endpoints_->generation();
  for (const endpoints::Server& server : servers) checks.push_back(ServerCheck(server.report, generation));
  if (servers.empty()) {
    checks.push_back({"model servers", Health::kBad, "none reports", Cat("see ", config_.LogsPath(), "/serve.log")});
  }
  const auto views = co_await endpoints_->List();
  for (const endpoints::EndpointView& view : views.value_or(std::vector<endpoints::EndpointView>())) {
    checks.push_back(EndpointCheck(view));
  }
  for (const std::string& endpoint : predictions_->EndpointNames()) {
    const predictions::WindowRange all{.endpoint = endpoint};
    checks.push_back(RecordingCheck(endpoint, predictions_->Windows(all)));
    const auto coverage = co_await predictions_->Coverage(all);
    if (coverage.ok()) checks.push_back(LabelCheck(endpoint, *coverage));
  }
  const auto goals = co_await goals_->List("default");
  for (const goals::StoredGoal& goal : goals.value_or(std::vector<goals::StoredGoal>())) {
    const auto board = co_await production_->Board(goal.name);
    if (!board.ok()) continue;
    std::vector<monitoring::MeasuredWindow> windows;
    for (const auto& [length, measured] : board->windows) {
      for (const auto& window : measured) {
        if (window.stage == goals::Stage::kProduction) windows.push_back(window);
      }
    }
    checks.push_back(GoalCheck(goal.name, windows));
  }
  Json rows = Json::MakeArray();
  for (const Check& check : checks) rows.Append(ToJson(check));
  co_return rows;
}

}  // namespace mw::app
