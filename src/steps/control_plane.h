// What the steps ask of the control plane's API: the version behind an alias, and its package. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/http_client.h"

namespace mw::steps {

struct ModelVersion {
  std::int64_t version = 0;
  std::string package;  ///< digest of the package's manifest
  std::vector<std::pair<std::string, double>> metrics;
};

/// $MILLWRIGHT_TOKEN; empty: none.
std::string TokenFromEnvironment();

/// Nothing when the model or the alias does not exist. Errors: those of the client.
Result<std::optional<ModelVersion>> FindVersion(net::HttpClient& api, const std::string& model,
                                                const std::string& version_or_alias);

/// Fetches a package into `directory` (made), file by file, each compared with its digest.
/// Errors: kDataLoss for bytes that do not fit their digest; kInvalidArgument for a manifest that names
/// anything but plain files; those of the client.
Status FetchPackage(net::HttpClient& api, const std::string& digest, const std::string& directory);

}  // namespace mw::steps
