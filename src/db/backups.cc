// Naming and pruning of backup files.
#include "db/backups.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.h"

namespace mw::db {

std::string BackupPath(const std::string& prefix, std::int64_t steps) { return Cat(prefix, ".before-", steps); }

void RemoveOldBackups(const std::string& prefix, std::size_t kept) {
  const std::filesystem::path place(prefix);
  const std::string start = Cat(place.filename().string(), ".before-");
  std::vector<std::pair<long long, std::filesystem::path>> found;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::absolute(place).parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(start)) continue;
    if (const auto steps = ParseInt(std::string_view(name).substr(start.size())))
      found.emplace_back(*steps, entry.path());
  }
  std::sort(found.rbegin(), found.rend());
  for (std::size_t i = kept; i < found.size(); ++i) std::filesystem::remove(found[i].second, ignored);
}

}  // namespace mw::db
