// SQL of metric points. A batch is one row of its run's tail; when a tail has grown it is sealed: its points go, metric
// by metric, sorted and without doubles, into chunks. The latest point of each metric is kept beside them, so that no
// list of runs reads a history. Functions run inside closures of db::Database.
//
// Invariant: a point that was logged is in the tail or in a chunk of its run, perhaps twice; reading drops doubles.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "db/database.h"
#include "tracking/points.h"

namespace mw::tracking::store {

inline constexpr std::int64_t kTailBytesMax = 32 << 10;  ///< a tail that has grown so far is sealed
inline constexpr std::int64_t kChunkPointsMin = 1024;    ///< a last chunk of fewer points is filled up first

/// Where the next batch of a run's tail goes.
struct TailPlace {
  std::int64_t run = 0;
  std::int64_t number = 0;
  std::int64_t bytes = 0;  ///< of the tail, with this batch
};

/// Writes the batch, seals the tail when it has grown, and keeps the latest points.
Status AppendPoints(db::Transaction& transaction, const TailPlace& place, const std::string& batch,
                    std::span<const TailPoint> points);
/// Points of one metric in bulk, sorted, each once: into chunks at once, past the tail.
Status AddHistory(db::Transaction& transaction, std::int64_t run, std::int64_t name, std::span<const Point> points);
/// What waits to be sealed, as it came.
Result<std::vector<TailPoint>> TailOf(db::Snapshot& snapshot, std::int64_t run);
/// Every point of one metric, sorted, each once.
Result<std::vector<Point>> HistoryOf(db::Snapshot& snapshot, std::int64_t run, std::int64_t name);
Status DeletePoints(db::Transaction& transaction, std::int64_t run);

/// Takes the points of one run out of the table that an older program kept them in; false when there is none left.
Result<bool> PackOldPoints(db::Transaction& transaction);

}  // namespace mw::tracking::store
