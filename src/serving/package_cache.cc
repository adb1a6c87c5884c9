// Fetches packages file by file into a temporary directory and renames it when all digests agree.
#include "serving/package_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "base/file.h"
#include "base/id.h"
#include "base/json.h"
#include "base/text.h"
#include "wire/package.h"

namespace mw::serving {
namespace {

constexpr std::size_t kManifestBytesMax = std::size_t{1} << 20;
constexpr std::string_view kPartial = "partial-";

struct ManifestFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string digest;
};

std::string BlobTarget(std::string_view digest) { return Cat("/api/v1/blobs/", digest); }

Status CheckAnswer(const net::Response& response, std::string_view digest) {
  if (response.status == 200) return Ok();
  return net::ErrorFromResponse(response).In(Cat("fetching ", digest));
}

Result<std::string> FetchManifest(net::HttpClient& client, const std::string& digest) {
  std::string text;
  const net::Response response =
      TRY(client.Stream(net::Method::kGet, BlobTarget(digest), {}, {}, [&text](std::string_view piece) -> Status {
        text += piece;
        if (text.size() <= kManifestBytesMax) return Ok();
        return InvalidArgument("a package's manifest is larger than 1 MiB");
      }));
  TRY(CheckAnswer(response, digest));
  if (Cat("sha256:", Sha256Hex(text)) != digest) return DataLoss("the manifest fetched as ", digest, " is another one");
  return text;
}

Result<ManifestFile> ParseManifestFile(const Json& value) {
  ManifestFile file;
  file.path = TRY(value.GetString("path"));
  const std::int64_t size = TRY(value.GetInt("size"));
  file.digest = TRY(value.GetString("digest"));
  if (!wire::IsPackagePath(file.path)) return InvalidArgument("a package has a file called ", Quoted(file.path));
  if (size < 0 || static_cast<std::uint64_t>(size) > wire::kModelBytesMax) {
    return InvalidArgument("file ", file.path, " of a package has ", size, " bytes, at most ", wire::kModelBytesMax);
  }
  file.size_bytes = static_cast<std::uint64_t>(size);
  return file;
}

Result<std::vector<ManifestFile>> ParseManifest(std::string_view text) {
  const Json manifest = TRY(Json::Parse(text));
  const Json* list = manifest.Find("files");
  if (list == nullptr || !list->IsArray()) return InvalidArgument("a package's manifest has no list of files");
  if (list->AsArray().size() > wire::kPackageFilesMax) {
    return InvalidArgument("a package has ", list->AsArray().size(), " files, at most ", wire::kPackageFilesMax);
  }
  std::vector<ManifestFile> files;
  for (const Json& value : list->AsArray()) files.push_back(TRY(ParseManifestFile(value)));
  return files;
}

Status FetchFile(net::HttpClient& client, const ManifestFile& file, const std::string& path) {
  TRY(MakeDirectories(path.substr(0, path.rfind('/'))));
  const FileDescriptor out(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!out.valid()) return ErrnoError(errno, path);
  Sha256 digest;
  std::uint64_t size = 0;
  const net::Response response =
      TRY(client.Stream(net::Method::kGet, BlobTarget(file.digest), {}, {}, [&](std::string_view piece) -> Status {
        size += piece.size();
        if (size > file.size_bytes) {
          return DataLoss(file.path, " is longer than its manifest says");
        }
        digest.Update(piece);
        return WriteAll(out.get(), piece, "a fetched package");
      }));
  TRY(CheckAnswer(response, file.digest));
  if (size != file.size_bytes || Cat("sha256:", digest.Finish()) != file.digest) {
    return DataLoss(file.path, " was fetched as ", file.digest, ", but its bytes have another digest");
  }
  if (fsync(out.get()) != 0) return ErrnoError(errno, path);
  return Ok();
}

void RemoveTree(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

/// Names in every directory beneath.
Status SyncTree(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, error)) {
    if (entry.is_directory()) TRY(SyncDirectory(entry.path().string()));
  }
  if (error) return ErrnoError(error.value(), directory);
  return SyncDirectory(directory);
}

}  // namespace

Result<std::unique_ptr<PackageCache>> PackageCache::Open(std::string directory) {
  TRY(MakeDirectories(directory));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().filename().string().starts_with(kPartial)) RemoveTree(entry.path().string());
  }
  return std::unique_ptr<PackageCache>(new PackageCache(std::move(directory)));
}

std::string PackageCache::PathOf(std::string_view digest) const {
  return Cat(directory_, "/", digest.substr(digest.find(':') + 1));
}

std::string PackageCache::Find(std::string_view digest) const {
  std::string path = PathOf(digest);
  return access(path.c_str(), F_OK) == 0 ? path : "";
}

Result<std::string> PackageCache::Fetch(net::HttpClient& client, const std::string& digest) {
  const Lock lock(fetching_);
  if (std::string here = Find(digest); !here.empty()) return here;
  const std::string manifest = TRY(FetchManifest(client, digest));
  const std::vector<ManifestFile> files = TRY(ParseManifest(manifest).In(digest));
  const std::string partial = Cat(directory_, "/", kPartial, digest.substr(digest.find(':') + 1));
  RemoveTree(partial);
  TRY(MakeDirectories(partial));
  for (const ManifestFile& file : files) TRY(FetchFile(client, file, Cat(partial, "/", file.path)));
  TRY(SyncTree(partial));
  const std::string path = PathOf(digest);
  if (rename(partial.c_str(), path.c_str()) != 0) return ErrnoError(errno, path);
  TRY(SyncDirectory(directory_));
  return path;
}

void PackageCache::Remove(std::string_view digest) { RemoveTree(PathOf(digest)); }

void PackageCache::KeepOnly(const std::vector<std::string>& digests) {
  std::vector<std::string> kept;
  for (const std::string& digest : digests) kept.push_back(PathOf(digest));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    const std::string path = entry.path().string();
    if (entry.path().filename().string().starts_with(kPartial)) continue;
    if (std::find(kept.begin(), kept.end(), path) == kept.end()) RemoveTree(path);
  }
}

}  // namespace mw::serving
