// Folders by walking, the proxy by its listings.
#include "transfer/artifact_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace mw::transfer {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProxyScheme = "mlflow-artifacts:";
constexpr std::string_view kProxyRoute = "/api/2.0/mlflow-artifacts/artifacts";

/// Of "scheme:..."; empty for a plain path.
std::string_view SchemeOf(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  const std::size_t slash = uri.find('/');
  return colon == std::string_view::npos || slash < colon ? std::string_view() : uri.substr(0, colon);
}

Result<std::vector<ArtifactFile>> ListFolder(const std::string& folder) {
  std::vector<ArtifactFile> files;
  std::error_code error;
  // Links are not followed: what they lead to is not the run's.
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at.depth() > ArtifactReader::kDepthMax) at.disable_recursion_pending();
    if (!at->is_regular_file(error) || at->is_symlink(error)) continue;
    if (files.size() >= ArtifactReader::kFilesMax) {
      return ResourceExhausted(folder, " has more than ", ArtifactReader::kFilesMax, " files");
    }
    files.push_back({at->path().lexically_relative(folder).string(), static_cast<std::int64_t>(at->file_size(error))});
  }
  return files;
}

/// A file that is removed when this ends.
class TemporaryFile {
 public:
  static Result<TemporaryFile> Make() {
    const char* directory = std::getenv("TMPDIR");
    std::string path = Cat(directory == nullptr ? "/tmp" : directory, "/millwright-transfer.XXXXXX");
    FileDescriptor file(mkostemp(path.data(), O_CLOEXEC));
    if (!file.valid()) return ErrnoError(errno, Cat("making ", path));
    return TemporaryFile(std::move(path), std::move(file));
  }
  TemporaryFile(TemporaryFile&& other) noexcept : path_(std::move(other.path_)), file_(std::move(other.file_)) {
    other.path_.clear();
  }
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  Status Append(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = write(file_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno != EINTR) return ErrnoError(errno, Cat("writing ", path_));
      if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return Ok();
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  TemporaryFile(std::string path, FileDescriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  std::string path_;
  FileDescriptor file_;
};

}  // namespace

std::string ProxyPath(std::string_view uri) {
  std::string_view path;
  if (uri.starts_with(kProxyScheme)) {
    path = uri.substr(kProxyScheme.size());
    if (path.starts_with("//")) path = path.substr(std::min(path.find('/', 2), path.size()));  // the host
  } else if (const std::size_t at = uri.find(kProxyRoute); at != std::string_view::npos) {
    path = uri.substr(at + kProxyRoute.size());
  }
  while (path.starts_with('/')) path.remove_prefix(1);
  return std::string(path);
}

std::string ArtifactPlace(std::string_view location) {
  std::string place = ProxyPath(location);
  if (!place.empty()) {
    place.insert(0, "mlflow-artifacts:/");
  } else if (location.starts_with("file:")) {
    location.remove_prefix(5);
    if (location.starts_with("//")) location = location.substr(std::min(location.find('/', 2), location.size()));
    place = net::PercentDecode(location).value_or(std::string(location));
  } else {
    place = location;
  }
  while (place.ends_with('/')) place.pop_back();
  return place;
}

std::string EncodePath(std::string_view path) {
  std::string out;
  for (const std::string_view name : Split(path, '/')) CatTo(out, out.empty() ? "" : "/", net::PercentEncode(name));
  return out;
}

Result<std::string> ArtifactReader::FolderOf(const std::string& uri) const {
  const std::string_view scheme = SchemeOf(uri);
  if (scheme.empty()) return uri;
  if (scheme == "file") {
    std::string_view path = std::string_view(uri).substr(5);
    if (path.starts_with("//")) path = path.substr(std::min(path.find('/', 2), path.size()));
    return net::PercentDecode(path);
  }
  const std::string proxied = ProxyPath(uri);
  if (proxied.empty()) return Unimplemented("artifacts at ", scheme, ": are left where they are");
  if (!proxy_root_.empty()) return Cat(proxy_root_, "/", proxied);
  if (server_) return std::string();
  return Unimplemented("the folder behind mlflow-artifacts: is not known; name it with --artifacts-root");
}

Result<std::vector<ArtifactFile>> ArtifactReader::List(const std::string& uri) {
  const std::string folder = TRY(FolderOf(uri));
  if (!folder.empty()) return ListFolder(folder);
  std::vector<ArtifactFile> files;
  TRY(ListServer(ProxyPath(uri), "", 0, files));
  return files;
}

Status ArtifactReader::ListServer(const std::string& directory, const std::string& prefix, int depth,
                                  std::vector<ArtifactFile>& files) {
  if (depth > kDepthMax) return ResourceExhausted("artifacts at ", directory, " nest too deep");
  const Json answer = TRY(server_->Call(net::Method::kGet, Cat(kProxyRoute, "?path=", net::PercentEncode(directory))));
  const Json* listed = answer.Find("files");
  if (listed == nullptr || !listed->IsArray()) return Ok();
  for (const Json& file : listed->AsArray()) {
    const std::string name = file.StringOr("path", "");
    if (name.empty() || name.find('/') != std::string::npos || name == "..") continue;
    if (file.BoolOr("is_dir", false)) {
      TRY(ListServer(Cat(directory, "/", name), Cat(prefix, name, "/"), depth + 1, files));
    } else if (files.size() < kFilesMax) {
      files.push_back({Cat(prefix, name), file.IntOr("file_size", 0)});
    } else {
      return ResourceExhausted("artifacts at ", directory, " are more than ", kFilesMax);
    }
  }
  return Ok();
}

Status ArtifactReader::Open(const std::string& uri, const std::string& path,
                            const std::function<Status(const std::string&)>& use) {
  const std::string folder = TRY(FolderOf(uri));
  if (!folder.empty()) return use(Cat(folder, "/", path));
  TemporaryFile file = TRY(TemporaryFile::Make());
  const net::Response response =
      TRY(server_->Stream(net::Method::kGet, Cat(kProxyRoute, "/", EncodePath(Cat(ProxyPath(uri), "/", path))), "", {},
                          [&](std::string_view bytes) { return file.Append(bytes); }));
  if (response.status != 200) return Unavailable("the server answers ", response.status, " for artifact ", path);
  return use(file.path());
}

}  // namespace mw::transfer
