// The files that migrations leave behind: `<prefix>.before-<number of schema steps>`. Pure file work.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace mw::db {

/// "/home/millwright.db.before-14"
std::string BackupPath(const std::string& prefix, std::int64_t steps);

/// Removes all but the `kept` backups of the highest numbers.
void RemoveOldBackups(const std::string& prefix, std::size_t kept);

}  // namespace mw::db
