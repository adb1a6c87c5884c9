// SQL of datasets as they are looked for. Functions run inside closures of db::Database; nothing is checked here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "db/database.h"
#include "tracking/datasets.h"

namespace mw::tracking::store {

/// Where models were measured on datasets is found by the dataset.
db::Migration DatasetMigration();

Result<std::vector<DatasetLine>> ListDatasets(db::Snapshot& snapshot, const DatasetQuery& query);
/// At most `limit` runs, and models. Nothing when no experiment has such a dataset.
Result<std::optional<DatasetDetails>> FindDataset(db::Snapshot& snapshot, std::string_view name,
                                                  std::string_view digest, std::int64_t limit);

}  // namespace mw::tracking::store
