// The braces of pipeline files: {params.x}, {inputs.x}, {outputs.x}. Anything else in braces is left as it is,
// so that awk and JSON can be written in a command. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace mw::pipelines {

struct Reference {
  std::string_view kind;  ///< "params", "inputs" or "outputs"
  std::string_view name;
  std::string_view text;  ///< with its braces
};

/// `text` with each reference replaced by what `fill` returns for it; the first error ends it.
Result<std::string> FillReferences(std::string_view text,
                                   const std::function<Result<std::string>(const Reference&)>& fill);

/// Whether all of `text` is one reference.
bool IsReference(std::string_view text);

}  // namespace mw::pipelines
