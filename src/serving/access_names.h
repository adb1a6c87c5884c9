// Names of the access log's files (access_files.h), for who writes and who reads them. Private to both.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace mw::serving {

inline constexpr std::string_view kPlainEnd = ".jsonl";
inline constexpr std::string_view kCompressedEnd = ".zst";  ///< behind the other

struct AccessFile {
  std::string name;
  Timestamp first;  ///< the time of its first line
  bool compressed = false;
  std::uint64_t bytes = 0;
};

/// "2026-11-22T13-37-33.123456Z.jsonl"; names sort as times do.
std::string AccessFileName(Timestamp first);
/// Oldest first; what has another name is not looked at. Of a file that is there in both forms, because compressing it
/// was cut short, the plain one. Errors: from errno; a directory that is not there has none.
Result<std::vector<AccessFile>> ListAccessFiles(const std::string& directory);

}  // namespace mw::serving
