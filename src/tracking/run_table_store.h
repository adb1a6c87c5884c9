// SQL of the table of an experiment's runs (run_table.h). Functions run inside closures of db::Database; nothing is
// checked here.
#pragma once

#include <string_view>
#include <vector>

#include "db/database.h"
#include "tracking/run_table.h"

namespace mw::tracking::store {

Result<std::vector<RunLine>> LinesBefore(db::Snapshot& snapshot, const ExperimentId& experiment, Stage stage,
                                         const std::optional<LinePlace>& before, std::int64_t limit);
Result<std::vector<RunLine>> LinesSince(db::Snapshot& snapshot, const ExperimentId& experiment, std::int64_t number,
                                        std::int64_t limit);
/// Names that these runs have, sorted.
Result<std::vector<std::string>> KeysOf(db::Snapshot& snapshot, ColumnKind kind, const std::vector<RunLine>& runs);
Result<Column<double>> MetricColumn(db::Snapshot& snapshot, const ExperimentId& experiment, std::string_view key);
Result<Column<std::string>> TextColumn(db::Snapshot& snapshot, const ExperimentId& experiment, ColumnKind kind,
                                       std::string_view key);

}  // namespace mw::tracking::store
