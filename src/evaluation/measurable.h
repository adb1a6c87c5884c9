// Scored rows of a problem whose metrics are any function of how often each block of rows counts: what
// the evaluation of regressions and of several classes shares. (Two classes have a faster path of their
// own: ranked_rows.h, scores.h.)
//
// Immutable once made; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evaluation/bootstrap.h"
#include "evaluation/report.h"

namespace mw::evaluation {

class Measurable {
 public:
  Measurable() = default;
  Measurable(const Measurable&) = default;
  Measurable& operator=(const Measurable&) = default;
  virtual ~Measurable() = default;

  /// The ids of what Measure gives, in its order.
  [[nodiscard]] virtual const std::vector<std::string>& metrics() const = 0;
  [[nodiscard]] virtual std::size_t rows() const = 0;
  [[nodiscard]] virtual std::size_t num_blocks() const = 0;
  /// Every metric with the blocks weighted so; NaN where it is undefined. One finite weight, not negative,
  /// for each block.
  [[nodiscard]] virtual std::vector<double> Measure(std::span<const double> block_weights) const = 0;
  /// Why the metric at that place is undefined for these rows, in words for people.
  [[nodiscard]] virtual std::string WhyUndefined(std::size_t metric) const = 0;
};

Counts CountsOf(const Measurable& rows);
/// Every row once.
std::vector<double> Measure(const Measurable& rows);
/// The same with reasons, without intervals.
std::vector<MetricValue> PointValues(const Measurable& rows);
/// With intervals, where there are blocks enough; each is widened to its point where it misses that.
std::vector<MetricValue> ValuesWithIntervals(const Measurable& rows, const BootstrapOptions& options);
/// The same as the report's overall values, with its draws when they are to be kept.
void MeasureOverall(const Measurable& rows, const BootstrapOptions& options, Report& report);
/// Paired: both see the same draws. Both were made of the same rows and blocks, and have the same metrics.
std::vector<Gain> Compare(const Measurable& candidate, const Measurable& baseline, const BootstrapOptions& options);

/// What one bootstrap may cost: rows looked at, over all replicates. More rows get fewer replicates, but at
/// least kReplicatesMin.
inline constexpr double kRowVisitsMax = 4e9;
inline constexpr int kReplicatesMin = 200;
/// The replicates that `visits_per_replicate` leave room for.
int AffordableReplicates(int wanted, double visits_per_replicate);

}  // namespace mw::evaluation
