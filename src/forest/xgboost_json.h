// Reads the JSON that XGBoost saves into an Ensemble. The text comes from outside: every count and
// index is checked, cycles and shared children are refused, and limits.h holds. Pure, any thread.
//
// XGBoost's text is not quite JSON: categorical nodes have NaN as their threshold. Numbers are read
// from their digits straight to float32, as XGBoost does, never through a double.
#pragma once

#include <string_view>

#include "base/result.h"
#include "forest/ensemble.h"
#include "forest/limits.h"

namespace mw::forest {

/// Errors: as Forest::Load.
Result<Ensemble> ParseXgboostJson(std::string_view text);

}  // namespace mw::forest
