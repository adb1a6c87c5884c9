// Reads the text that LightGBM saves (versions 2 to 4) into an Ensemble. The text comes from outside: every count and
// index is checked, cycles and shared children are refused, and limits.h holds. Pure, any thread.
//
// LightGBM compares in doubles with "at or below": thresholds become the floats that split float rows exactly alike.
// Leaves, sums and transforms are doubles.
#pragma once

#include <string_view>

#include "base/result.h"
#include "forest/ensemble.h"

namespace mw::forest {

/// Errors: as Forest::Load.
Result<Ensemble> ParseLightgbmText(std::string_view text);

}  // namespace mw::forest
