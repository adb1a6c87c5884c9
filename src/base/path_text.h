// Paths that came from outside and were decoded once. What decodes a second time into a way out ("%2e%2e", "%2f") is
// refused although nothing here decodes twice: a program behind us might. A '%' that hides nothing is a name's own.
// Pure, any thread.
#pragma once

#include <string_view>

#include "base/result.h"

namespace mw {

/// Errors: kInvalidArgument for text that is not UTF-8, a backslash or a control character, "." or ".." between
/// slashes (also before a ';'), and for all that decoding again would make one of these or another slash.
Status CheckDecodedPath(std::string_view path);

}  // namespace mw
