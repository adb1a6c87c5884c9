// SQL of heartbeats. Functions run inside closures of db::Database.
#pragma once

#include <cstdint>
#include <vector>

#include "db/database.h"
#include "tracking/heartbeats.h"

namespace mw::tracking::store {

db::Migration HeartbeatMigration();

Status PutHeartbeat(db::Transaction& transaction, const Heartbeat& heartbeat);
/// Of runs that are running and active.
Result<std::vector<Heartbeat>> FindHeartbeats(db::Snapshot& snapshot);
Status MarkLost(db::Transaction& transaction, std::int64_t run);
/// With the tag that says so. Whether the run was lost.
Result<bool> ForgetHeartbeat(db::Transaction& transaction, std::int64_t run);

}  // namespace mw::tracking::store
