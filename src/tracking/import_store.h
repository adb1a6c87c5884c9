// SQL of what was imported. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "db/database.h"
#include "tracking/run.h"

namespace mw::tracking::store {

Result<std::optional<ExperimentId>> FindImportedExperiment(db::Snapshot& snapshot, std::string_view source,
                                                           std::string_view id);
Status SetImportedExperiment(db::Transaction& transaction, std::string_view source, std::string_view id,
                             const ExperimentId& experiment);
/// With `experiment.id` as its id, which must be free; later experiments get greater ones, unless it is one of the long
/// random numbers that no counter reaches.
Status InsertExperimentAs(db::Transaction& transaction, const Experiment& experiment);

/// Of an experiment that has none: Default, which nobody made.
Status SetTimes(db::Transaction& transaction, const Experiment& experiment);

/// What is remembered of a run that was imported.
struct ImportRecord {
  std::string attempt;      ///< that may add points without looking at those that are here; empty: none
  std::string fingerprint;  ///< when it was whole
  bool done = false;
};
Result<std::optional<ImportRecord>> FindImport(db::Snapshot& snapshot, std::int64_t run);
Status SetImport(db::Transaction& transaction, std::int64_t run, std::string_view source, const ImportRecord& record);
/// The same of logged models, by their number; they have no attempts.
Result<std::optional<ImportRecord>> FindModelImport(db::Snapshot& snapshot, std::int64_t model);
Status SetModelImport(db::Transaction& transaction, std::int64_t model, std::string_view source,
                      const ImportRecord& record);

}  // namespace mw::tracking::store
