// MLflow's REST API, as routes for the control plane's server; one function for each group of its RPCs. What is taken
// outlives the table. RPCs that are not there answer ENDPOINT_NOT_FOUND, by which the client knows to do without.
#pragma once

#include "api/blob_stream.h"
#include "net/route.h"
#include "registry/registry.h"
#include "tracking/artifacts.h"
#include "tracking/inputs.h"
#include "tracking/logged_models.h"
#include "tracking/tracking.h"
#include "tracking/uploads.h"
#include "webhooks/webhooks.h"

namespace mw::api::mlflow {

/// experiments/*
void AddExperimentRoutes(net::RouteTable& routes, tracking::Tracking& tracking);
/// runs/*
void AddRunRoutes(net::RouteTable& routes, tracking::Tracking& tracking, const Clock& clock);
/// runs/log-inputs, runs/outputs, experiments/search-datasets
void AddInputRoutes(net::RouteTable& routes, tracking::Inputs& inputs);
/// metrics/*
void AddMetricRoutes(net::RouteTable& routes, tracking::Tracking& tracking);
/// The artifact proxy (mlflow-artifacts/*), artifacts/list, /get-artifact, /model-versions/get-artifact
void AddArtifactRoutes(net::RouteTable& routes, tracking::Tracking& tracking, registry::Registry& registry,
                       tracking::Artifacts& artifacts, BlobDoor door);
/// logged-models/*, runs/log-model
void AddLoggedModelRoutes(net::RouteTable& routes, tracking::LoggedModels& models);
/// What lies below a logged model's artifacts: listed, and a file of it.
void AddLoggedModelArtifactRoutes(net::RouteTable& routes, tracking::LoggedModels& models,
                                  tracking::Artifacts& artifacts, BlobDoor door);
/// mlflow-artifacts/mpu/*, /presigned/*: large files in parts, up and down.
void AddUploadRoutes(net::RouteTable& routes, tracking::Artifacts& artifacts, tracking::Uploads& uploads,
                     BlobDoor door);
/// registered-models/*
void AddModelRoutes(net::RouteTable& routes, registry::Registry& registry);
/// model-versions/*
void AddVersionRoutes(net::RouteTable& routes, registry::Registry& registry, tracking::Tracking& tracking,
                      tracking::LoggedModels& models);
/// webhooks/*: for administrators, since their URLs may be secrets and what they are sent leaves the machine.
void AddWebhookRoutes(net::RouteTable& routes, webhooks::Webhooks& webhooks);
/// /version, and what is not there.
void AddServerRoutes(net::RouteTable& routes);

/// How the server refuses a request itself (401, 403, 413): in MLflow's form where its client asks, so that it knows
/// the code and shows the reason; elsewhere net::ErrorResponse. Pure.
net::Response Refusal(std::string_view path, const Error& error);

}  // namespace mw::api::mlflow
