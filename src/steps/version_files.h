// The files of a registered version that has no package yet, fetched from the control plane to be packed. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"

namespace mw::steps {

inline constexpr std::size_t kVersionFilesMax = 2048;
inline constexpr std::int64_t kVersionBytesMax = std::int64_t{8} << 30;

/// models:/NAME/3, or an alias or "latest" in the place of 3.
struct VersionReference {
  std::string model;
  std::string version;
};
/// Nothing for what does not begin with models:/. Errors: kInvalidArgument.
Result<std::optional<VersionReference>> ParseVersionReference(std::string_view text);

/// Fetches its files into the directory, which is there; the version's number. Errors: kNotFound no such version;
/// kFailedPrecondition its files are not on this server, or it has none; kResourceExhausted beyond the bounds.
Result<std::int64_t> FetchVersionFiles(net::HttpClient& api, const VersionReference& version,
                                       const std::string& directory);

}  // namespace mw::steps
