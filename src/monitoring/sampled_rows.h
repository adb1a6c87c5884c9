// Rows that were recorded whole, as baselines and windows of slices are made of them: one version's features column by
// column, with its answers and event times. The shape of it is the same as of the training rows, so what is made of
// both can be compared. Pure but for ReadSampledRows; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/task.h"
#include "monitoring/column.h"
#include "predictions/predictions.h"
#include "schema/schema.h"
#include "sketch/baseline.h"

namespace mw::monitoring {

/// Invariant: every column has size() values. A category's value is its place in the vocabulary, or the vocabulary's
/// size for one that it lacks; NaN is missing.
struct SampledRows {
  std::vector<std::vector<float>> columns;  ///< by position as the model's features
  std::vector<float> predictions;           ///< of several classes the place in `classes`
  std::vector<std::string> classes;
  std::vector<std::int64_t> event_times_us;
  [[nodiscard]] std::size_t size() const { return event_times_us.size(); }
};

/// Rows by their place.
using Places = std::vector<std::uint32_t>;
Places AllPlaces(const SampledRows& rows);
/// The rows with that value of a feature.
Places PlacesOf(const SampledRows& rows, std::size_t feature, float value);

/// Appends every `stride`-th of `from`, beginning with the one at `offset`; gives the offset for what follows.
std::size_t Append(const predictions::JoinedRows& from, const std::vector<schema::Column>& columns, std::size_t stride,
                   std::size_t offset, SampledRows& to);

/// At most `rows_max` rows of one version, evenly spaced. Read hour by hour where there are many, so that memory is
/// bounded by an hour's. `columns`: the model's features. Errors: the database's.
Task<Result<SampledRows>> ReadSampledRows(predictions::Predictions& predictions, predictions::WindowRange range,
                                          std::vector<schema::Column> columns, std::size_t rows_max);

/// Their baseline, by days (UTC), as the train step makes it of the training rows, the label left out.
sketch::Baseline MakeBaseline(const SampledRows& rows, const Places& places, const std::vector<schema::Column>& columns,
                              std::size_t edges_max, std::size_t counts_max);

/// Rows of a window over a baseline's bins. Times and what is known of the whole window are the caller's to fill in.
WindowView ViewOf(const BaselineView& baseline, const SampledRows& rows, const Places& places,
                  const std::vector<schema::Column>& columns);

}  // namespace mw::monitoring
