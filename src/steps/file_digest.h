// The digest of a file's bytes, as lineage and blobs name them.
#pragma once

#include <string>

#include "base/result.h"

namespace mw::steps {

/// "sha256:<hex>", with a megabyte of memory. Errors: from errno.
Result<std::string> DigestOfFile(const std::string& path);

}  // namespace mw::steps
