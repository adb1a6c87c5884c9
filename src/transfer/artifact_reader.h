// Reads the artifacts of a source by their URI: folders of this machine, and MLflow's artifact proxy, which is a folder
// too when its root is known, or a running server. Object stores are not read. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http_client.h"

namespace mw::transfer {

struct ArtifactFile {
  std::string path;  ///< below the URI
  std::int64_t size = 0;
};

class ArtifactReader {
 public:
  static constexpr std::size_t kFilesMax = 100'000;  ///< below one URI
  static constexpr int kDepthMax = 64;

  /// `proxy_root`: the folder behind mlflow-artifacts:/ URIs; `server` answers for them otherwise. Either may be empty.
  ArtifactReader(std::string proxy_root, std::optional<net::HttpClient> server)
      : proxy_root_(std::move(proxy_root)), server_(std::move(server)) {}

  /// Nothing when there is nothing at that place. Errors: kUnimplemented: artifacts there cannot be read, with the
  /// reason; kResourceExhausted.
  Result<std::vector<ArtifactFile>> List(const std::string& uri);
  /// Calls `use` with a local path of the file, which may be gone afterwards. Errors: `use`'s.
  Status Open(const std::string& uri, const std::string& path, const std::function<Status(const std::string&)>& use);

 private:
  /// The folder that a URI is on this machine; empty: it is the server's.
  Result<std::string> FolderOf(const std::string& uri) const;
  Status ListServer(const std::string& directory, const std::string& prefix, int depth,
                    std::vector<ArtifactFile>& files);

  std::string proxy_root_;
  std::optional<net::HttpClient> server_;
};

/// What the artifact proxy calls "mlflow-artifacts:/1/ab/artifacts" or ".../api/2.0/mlflow-artifacts/artifacts/1/ab":
/// "1/ab/artifacts". Empty when the URI is no such one.
std::string ProxyPath(std::string_view uri);
/// A location in one form, however it is written: "file:///a/b/" and "/a/b" are one place.
std::string ArtifactPlace(std::string_view location);
/// The path with each name percent-encoded.
std::string EncodePath(std::string_view path);

}  // namespace mw::transfer
