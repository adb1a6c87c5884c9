// Times as names and back.
#include "serving/access_names.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/text.h"

namespace mw::serving {
namespace {

// Where a time's ':' stand as '-', because not every file system takes colons.
constexpr std::size_t kHourEnd = 13;
constexpr std::size_t kMinuteEnd = 16;

std::optional<AccessFile> Parse(std::string_view name) {
  AccessFile file;
  file.name = name;
  file.compressed = name.ends_with(kCompressedEnd);
  if (file.compressed) name.remove_suffix(kCompressedEnd.size());
  if (!name.ends_with(kPlainEnd)) return std::nullopt;
  name.remove_suffix(kPlainEnd.size());
  std::string time(name);
  if (time.size() <= kMinuteEnd) return std::nullopt;
  time[kHourEnd] = time[kMinuteEnd] = ':';
  const Result<Timestamp> first = ParseTime(time);
  if (!first.ok()) return std::nullopt;
  file.first = *first;
  return file;
}

}  // namespace

std::string AccessFileName(Timestamp first) {
  const auto second = std::chrono::floor<std::chrono::seconds>(first);
  std::string name = FormatTime(second);
  name.pop_back();
  char micros[16];
  std::snprintf(micros, sizeof micros, ".%06dZ", static_cast<int>((first - second).count()));
  name[kHourEnd] = name[kMinuteEnd] = '-';
  return Cat(name, micros, kPlainEnd);
}

Result<std::vector<AccessFile>> ListAccessFiles(const std::string& directory) {
  std::vector<AccessFile> files;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::optional<AccessFile> file = Parse(entry->path().filename().native());
    if (!file) continue;
    std::error_code gone;
    file->bytes = entry->file_size(gone);
    if (!gone) files.push_back(*std::move(file));
  }
  if (error && error != std::errc::no_such_file_or_directory) return ErrnoError(error.value(), directory);
  std::sort(files.begin(), files.end(), [](const AccessFile& a, const AccessFile& b) {
    return a.first != b.first ? a.first < b.first : a.compressed < b.compressed;
  });
  const auto same = [](const AccessFile& a, const AccessFile& b) { return a.first == b.first; };
  files.erase(std::unique(files.begin(), files.end(), same), files.end());
  return files;
}

}  // namespace mw::serving
