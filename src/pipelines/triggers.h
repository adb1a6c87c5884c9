// The keys of a pipeline file that say when it should run by itself: read and checked, kept with the graph.
#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/yaml.h"

namespace mw::pipelines {

/// Minute, hour, day of month, month, day of week: *, 5, 1-5, */15, 1-5/2 and lists of these.
/// Errors: kInvalidArgument naming the field, its value and its range.
Status CheckCron(std::string_view text);

/// The list under `triggers:` as JSON; what is wrong goes to `complaints`.
Json ReadTriggers(const YamlNode& node, Complaints& complaints);

}  // namespace mw::pipelines
