// Checks what stands under `with:` of a built-in step against the table of built-in steps.
#pragma once

#include <string>

#include "base/yaml.h"
#include "pipelines/built_in_steps.h"

namespace mw::pipelines {

/// Adds a complaint for each option that is unknown, missing or of the wrong kind. `where` names the step.
/// `with` may be nullptr: nothing stands there; then required options are missed at `line`.
void CheckOptions(const BuiltInStep& built_in, const std::string& where, int line, const YamlNode* with,
                  Complaints& complaints);

}  // namespace mw::pipelines
