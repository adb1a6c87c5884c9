// Folders by walking.
#include "transfer/mlflow_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/text.h"
#include "base/yaml.h"
#include "tracking/kept_value.h"
#include "transfer/mlflow_folder.h"
#include "transfer/mlflow_run.h"

namespace mw::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMetaBytesMax = std::size_t{32} << 20;  ///< of a dataset with its profile

}  // namespace

std::vector<std::string> FoldersIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->is_directory(error) && !at->is_symlink(error)) names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> FilesBelow(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file(error) && !at->is_symlink(error)) {
      paths.push_back(at->path().lexically_relative(folder).string());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<Json> ReadMeta(const std::string& folder) {
  const std::string path = folder + "/meta.yaml";
  const std::string text = TRY(ReadFile(path, kMetaBytesMax));
  Json meta = TRY(ParseYaml(text, path))
  .ToJson();
  if (!meta.IsObject()) return InvalidArgument(path, " holds no map");
  return meta;
}

std::string TextOf(const Json& meta, std::string_view key) {
  const Json* member = meta.Find(key);
  if (member == nullptr || member->IsNull()) return "";
  return member->IsString() ? member->AsString() : member->Dump();
}

void Copy(const Json& meta, std::string_view from, Json& to, std::string_view key) {
  const Json* member = meta.Find(from);
  if (member != nullptr && !member->IsNull()) to[key] = *member;
}
void CopyText(const Json& meta, std::string_view from, Json& to, std::string_view key) {
  const Json* member = meta.Find(from);
  if (member != nullptr && !member->IsNull()) to[key] = TextOf(meta, from);
}

Result<Json> ReadTexts(const std::string& folder) {
  Json pairs = Json::MakeArray();
  for (const std::string& path : FilesBelow(folder)) {
    pairs.Append(PairJson(path, TRY(ReadFile(Cat(folder, "/", path), MlflowFolder::kTextBytesMax))));
  }
  return pairs;
}

Json PairsOf(const Json* map) {
  Json pairs = Json::MakeArray();
  if (map == nullptr || !map->IsObject()) return pairs;
  for (const auto& [key, value] : map->AsObject()) {
    pairs.Append(PairJson(key, value.IsString() ? value.AsString() : value.Dump()));
  }
  return pairs;
}

Result<tracking::Point> ParsePointLine(std::string_view line) {
  const std::vector<std::string_view> words = Split(line, ' ');
  const auto time = ParseInt(words[0]);
  const auto value = words.size() > 1 ? ParseDouble(words[1]) : std::nullopt;
  const auto step = words.size() > 2 ? ParseInt(words[2]) : 0;
  if (!time || !value || !step) return InvalidArgument("is no point: ", Quoted(line));
  return tracking::Point{*time, *step, tracking::KeptValue(*value)};
}

Json MetricFiles(const std::string& folder) {
  Json files = Json::MakeArray();
  std::error_code error;
  for (const std::string& path : FilesBelow(folder)) {
    files.Append(
        Json::Make({{"key", path}, {"bytes", static_cast<std::int64_t>(fs::file_size(folder + "/" + path, error))}}));
  }
  return files;
}

}  // namespace mw::transfer
