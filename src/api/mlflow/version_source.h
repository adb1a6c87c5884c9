// What the source of a new version has to belong to, and what follows from it: where the files are, which run and which
// logged model they came from. Any thread that runs coroutines. Errors: kInvalidArgument in MLflow's words.
#pragma once

#include "base/task.h"
#include "registry/registry.h"
#include "tracking/logged_models.h"
#include "tracking/tracking.h"

namespace mw::api::mlflow {

/// All outlive who holds them.
struct SourceWorld {
  registry::Registry& registry;
  tracking::Tracking& tracking;
  tracking::LoggedModels& models;
};

/// `version` has what was given. Files below the server's own proxy have to lie among those of its run or logged model;
/// a version of a version comes from what that one came from; the run that made a version is that of its logged model,
/// unless another is named. Errors besides: kNotFound no such logged model.
Task<Status> FollowSource(SourceWorld world, registry::NewVersion& version);

}  // namespace mw::api::mlflow
