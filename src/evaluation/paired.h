// Differences of two evaluations, made at different times, with intervals: where both drew the same blocks of the same
// rows, which their reports keep, they are taken draw by draw, as Compare (bootstrap.h) does where both models are at
// hand. Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "evaluation/bootstrap.h"
#include "evaluation/report.h"

namespace mw::evaluation {

struct PairedGains {
  std::map<std::string, Interval> intervals;  ///< by metric, of b - a at a's confidence
  std::string reason;                         ///< why there is none; empty: some metrics have one
};

PairedGains GainsOf(const std::optional<Report>& a, const std::optional<Report>& b);

}  // namespace mw::evaluation
