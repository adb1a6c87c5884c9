// For the tests of data and steps: a directory that goes away, and a session over it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/assert.h"
#include "base/file.h"
#include "data/duckdb_session.h"

namespace mw::data {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "mw-data-XXXXXX").string();
    MW_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Writes a file and gives its path.
  [[nodiscard]] std::string File(const std::string& name, std::string_view content) const {
    const std::string path = path_ + "/" + name;
    MW_ASSERT(WriteFileDurably(path, content).ok());
    return path;
  }
  /// Makes a directory and gives its path.
  [[nodiscard]] std::string Directory(const std::string& name) const {
    const std::string path = path_ + "/" + name;
    MW_ASSERT(MakeDirectories(path).ok());
    return path;
  }

 private:
  std::string path_;
};

inline DuckdbSession OpenOver(const std::vector<std::string>& paths) {
  SessionOptions options;
  options.paths = paths;
  auto session = DuckdbSession::Open(options);
  MW_ASSERT(session.ok());
  return std::move(*session);
}

}  // namespace mw::data
