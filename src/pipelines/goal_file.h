// Which file of a pipeline's folder is the goal it names. Blocks on files.
#pragma once

#include <string>

#include "base/result.h"

namespace mw::pipelines {

/// The path of the one YAML file of `directory` whose first key is `goal: NAME`.
/// Errors: kInvalidArgument when there is none, or more than one.
Result<std::string> FindGoalFile(const std::string& directory, const std::string& goal);

}  // namespace mw::pipelines
