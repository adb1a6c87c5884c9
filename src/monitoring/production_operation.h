// Decide: what a target of performance, freshness or cost measured in one window. A promise about a share of requests
// or rows ("99 % within 20 ms") is measured as the value that this share keeps, so that `value <= bound` says exactly
// whether it was kept; without an objective all of them have to. Hours of event time outside the target's calendar do
// not count. Pure; any thread.
#pragma once

#include <optional>

#include "goals/goal.h"
#include "goals/verdict.h"
#include "monitoring/production.h"

namespace mw::monitoring {

struct OperationMeasure {
  goals::Measurement measurement;
  std::optional<double> within;  ///< share that keeps the bound
};
/// `facts`: of the version that answered most; may be null.
OperationMeasure MeasureOperation(const goals::Target& target, const ProductionInput& input, const VersionFacts* facts);

}  // namespace mw::monitoring
