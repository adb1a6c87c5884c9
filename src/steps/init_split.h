// The split that `init` proposes, and what it makes of the labels: measured on the rows, so that the files say true
// figures. One thread, through the caller's session.
#pragma once

#include "base/result.h"
#include "data/duckdb_session.h"
#include "steps/init_plan.h"

namespace mw::steps {

/// Sets plan.split and plan.facts. By hash, a seed is looked for with which every part has every class.
/// Errors: kInvalidArgument for fewer than kLabelledRowsMin rows with a label, or times that cannot be cut in three.
Status DecideSplit(data::DuckdbSession& session, InitPlan& plan);

inline constexpr std::int64_t kLabelledRowsMin = 60;

}  // namespace mw::steps
