// Reads Prometheus' text format 0.0.4, as model servers give it at /metrics: numbers of one endpoint, by version.
// Pure functions, any thread. What is no sample with a version of that endpoint is passed over, so a server that is
// newer or older tells what both know.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace mw::api::native {

/// Bounds ascending; one count for each and one above the last, none cumulative.
struct HistogramReading {
  std::vector<double> bounds;
  std::vector<double> counts;
  double sum = 0;
  /// Of histograms with equal bounds; one without any takes the other's.
  void Merge(const HistogramReading& other);
};

/// What one version did since its servers began, or since it was first loaded there.
struct VersionReading {
  std::map<std::string, double> counters;    ///< requests, refused, failures, rows, cache_hits, ... (exposition.cc)
  std::map<std::string, double> rejections;  ///< by reason
  std::map<std::string, HistogramReading> stages;  ///< total, decode, queue, compute, encode: seconds
  HistogramReading batch_rows;
  void Merge(const VersionReading& other);
};
using EndpointReading = std::map<std::string, VersionReading>;  ///< by version

EndpointReading ReadExposition(std::string_view text, std::string_view endpoint);
Json ToJson(const VersionReading& reading);

}  // namespace mw::api::native
