// Evaluations as JSON: how they are stored and how the API shows them. Pure, any thread.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "monitoring/detectors.h"

namespace mw::monitoring {

/// One cell: {"column","kind","state","jsd","l_infinity","wasserstein","floor","floor_method","threshold","missing",
/// "baseline_missing","exceeds","windows_in_a_row","attribution"}.
Json ToJson(const Cell& cell);
/// {"source","from","to","rows","blocks","reason"}; times are null without blocks and span, reason when there is none.
Json ToJson(const BaselineSummary& baseline);
/// {"column","value","state","rows","windows_in_a_row":{"temp":1}}
Json ToJson(const SliceCell& slice);
Json ToJson(const Evaluation& evaluation);
/// What ToJson wrote. Errors: kInvalidArgument.
Result<Evaluation> EvaluationFromJson(const Json& json);

/// How many windows in a row each column exceeded: what the next window needs to know of this one.
std::string StreaksOf(const Evaluation& evaluation);

}  // namespace mw::monitoring
