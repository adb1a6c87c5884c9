// The native REST API, as routes for the control plane's server. One function per group; each takes the
// doors that it calls, all of which outlive the table.
#pragma once

#include <functional>
#include <string>

#include "api/blob_stream.h"
#include "base/metrics.h"
#include "blob/blob_store.h"
#include "compare/fact_reader.h"
#include "db/database.h"
#include "endpoints/endpoints.h"
#include "goals/goals.h"
#include "monitoring/monitoring.h"
#include "monitoring/production_reconciler.h"
#include "net/route.h"
#include "pipelines/definitions.h"
#include "pipelines/pipelines.h"
#include "predictions/predictions.h"
#include "registry/registry.h"
#include "retention/retention.h"
#include "tracking/datasets.h"
#include "tracking/heartbeats.h"
#include "tracking/imports.h"
#include "tracking/logged_models.h"
#include "tracking/model_imports.h"
#include "tracking/run_table.h"
#include "tracking/tracking.h"
#include "tracking/views.h"
#include "webhooks/webhooks.h"

namespace mw::api::native {

class ServerCalls;  // server_calls.h

/// Body of a request that is a small JSON document.
inline constexpr std::size_t kJsonBodyBytesMax = std::size_t{4} << 20;

/// A set of files to apply.
inline constexpr std::size_t kFilesBodyBytesMax = std::size_t{32} << 20;

/// "set": ["NAME=VALUE", ...] of a body. Errors: kInvalidArgument.
Result<pipelines::Overrides> OverridesOf(const Json& body);

/// /health, /ready, /metrics, /api/v1/version. `checks` is what `doctor` asks: a JSON array of
/// {"check", "state": "ok|warn|bad", "value", "remedy"}.
void AddSystemRoutes(net::RouteTable& routes, const MetricsRegistry& metrics, std::string version,
                     std::function<Task<Json>()> checks);
/// /api/v1/apply, /api/v1/plan
/// A goal that is applied is held against the windows that `production` has seen, and its label against the one that
/// the model's newest version predicts.
void AddFileRoutes(net::RouteTable& routes, goals::Goals& goals, pipelines::Definitions& definitions,
                   pipelines::Pipelines& pipelines, monitoring::ProductionReconciler& production,
                   registry::Registry& registry, blob::BlobStore& blobs);
/// /api/v1/pipelines, /api/v1/runs
void AddPipelineRoutes(net::RouteTable& routes, pipelines::Definitions& definitions, pipelines::Pipelines& pipelines,
                       tracking::Tracking& tracking);
/// /api/v1/models/{name}/versions/{version}/report
void AddReportRoutes(net::RouteTable& routes, registry::Registry& registry, pipelines::Pipelines& pipelines,
                     blob::BlobStore& blobs);
/// /api/v1/goals
void AddGoalRoutes(net::RouteTable& routes, goals::Goals& goals, monitoring::ProductionReconciler& production);
/// /api/v1/models, /api/v1/logged-models/{id}/versions
void AddModelRoutes(net::RouteTable& routes, registry::Registry& registry, db::Database& database,
                    blob::BlobStore& blobs);
/// /api/v1/endpoints, and what model servers ask: /api/v1/desired-state, /api/v1/servers, /api/v1/blobs
void AddEndpointRoutes(net::RouteTable& routes, endpoints::Endpoints& endpoints, BlobDoor door);
/// /api/v1/endpoints/{name}/windows and labels, and what model servers send: /api/v1/servers/{id}/windows
void AddPredictionRoutes(net::RouteTable& routes, predictions::Predictions& predictions,
                         endpoints::Endpoints& endpoints, blob::BlobStore& blobs);
/// /api/v1/changes: who changed what, one time line from the records
void AddChangeRoutes(net::RouteTable& routes, goals::Goals& goals, pipelines::Definitions& definitions,
                     pipelines::Pipelines& pipelines, registry::Registry& registry, endpoints::Endpoints& endpoints,
                     const Clock& clock);
/// /api/v1/endpoints/{name}/monitoring
void AddMonitoringRoutes(net::RouteTable& routes, monitoring::Monitoring& monitoring);
/// /api/v1/requests, /api/v1/endpoints/{name}/serving and predictions: what happens at model servers. `calls` outlives
/// the table.
void AddServerRoutes(net::RouteTable& routes, ServerCalls& calls, endpoints::Endpoints& endpoints,
                     predictions::Predictions& predictions, const Clock& clock);
/// /api/v1/import: what was made elsewhere, in bulk
void AddImportRoutes(net::RouteTable& routes, tracking::Imports& imports);
void AddImportLoggedModelRoutes(net::RouteTable& routes, tracking::ModelImports& imports);
void AddImportModelRoutes(net::RouteTable& routes, registry::Registry& registry);
/// /api/v1/export: what MLflow's own API does not tell of logged models: those that are deleted, all metrics
void AddExportRoutes(net::RouteTable& routes, tracking::LoggedModels& models);
/// /api/v1/charts: metrics of runs in few points
void AddChartRoutes(net::RouteTable& routes, tracking::Tracking& tracking);
/// /api/v1/experiments/{id}/...: the table of an experiment's runs and its named views
void AddRunTableRoutes(net::RouteTable& routes, tracking::RunTable& table, tracking::Views& views);
/// /api/v1/datasets, /api/v1/dataset: what runs read, and who used it; what pipelines made
void AddDatasetRoutes(net::RouteTable& routes, db::Database& database, tracking::Datasets& datasets);
/// /api/v1/lineage: graphs, origins, impact, records by hand
void AddLineageRoutes(net::RouteTable& routes, db::Database& database, registry::Registry& registry,
                      endpoints::Endpoints& endpoints, const Clock& clock);
/// /api/v1/runs/{id}/heartbeat
void AddHeartbeatRoutes(net::RouteTable& routes, tracking::Heartbeats& heartbeats);
/// /api/v1/compare, /api/v1/runs/{id}/reproduce, /api/v1/experiments/{id}/baseline
void AddCompareRoutes(net::RouteTable& routes, compare::FactSources sources);
/// /api/v1/webhooks/{id}/deliveries: what became of each event
void AddWebhookRoutes(net::RouteTable& routes, webhooks::Webhooks& webhooks);
/// Sizes of experiments, retention rules, gc.
void AddStorageRoutes(net::RouteTable& routes, retention::Retention& retention);

}  // namespace mw::api::native
