// What an objective does to the sum of the leaves, in XGBoost's own float arithmetic. Pure, any thread.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "forest/forest.h"

namespace mw::forest {

/// Errors: kUnimplemented naming the objective and those that are evaluated.
Result<Objective> ObjectiveFromName(std::string_view name);
/// Where every sum of leaves starts. Errors: kInvalidArgument for a base score outside (0, 1) where it is
/// a probability.
Result<float> BaseMargin(Objective objective, float base_score);
/// Margins become predictions, in place. `margins`: row by row, `outputs` for each.
void Transform(Objective objective, std::size_t outputs, std::span<float> margins);

}  // namespace mw::forest
