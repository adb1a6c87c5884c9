// SQL of experiments and their tags. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "tracking/run.h"

namespace mw::tracking::store {

/// Ids are digits; what is none has no experiment.
std::int64_t NumberOf(const ExperimentId& id);
/// What stands in a column for a stage.
Stage ReadStage(std::string_view kept);
/// Where an experiment's artifacts lie: the location that is kept, or our own place for it when that is empty.
std::string LocationOf(std::string_view kept, std::int64_t experiment);
/// `experiment.id` is given here. Errors: kAlreadyExists: the name is taken, also by one that is deleted.
Result<ExperimentId> InsertExperiment(db::Transaction& transaction, const Experiment& experiment);
Result<std::optional<Experiment>> FindExperiment(db::Snapshot& snapshot, const ExperimentId& id);
Result<std::optional<Experiment>> FindExperimentByName(db::Snapshot& snapshot, std::string_view project,
                                                       std::string_view name);
/// By name, with their tags.
Result<std::vector<Experiment>> FindExperiments(db::Snapshot& snapshot, std::string_view project);
/// Errors: kAlreadyExists.
Status RenameExperiment(db::Transaction& transaction, const ExperimentId& id, std::string_view name, std::int64_t now);
/// Its runs go and come with it.
Status SetExperimentStage(db::Transaction& transaction, const ExperimentId& id, Stage stage, std::int64_t now);
Status SetExperimentTag(db::Transaction& transaction, const ExperimentId& id, std::string_view key,
                        std::string_view value);
/// False when there is none.
Result<bool> DeleteExperimentTag(db::Transaction& transaction, const ExperimentId& id, std::string_view key);

}  // namespace mw::tracking::store
