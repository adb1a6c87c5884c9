// The metadata API in the manner of Vertex ML Metadata, as routes for the control plane's server: contexts, executions
// and artifacts below /v1/projects/default/locations/local/metadataStores/default. docs/guide/lineage.md says what of
// it is served and what differs.
#pragma once

#include "base/clock.h"
#include "db/database.h"
#include "net/route.h"

namespace mw::api::metadata {

/// Both outlive the table.
void AddMetadataRoutes(net::RouteTable& routes, db::Database& database, const Clock& clock);

}  // namespace mw::api::metadata
