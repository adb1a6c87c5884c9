// Opens names beneath a directory, never outside it: openat2 with RESOLVE_BENEATH, no symbolic links, no magic links.
// The kernel checks while it walks, so there is no moment between the check and the use. Any thread.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace mw::blob {

/// Opens `path` beneath `directory` with open(2)'s flags (O_CLOEXEC is added) and mode.
/// Errors: kNotFound; kPermissionDenied when the path leads out of it or through a symbolic link; kUnimplemented on a
/// kernel without openat2; others from errno.
Result<FileDescriptor> OpenBeneath(int directory, const std::string& path, int flags, unsigned mode = 0);

/// Opens a directory for use with OpenBeneath. Errors: kNotFound; kInvalidArgument when it is none.
Result<FileDescriptor> OpenDirectory(const std::string& path);

/// Names in an open directory without "." and "..", sorted bytewise.
Result<std::vector<std::string>> NamesIn(int directory);

}  // namespace mw::blob
