// Which registered versions need a run's or an experiment's files: asked by whoever would take them away. On a snapshot
// or transaction, to be part of a greater change.
#pragma once

#include <string>
#include <string_view>

#include "db/database.h"

namespace mw::registry {

/// "model \"late\" version 3", the first whose record names the text anywhere: the id of the run it was made of, the
/// place its files lie at. Empty when none does.
Result<std::string> VersionThatNames(db::Snapshot& snapshot, std::string_view text);

}  // namespace mw::registry
