// Looks at the first key of each YAML file; the whole file is the goals module's to read.
#include "pipelines/goal_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace mw::pipelines {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr int kMaxEntries = 10000;

/// NAME when the first key of the text is `goal: NAME`.
std::string GoalNamed(std::string_view text) {
  for (std::string_view line : Split(text, '\n')) {
    line = Trim(line);
    if (line.empty() || line.starts_with('#') || line.starts_with("---")) continue;
    if (!line.starts_with("goal:")) return {};
    std::string_view name = line.substr(5);
    if (const std::size_t comment = name.find(" #"); comment != std::string_view::npos) name = name.substr(0, comment);
    name = Trim(name);
    if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front()) {
      name = name.substr(1, name.size() - 2);
    }
    return std::string(name);
  }
  return {};
}

bool IsYaml(const std::filesystem::path& path) { return path.extension() == ".yaml" || path.extension() == ".yml"; }

}  // namespace

Result<std::string> FindGoalFile(const std::string& directory, const std::string& goal) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  if (error) return InvalidArgument("the pipeline's folder ", Quoted(directory), " cannot be read: ", error.message());
  std::vector<std::string> found;
  int seen = 0;
  for (; entry != std::filesystem::directory_iterator() && seen < kMaxEntries; entry.increment(error), ++seen) {
    if (error) break;
    if (!IsYaml(entry->path())) continue;
    const Result<std::string> text = ReadFile(entry->path().string(), kMaxFileBytes);
    if (text.ok() && GoalNamed(*text) == goal) found.push_back(entry->path().string());
  }
  std::sort(found.begin(), found.end());
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return InvalidArgument("goal ", goal, ": no file in ", directory, " starts with `goal: ", goal,
                           "`; put the goal's file beside the pipeline's");
  }
  return InvalidArgument("goal ", goal, " is named by more than one file: ", Join(found, ", "), "; keep one");
}

}  // namespace mw::pipelines
