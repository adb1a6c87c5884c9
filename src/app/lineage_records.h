// What makes lineage complete by itself: every run that is logged or imported, version that is registered and version
// that is deployed is told to it in the transaction that makes it true, and what runs read and made; what an older
// program made is told at start.
#pragma once

#include "base/clock.h"
#include "db/database.h"
#include "endpoints/endpoints.h"
#include "registry/registry.h"
#include "tracking/heartbeats.h"
#include "tracking/imports.h"
#include "tracking/inputs.h"
#include "tracking/tracking.h"

namespace mw::app {

/// All outlive one another: called once, before any of them changes anything.
void RecordLineageOf(tracking::Tracking& tracking, tracking::Heartbeats& heartbeats, tracking::Inputs& inputs,
                     tracking::Imports& imports, registry::Registry& registry, endpoints::Endpoints& endpoints,
                     const Clock& clock);

/// Tells versions and deployments that lineage does not know. Errors: the database's.
Task<Status> RecordOldLineage(db::Database& database, registry::Registry& registry, endpoints::Endpoints& endpoints,
                              const Clock& clock);

}  // namespace mw::app
