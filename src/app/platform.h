// OPEN THIS FIRST: the control plane as one struct, every module in order of construction. What a module
// needs is given to it here and nowhere else; members are destroyed in the reverse order.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/console/change_feed.h"
#include "api/native/server_calls.h"
#include "app/config.h"
#include "app/control_loop.h"
#include "app/endpoint_use.h"
#include "app/prediction_lineage.h"
#include "app/run_facts.h"
#include "app/serve_keeper.h"
#include "app/step_records.h"
#include "app/step_token_issuer.h"
#include "app/worker_pool.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/result.h"
#include "blob/blob_store.h"
#include "db/database.h"
#include "endpoints/endpoints.h"
#include "exec/executor.h"
#include "goals/goals.h"
#include "jobs/jobs.h"
#include "lineage/lineage.h"
#include "monitoring/monitor_reconciler.h"
#include "monitoring/monitoring.h"
#include "monitoring/production_reconciler.h"
#include "net/authenticator.h"
#include "net/stream_server.h"
#include "pipelines/definitions.h"
#include "pipelines/file_digests.h"
#include "pipelines/pipelines.h"
#include "pipelines/run_reconciler.h"
#include "predictions/predictions.h"
#include "registry/registry.h"
#include "retention/reconciler.h"
#include "retention/retention.h"
#include "tracking/artifacts.h"
#include "tracking/datasets.h"
#include "tracking/heartbeats.h"
#include "tracking/imports.h"
#include "tracking/inputs.h"
#include "tracking/logged_models.h"
#include "tracking/model_imports.h"
#include "tracking/run_table.h"
#include "tracking/tracking.h"
#include "tracking/trash.h"
#include "tracking/uploads.h"
#include "tracking/views.h"
#include "webhooks/delivery_reconciler.h"
#include "webhooks/http_sender.h"
#include "webhooks/webhooks.h"

namespace mw::app {

class Platform {
 public:
  /// Takes the home (one process at a time), brings the database to this version, takes up what was open,
  /// and listens. Errors: each one sentence with the remedy.
  static Result<std::unique_ptr<Platform>> Start(Config config);
  /// Ends in order: no more requests, ticks and actions to their end. Running steps go on in their shims.
  ~Platform();
  Platform(const Platform&) = delete;
  Platform& operator=(const Platform&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  /// Everything that it answers, each with the permission that it wants.
  [[nodiscard]] const net::RouteTable& routes() const { return server_->routes(); }
  /// Starts the reconcilers. `on_inference` is called with the model server's address when one answers.
  void Run(std::function<void(const std::string& address)> on_inference);
  /// Lets the model server drain and end. After it, only destruction.
  Status StopServing();

 private:
  explicit Platform(Config config) : config_(std::move(config)) {}
  Status TakeHome();
  Status OpenResources();
  Status BuildDomain();
  Status BuildRunner();
  Status Listen();
  Result<int> PortToTake() const;
  serving::LocalServerOptions LocalServerOptions() const;
  Status WriteAddresses() const;
  /// No more ticks; what they have under way comes to its end.
  void StopLoop();
  Task<Json> Examine();

  Config config_;
  FileDescriptor home_lock_;
  std::string secret_;
  RealClock clock_;
  MetricsRegistry metrics_;
  api::console::ChangeFeed changes_;

  // Resources.
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<blob::BlobStore> blobs_;
  std::unique_ptr<exec::Executor> executor_;
  std::unique_ptr<WorkerPool> workers_;
  std::unique_ptr<WorkerPool> blob_workers_;     ///< wait for disks and far stores, and for nothing else
  std::unique_ptr<WorkerPool> webhook_workers_;  ///< wait for receivers of webhooks
  std::unique_ptr<webhooks::HttpSender> webhook_sender_;

  // Domain.
  std::unique_ptr<lineage::Lineage> lineage_;
  std::unique_ptr<tracking::Tracking> tracking_;
  std::unique_ptr<tracking::LoggedModels> logged_models_;
  std::unique_ptr<tracking::Inputs> inputs_;
  std::unique_ptr<tracking::Heartbeats> heartbeats_;
  std::unique_ptr<tracking::HeartbeatReconciler> heartbeat_reconciler_;
  std::unique_ptr<tracking::Artifacts> artifacts_;
  std::unique_ptr<tracking::RunTable> run_table_;
  std::unique_ptr<tracking::Datasets> datasets_;
  std::unique_ptr<tracking::Views> views_;
  std::unique_ptr<tracking::Imports> imports_;
  std::unique_ptr<tracking::ModelImports> model_imports_;
  std::unique_ptr<tracking::Uploads> uploads_;
  EndpointUse endpoint_use_;
  std::unique_ptr<webhooks::Webhooks> webhooks_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<webhooks::DeliveryReconciler> deliveries_;
  std::unique_ptr<tracking::Trash> trash_;
  std::unique_ptr<retention::Retention> retention_;
  std::unique_ptr<retention::RetentionReconciler> retainer_;
  std::unique_ptr<goals::Goals> goals_;
  std::unique_ptr<pipelines::Definitions> definitions_;
  std::unique_ptr<jobs::Jobs> jobs_;
  std::unique_ptr<endpoints::Endpoints> endpoints_;
  std::unique_ptr<predictions::Predictions> predictions_;
  std::unique_ptr<PredictionLineage> prediction_lineage_;
  std::unique_ptr<monitoring::Baselines> baselines_;
  std::unique_ptr<monitoring::Monitoring> monitoring_;
  std::unique_ptr<monitoring::MonitorReconciler> monitor_;
  std::unique_ptr<RunFactsSource> run_facts_;
  std::unique_ptr<monitoring::VersionBook> versions_;
  std::unique_ptr<monitoring::ProductionReconciler> production_;

  // The API's guard, and what acts.
  std::unique_ptr<net::TokenAuthenticator> authenticator_;
  std::unique_ptr<StepTokenIssuer> step_tokens_;
  std::unique_ptr<StepRecords> step_records_;
  std::unique_ptr<pipelines::FileDigests> file_digests_;
  std::unique_ptr<pipelines::RunReconciler> runner_;
  std::unique_ptr<pipelines::Pipelines> pipelines_;
  std::unique_ptr<ServeKeeper> serve_;
  std::unique_ptr<ControlLoop> loop_;
  std::unique_ptr<api::native::ServerCalls> server_calls_;
  std::unique_ptr<net::StreamServer> server_;
  int port_ = 0;
  std::string url_;
  std::string follow_token_;
  std::string inference_url_;  // written on the control loop
  std::function<void(const std::string&)> on_inference_;
};

}  // namespace mw::app
