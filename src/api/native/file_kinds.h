// Which kind of object a file declares: its first key is the kind, that key's value the name.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace mw::api::native {

struct FileKind {
  std::string kind;  ///< "goal", "pipeline", "schema", "rollout"
  std::string name;
};

/// Errors: kInvalidArgument FILE:LINE naming the kinds there are.
Result<FileKind> KindOfFile(std::string_view text, std::string_view file_name);
/// Checks the whole file with its module's own reader. Errors: kInvalidArgument, one complaint per line.
Result<FileKind> CheckFile(std::string_view text, std::string_view file_name);

}  // namespace mw::api::native
