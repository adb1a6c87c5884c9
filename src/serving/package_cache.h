// The model packages that a model server has fetched, each in a directory named by its digest beneath
// STATE/packages. Any thread; one package is fetched at a time. Invariant: a directory with a digest's name is whole
// and was compared with that digest when it was made; half-fetched packages have other names and are removed at the
// next start.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "net/http_client.h"

namespace mw::serving {

class PackageCache {
 public:
  /// Makes the directory when absent. Errors: from errno.
  static Result<std::unique_ptr<PackageCache>> Open(std::string directory);

  /// The package's directory, or empty when it is not here.
  [[nodiscard]] std::string Find(std::string_view digest) const;
  /// The same, fetched from the control plane (GET /api/v1/blobs/{digest}, manifest first) when it is not
  /// here. Errors: kUnavailable, kDeadlineExceeded, kNotFound from there; kDataLoss when bytes do not have
  /// their digest; kInvalidArgument for a manifest that is none; kResourceExhausted disk full.
  Result<std::string> Fetch(net::HttpClient& client, const std::string& digest);
  /// Forgets a package whose files turned out to be damaged.
  void Remove(std::string_view digest);
  /// Removes every package that is not in `digests`, but for one that is being fetched.
  void KeepOnly(const std::vector<std::string>& digests);

 private:
  explicit PackageCache(std::string directory) : directory_(std::move(directory)) {}
  [[nodiscard]] std::string PathOf(std::string_view digest) const;
  const std::string directory_;
  Mutex fetching_;
};

}  // namespace mw::serving
