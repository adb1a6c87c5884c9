// `init` decides what each column is: key, time, label, a feature, or left out, each with a reason that a person can
// disagree with. Pure; one thread.
#pragma once

#include <vector>

#include "base/result.h"
#include "steps/init_plan.h"
#include "steps/table_survey.h"

namespace mw::steps {

/// Which columns are what, and the feature that tells most by itself. Uses `signals` of every column but label and
/// time. Errors: kInvalidArgument for a key that is not unique, a time that is none, or when no feature is left.
Status DecideColumns(const std::vector<Signal>& signals, InitPlan& plan);

}  // namespace mw::steps
