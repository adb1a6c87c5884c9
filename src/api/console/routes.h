// The console as routes for the control plane's server: its static files, and the stream of what changed.
#pragma once

#include <span>

#include "api/console/bundle.h"
#include "api/console/change_feed.h"
#include "net/route.h"

namespace mw::api::console {

/// / and the paths of pages answer with `files`' index.html, /assets/{file} with the others. Public: there is
/// nothing in them that the source does not show; what they ask for is guarded. `files` outlives the table.
void AddBundleRoutes(net::RouteTable& routes, std::span<const BundleFile> files);

/// GET /api/v1/events: server-sent events with data {"topic", "name"} (change_feed.h), at most ten times a
/// second, and a comment every 15 s. The feed outlives the table.
void AddEventRoutes(net::RouteTable& routes, ChangeFeed& feed);

/// The same routes; those that change something publish what by their path once they have answered.
net::RouteTable Announcing(const net::RouteTable& routes, ChangeFeed& feed);

}  // namespace mw::api::console
