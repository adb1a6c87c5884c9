// For the tests of tracking: numbers at the edges of what a point holds, and the schema with the trash.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "tracking/tracking.h"
#include "tracking/trash.h"

namespace mw::tracking {

inline constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

inline std::vector<db::Migration> MigrationsWithTrash() {
  std::vector<db::Migration> all = Migrations();
  for (const db::Migration& migration : Trash::Migrations()) all.push_back(migration);
  return all;
}

}  // namespace mw::tracking
