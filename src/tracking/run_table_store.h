// SQL of the table of an experiment's runs (run_table.h). Functions run inside closures of db::Database; nothing is
// checked here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "tracking/run_table.h"

namespace mw::tracking::store {

Result<std::vector<RunLine>> LinesBefore(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage,
                                         const std::optional<LinePlace>& before, std::int64_t limit);
Result<std::vector<RunLine>> LinesSince(db::Snapshot& snapshot, const ExperimentId& experiment, std::int64_t number,
                                        std::int64_t limit);
/// When the first run began; nothing without runs.
Result<std::optional<std::int64_t>> FirstStart(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage);
/// Names that these runs have, sorted.
Result<std::vector<std::string>> KeysOf(db::Snapshot& snapshot, ColumnKind kind, const std::vector<std::int64_t>& runs);
/// Of the members.
Result<MetricColumn> ReadMetric(db::Snapshot& snapshot, const NumberSet& members, std::string_view key);
Result<TextColumn> ReadTexts(db::Snapshot& snapshot, const NumberSet& members, ColumnKind kind, std::string_view key);

}  // namespace mw::tracking::store
