// Reads the JSON that XGBoost saves into an Ensemble. The text comes from outside: every count and
// index is checked, cycles and shared children are refused, and the limits below hold. Pure, any thread.
//
// XGBoost's text is not quite JSON: categorical nodes have NaN as their threshold. Numbers are read
// from their digits straight to float32, as XGBoost does, never through a double.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "forest/ensemble.h"

namespace mw::forest {

inline constexpr std::size_t kModelBytesMax = std::size_t{1} << 30;
inline constexpr std::size_t kFeaturesMax = 65'536;
inline constexpr std::size_t kOutputsMax = 1'000;  ///< classes
inline constexpr std::size_t kTreesMax = 100'000;
inline constexpr std::size_t kNodesMax = std::size_t{1} << 24;  ///< of all trees together
inline constexpr std::size_t kDepthMax = 1'024;

/// Errors: as Forest::FromXgboostJson.
Result<Ensemble> ParseXgboostJson(std::string_view text);

}  // namespace mw::forest
