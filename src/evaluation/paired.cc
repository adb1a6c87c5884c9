// Draw by draw.
#include "evaluation/paired.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/text.h"

namespace mw::evaluation {
namespace {

/// Why the draws of the two are not of the same blocks; empty: they are.
std::string WhyUnpaired(const std::optional<Report>& a, const std::optional<Report>& b) {
  if (!a || !b) return "no evaluation report on one side";
  if (a->data_digest.empty() || a->data_digest != b->data_digest) return "evaluated on different rows";
  if (a->block != b->block || a->counts.blocks != b->counts.blocks || a->counts.rows != b->counts.rows) {
    return "evaluated with different blocks";
  }
  if (a->draws.empty() || b->draws.empty()) return "a report without its draws; evaluate again to get them";
  if (a->seed != b->seed) return "evaluated with different seeds";
  return "";
}

/// b - a of each draw that both have; NaN where either has no value.
std::vector<double> Differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> out;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) out.push_back(b[i] - a[i]);
  return out;
}

}  // namespace

PairedGains GainsOf(const std::optional<Report>& a, const std::optional<Report>& b) {
  PairedGains gains;
  gains.reason = WhyUnpaired(a, b);
  if (!gains.reason.empty()) return gains;
  for (const auto& [metric, values] : a->draws) {
    const auto other = b->draws.find(metric);
    if (other == b->draws.end()) continue;
    std::vector<double> differences = Differences(values, other->second);
    const auto interval = PercentileInterval(differences, a->confidence);
    if (interval) gains.intervals[metric] = *interval;
  }
  if (gains.intervals.empty()) gains.reason = "no metric has draws on both sides";
  return gains;
}

}  // namespace mw::evaluation
