// Reads the UBJ (universal binary JSON, draft 12) that XGBoost saves into an Ensemble: a reader of our own that keeps
// to the bytes it has: a claimed count is never believed beyond them, nesting is bounded, limits.h holds.
// Pure, any thread.
#pragma once

#include <string_view>

#include "base/result.h"
#include "forest/ensemble.h"

namespace mw::forest {

/// Errors: as Forest::Load.
Result<Ensemble> ParseXgboostUbj(std::string_view bytes);

}  // namespace mw::forest
