// What train and evaluate say about a goal: its targets judged on a report, printed for people and handed
// to the control plane in the result, where goals::Goals::Record keeps them.
#pragma once

#include "base/json.h"
#include "evaluation/report.h"
#include "goals/goal.h"
#include "goals/verdict.h"

namespace mw::steps {

/// Prints the table of targets to stdout. Returns goals::Judgement as JSON, for an output's metadata.
Json JudgeTargets(const goals::Goal& goal, goals::Stage stage, const evaluation::Report& report);

/// Metric id -> value, and rows and positives; undefined ones are left out.
Json MetricsOf(const evaluation::Report& report);

}  // namespace mw::steps
