// SQL of named views. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <string_view>
#include <vector>

#include "db/database.h"
#include "tracking/views.h"

namespace mw::tracking::store {

/// By name.
Result<std::vector<View>> FindViews(db::Snapshot& snapshot, const ExperimentId& experiment);
/// Errors: kFailedPrecondition no such experiment.
Status PutView(db::Transaction& transaction, const View& view);
/// False when there is none.
Result<bool> DeleteView(db::Transaction& transaction, const ExperimentId& experiment, std::string_view name);

}  // namespace mw::tracking::store
