// SQL of what runs read and made. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "db/database.h"
#include "tracking/inputs.h"
#include "tracking/run_store.h"

namespace mw::tracking::store {

/// False when the run has it already. The dataset is made when the run's experiment has none of its name and digest.
Result<bool> AddInput(db::Transaction& transaction, const StoredRun& run, const DatasetInput& input);
Result<bool> AddModelInput(db::Transaction& transaction, std::int64_t run, const std::string& model);
Result<bool> AddModelOutput(db::Transaction& transaction, std::int64_t run, const ModelOutput& output);

/// To the details of the runs of these numbers; at most kRunsAtOnce.
Status AddInputs(db::Snapshot& snapshot, std::span<const std::int64_t> runs, std::vector<RunDetails>& details);

/// In the order of experiment, name, digest, context.
Result<std::vector<DatasetSummary>> FindSummaries(db::Snapshot& snapshot, const std::vector<ExperimentId>& experiments,
                                                  std::int64_t limit);

}  // namespace mw::tracking::store
