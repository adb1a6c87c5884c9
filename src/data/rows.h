// Reading a dataset's rows back, in event-time order: for replays, predictions and examples.
// Some 5 million values a second and core; chunks are views, nothing is copied but texts' positions.
// One thread, through the caller's session.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/dataset.h"
#include "data/duckdb_session.h"

namespace mw::data {

struct RowQuery {
  std::vector<std::string> columns;  ///< in the order of the chunks' columns; empty: all of the dataset
  std::optional<Timestamp> from;     ///< by event time
  std::optional<Timestamp> until;    ///< not included
  std::optional<std::int64_t> limit;
};

/// `visit` gets the rows by event time, then by key; without an event time, in the file's order.
/// `directory` is among the session's paths. Errors: kInvalidArgument for a column that is not there, or
/// times asked of a dataset without event time; kDataLoss when the file is not what dataset.json says; `visit`'s.
Status StreamRows(DuckdbSession& session, const std::string& directory, const RowQuery& query,
                  const std::function<Status(const Chunk&)>& visit);

}  // namespace mw::data
