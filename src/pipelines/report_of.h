// Which artifact of a run is the evaluation of a model that the run made. Pure; any thread.
#pragma once

#include <string_view>

#include "pipelines/pipelines.h"

namespace mw::pipelines {

/// The output `report` of the step `uses: evaluate` whose input `model` is the package; nullptr when the run has none.
const NamedArtifact* ReportOf(const RunDetails& run, std::string_view package);

}  // namespace mw::pipelines
