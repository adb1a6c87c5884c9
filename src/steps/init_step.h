// `init`: a verb that reads a person's table and writes goal, pipeline, schema, features and rollout for it, with
// measured defaults, and says what to look at. Reads data files, so it runs in mw-step.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace mw::steps {

/// FILE --label COLUMN [--time COLUMN] [--key COLUMN] [--name NAME] [--dir DIR] [--type binary|multiclass|regression]
/// [--positive VALUE] [--json]. Errors: kInvalidArgument, each a sentence with what to do; nothing is written then.
Status Init(const std::vector<std::string>& arguments);

}  // namespace mw::steps
