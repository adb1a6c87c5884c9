// Checks of what only a control plane knows: its model servers, endpoints, records and labels. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "app/checks/check.h"
#include "endpoints/deployment.h"
#include "predictions/joined_rows.h"
#include "predictions/predictions.h"

namespace mw::app {

/// Whether the server has taken over the generation of desired state that there is, and its version.
Check ServerCheck(const wire::StatusReport& report, std::int64_t generation);
Check EndpointCheck(const endpoints::EndpointView& view);
/// How far the record of predictions reaches (event time), and whether rows were dropped.
Check RecordingCheck(const std::string& endpoint, const std::vector<predictions::WindowSummary>& windows);
/// How many predictions have labels.
Check LabelCheck(const std::string& endpoint, const predictions::LabelCoverage& coverage);

}  // namespace mw::app
