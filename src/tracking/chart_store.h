// SQL of charts: what is known of each chunk of a metric is read first, and of the chunks only those that do not lie
// within one bucket. Functions run inside closures of db::Database.
#pragma once

#include <vector>

#include "db/database.h"
#include "tracking/chart.h"

namespace mw::tracking::store {

/// Of the runs and metrics that are there, in the order in which they were asked for.
Result<std::vector<Series>> ReadChart(db::Snapshot& snapshot, const ChartQuery& query);

}  // namespace mw::tracking::store
