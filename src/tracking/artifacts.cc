// Paths, and directories made of them.
#include "tracking/artifacts.h"

#include <algorithm>

#include "base/path_text.h"
#include "base/text.h"
#include "tracking/artifact_store.h"

namespace mw::tracking {
namespace {

bool IsSafe(std::string_view path) {
  if (path.empty() || path.size() > Artifacts::kPathBytesMax || !CheckDecodedPath(path).ok()) return false;
  const std::vector<std::string_view> names = Split(path, '/');
  if (names.front().find(':') != std::string_view::npos) return false;  // a drive, a scheme
  return std::none_of(names.begin(), names.end(), [](std::string_view name) { return name.empty(); });
}

/// The directories that a path lies in: "a", "a/b" of "a/b/c".
std::vector<std::string> DirectoriesOf(std::string_view path) {
  std::vector<std::string> directories;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    directories.emplace_back(path.substr(0, slash));
  }
  return directories;
}

/// The first names below the directory; files come by path, so those of one name stand together.
std::vector<ArtifactEntry> EntriesOf(const std::vector<Artifact>& files, std::size_t prefix) {
  std::vector<ArtifactEntry> entries;
  for (const Artifact& file : files) {
    const std::string_view rest = std::string_view(file.path).substr(prefix);
    const std::size_t slash = rest.find('/');
    const bool is_directory = slash != std::string_view::npos;
    const std::string_view name = rest.substr(0, slash);
    if (is_directory && !entries.empty() && entries.back().name == name) continue;
    entries.push_back({std::string(name), is_directory, is_directory ? 0 : file.size});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  return entries;
}

}  // namespace

Status Artifacts::CheckPath(std::string_view path) {
  if (IsSafe(path)) return Ok();
  return InvalidArgument("Invalid path: ", Quoted(path));
}

Status Artifacts::Put(db::Transaction& transaction, const Artifact& artifact, std::int64_t now) {
  TRY(CheckPath(artifact.path));
  for (const std::string& directory : DirectoriesOf(artifact.path)) {
    if (!TRY(store::FindArtifact(transaction, directory))) continue;
    return InvalidArgument(Quoted(artifact.path), " cannot be stored: ", Quoted(directory), " is a file");
  }
  if (!TRY(store::ArtifactsBelow(transaction, artifact.path, 1)).empty()) {
    return InvalidArgument(Quoted(artifact.path), " is a directory");
  }
  return store::PutArtifact(transaction, artifact, now);
}

Task<Status> Artifacts::Put(Artifact artifact) {
  const std::int64_t now = ToMicros(clock_.Now()) / 1000;
  co_return co_await database_.Write([&](db::Transaction& t) { return Put(t, artifact, now); });
}

Task<Result<Artifact>> Artifacts::Find(std::string path) {
  CO_TRY(CheckPath(path));
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<Artifact> {
    std::optional<Artifact> artifact = TRY(store::FindArtifact(s, path));
    if (!artifact) return NotFound("there is no artifact ", Quoted(path));
    return *std::move(artifact);
  });
}

Task<Result<std::vector<ArtifactEntry>>> Artifacts::List(std::string directory) {
  while (directory.ends_with('/')) directory.pop_back();
  if (!directory.empty()) CO_TRY(CheckPath(directory));
  co_return co_await database_.Read([&](db::Snapshot& s) -> Result<std::vector<ArtifactEntry>> {
    const std::vector<Artifact> files = TRY(store::ArtifactsBelow(s, directory, kListedMax + 1));
    if (files.size() > kListedMax) {
      return ResourceExhausted(Quoted(directory), " holds more than ", kListedMax, " files; list its directories");
    }
    return EntriesOf(files, directory.empty() ? 0 : directory.size() + 1);
  });
}

Task<Status> Artifacts::Delete(std::string path) {
  CO_TRY(CheckPath(path));
  co_return co_await database_.Write([&](db::Transaction& t) -> Status {
    if (TRY(store::DeleteArtifacts(t, path)) > 0) return Ok();
    return NotFound("there is no artifact ", Quoted(path));
  });
}

}  // namespace mw::tracking
