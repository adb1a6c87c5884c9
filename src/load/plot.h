// Latency percentiles against rate as a picture: an SVG file that needs nothing else, readable on light and on dark
// ground. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "load/measurement.h"

namespace mw::load {

struct Plot {
  std::string title;
  std::string subtitle;
  std::vector<CurvePoint> points;  ///< in any order; of those at one rate the slowest is drawn
  double rows_per_request = 1;
  std::optional<Target> target;
  double best_rate = 0;  ///< marked; 0: none
};

std::string LatencyPlot(const Plot& plot);

}  // namespace mw::load
