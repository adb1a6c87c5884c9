// Answers about lineage and comparisons as text for people, at most some 110 columns wide. Pure, any thread.
#pragma once

#include <string>

#include "base/json.h"

namespace mw::app::cli {

/// Of GET /api/v1/compare: metrics with intervals, then what differs in what went in; `all`: what is the same too.
std::string ComparisonText(const Json& comparison, bool all);
/// Of GET /api/v1/lineage/origin.
std::string OriginText(const Json& origin);
/// Of GET /api/v1/lineage/impact.
std::string ImpactText(const Json& impact);
/// Of GET /api/v1/lineage with two hops downstream: what people recorded of it; empty when they did not.
std::string RecordsText(const Json& graph);
/// Of GET /api/v1/runs/{id}/reproduce: commands that a shell takes, the rest as comments.
std::string RecipeText(const Json& recipe);

}  // namespace mw::app::cli
