// Which registered versions need a run's files: asked by whoever would take them away. On a snapshot or transaction, to
// be part of a greater change.
#pragma once

#include <string>
#include <string_view>

#include "db/database.h"

namespace mw::registry {

/// "model \"late\" version 3", the first by name; empty when none was made of the run.
Result<std::string> VersionOfRun(db::Snapshot& snapshot, std::string_view run_id);

}  // namespace mw::registry
