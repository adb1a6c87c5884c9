// Checks of what only a control plane knows: its model servers, endpoints, records and labels. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "app/checks/check.h"
#include "endpoints/deployment.h"
#include "monitoring/production.h"
#include "predictions/joined_rows.h"
#include "predictions/predictions.h"

namespace mw::app {

/// Whether the server has taken over the generation of desired state that there is, and its version.
Check ServerCheck(const wire::StatusReport& report, std::int64_t generation);
Check EndpointCheck(const endpoints::EndpointView& view);
/// How far the record of predictions reaches (event time), how much of them is a sample, and whether rows were dropped.
Check RecordingCheck(const std::string& endpoint, const std::vector<predictions::WindowSummary>& windows);
/// How many of the predictions that were recorded one by one have labels.
Check LabelCheck(const std::string& endpoint, const predictions::LabelCoverage& coverage);
/// Whether the goal is measured with all labels that came. `windows`: of the board.
Check GoalCheck(const std::string& goal, const std::vector<monitoring::MeasuredWindow>& windows);

}  // namespace mw::app
