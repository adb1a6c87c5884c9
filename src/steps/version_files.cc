// Listings are walked, files streamed to disk.
#include "steps/version_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace mw::steps {
namespace {

constexpr std::string_view kScheme = "models:/", kProxyScheme = "mlflow-artifacts:/";
constexpr std::string_view kProxy = "/api/2.0/mlflow-artifacts/artifacts";
constexpr int kDepthMax = 32;

std::string Encoded(std::string_view path) {
  std::string out;
  for (const std::string_view part : Split(path, '/')) CatTo(out, out.empty() ? "" : "/", net::PercentEncode(part));
  return out;
}

bool IsFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

class Fetch {
 public:
  explicit Fetch(net::HttpClient& api) : api_(api) {}

  /// All that lies at `place` of the store goes to `directory`.
  Status Directory(const std::string& place, const std::string& directory, int depth) {
    if (depth > kDepthMax) return ResourceExhausted("the files of this version lie more than ", kDepthMax, " deep");
    const Json listing = TRY(api_.Call(net::Method::kGet, Cat(kProxy, "?path=", net::PercentEncode(place))));
    const Json* files = listing.Find("files");
    if (files == nullptr || !files->IsArray()) return Ok();
    for (const Json& file : files->AsArray()) TRY(Entry(place, directory, file, depth));
    return Ok();
  }
  [[nodiscard]] std::size_t files() const { return files_; }

 private:
  Status Entry(const std::string& place, const std::string& directory, const Json& file, int depth) {
    const std::string name = TRY(file.GetString("path"));
    if (!IsFileName(name)) return InvalidArgument(Quoted(name), " is no name of a file");
    const std::string there = Cat(place, "/", name), here = Cat(directory, "/", name);
    if (!file.BoolOr("is_dir", false)) return File(there, here);
    TRY(MakeDirectories(here, 0700));
    return Directory(there, here, depth + 1);
  }

  Status File(const std::string& place, const std::string& path) {
    if (++files_ > kVersionFilesMax)
      return ResourceExhausted("this version has more than ", kVersionFilesMax, " files");
    const FileDescriptor out(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!out.valid()) return ErrnoError(errno, path);
    const auto sink = [&](std::string_view piece) -> Status {
      bytes_ += static_cast<std::int64_t>(piece.size());
      if (bytes_ > kVersionBytesMax)
        return ResourceExhausted("this version has more than ", kVersionBytesMax, " bytes");
      return WriteAll(out.get(), piece, "a model's file");
    };
    const net::Response response = TRY(api_.Stream(net::Method::kGet, Cat(kProxy, "/", Encoded(place)), {}, {}, sink));
    if (response.status >= 400) return net::ErrorFromResponse(response).In(place);
    return Ok();
  }

  net::HttpClient& api_;
  std::size_t files_ = 0;
  std::int64_t bytes_ = 0;
};

}  // namespace

Result<std::optional<VersionReference>> ParseVersionReference(std::string_view text) {
  if (!text.starts_with(kScheme)) return std::optional<VersionReference>();
  const std::vector<std::string_view> parts = Split(text.substr(kScheme.size()), '/');
  if (parts.size() == 2 && !parts[0].empty() && !parts[1].empty()) {
    return std::optional(VersionReference{std::string(parts[0]), std::string(parts[1])});
  }
  return InvalidArgument(Quoted(text), " names no version; write it as models:/NAME/3");
}

Result<std::int64_t> FetchVersionFiles(net::HttpClient& api, const VersionReference& version,
                                       const std::string& directory) {
  const std::string name = net::PercentEncode(version.model);
  const Json known =
      TRY(api.Call(net::Method::kGet, Cat("/api/v1/models/", name, "/versions/", net::PercentEncode(version.version))));
  const std::int64_t number = TRY(known.GetInt("version"));
  const Json where = TRY(api.Call(
      net::Method::kGet, Cat("/api/2.0/mlflow/model-versions/get-download-uri?name=", name, "&version=", number)));
  const std::string uri = TRY(where.GetString("artifact_uri"));
  if (!uri.starts_with(kProxyScheme)) {
    return FailedPrecondition("the files of version ", number, " of ", version.model, " lie at ", uri,
                              ", not on this server; fetch them and name the directory instead");
  }
  std::string place = uri.substr(kProxyScheme.size());
  while (place.starts_with('/')) place.erase(0, 1);
  Fetch fetch(api);
  TRY(fetch.Directory(place, directory, 0).In(uri));
  if (fetch.files() > 0) return number;
  return FailedPrecondition("version ", number, " of ", version.model, " has no files at ", uri);
}

}  // namespace mw::steps
