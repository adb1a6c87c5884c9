// Decide: data that cannot be right, column by column: gone, of another type, out of range, stuck, scaled, stale; and
// windows with too few or too many rows. These need no second window. Part of detectors.h. Pure, any thread.
#pragma once

#include <vector>

#include "monitoring/detectors.h"

namespace mw::monitoring {

/// A finding with the index of its feature, before windows and names are filled in.
struct ColumnFinding {
  std::size_t feature = 0;
  Finding finding;
};

/// Missing rows, significant over all columns together (two-proportion z, false discovery rate 5 %) and beyond
/// healthy windows; columns that went missing together as one finding. `taken[i]` is set for what is found.
std::vector<Finding> FindMissing(const Detectors& detectors, const WindowView& window, const std::vector<Cell>& cells,
                                 std::vector<bool>& taken);
/// Types, infinities, ranges, new categories, stuck, scaled and stale columns; likewise.
std::vector<Finding> FindFaults(const Detectors& detectors, const WindowView& window, std::vector<bool>& taken);
/// An endpoint whose windows usually hold fewer rows is tried now and then, not used: its silence is no outage.
inline constexpr double kUsedRows = 100;
/// Far fewer or more rows than usual, or none; nothing of an endpoint that is not used.
std::vector<Finding> FindVolume(const WindowView& window);

}  // namespace mw::monitoring
