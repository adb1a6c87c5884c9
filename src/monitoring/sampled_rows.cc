// Joined rows into columns, columns into profiles and baselines.
#include "monitoring/sampled_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "monitoring/sketched_columns.h"
#include "schema/encoder.h"
#include "sketch/baseline_maker.h"

namespace mw::monitoring {
namespace {

using predictions::JoinedRows;
using schema::Column;
using schema::ColumnType;
using sketch::ColumnSpec;
using sketch::ValueKind;

/// Rows that one read may bring at once.
constexpr std::int64_t kRowsAtOnce = 100'000;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// What a server recorded is outside data: a category's number may be any.
float Checked(const Column& column, float value) {
  if (column.type != ColumnType::kCategory) return value;
  const auto size = static_cast<float>(column.vocabulary.size());
  if (schema::Encoder::IsUnknownCategory(value)) return size;
  if (std::isnan(value)) return kNaN;
  return value >= 0 && value < size && value == std::trunc(value) ? value : size;
}

/// A row that was recorded without the probabilities of its classes has a place in another list.
float PredictionOf(const JoinedRows& from, std::size_t row) {
  const std::size_t classes = from.classes.size();
  if (classes == 0) return from.predictions[row];
  return std::isnan(from.class_probabilities[row * classes]) ? kNaN : from.predictions[row];
}

std::vector<float> Picked(const std::vector<float>& values, const Places& places) {
  std::vector<float> out(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) out[i] = values[places[i]];
  return out;
}

ColumnSpec SpecOf(const Column& column) {
  return {column.name, column.type == ColumnType::kCategory ? ValueKind::kCategory : ValueKind::kNumber};
}

ColumnSpec PredictionSpec(const SampledRows& rows) {
  return {std::string(sketch::kPredictionColumn), rows.classes.empty() ? ValueKind::kNumber : ValueKind::kCategory};
}

std::span<const std::string> CategoriesOf(const Column& column) {
  if (column.type != ColumnType::kCategory) return {};
  return column.vocabulary;
}

}  // namespace

Places AllPlaces(const SampledRows& rows) {
  Places out(rows.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint32_t>(i);
  return out;
}

Places PlacesOf(const SampledRows& rows, std::size_t feature, float value) {
  Places out;
  const std::vector<float>& column = rows.columns.at(feature);
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (column[i] == value) out.push_back(static_cast<std::uint32_t>(i));
  }
  return out;
}

std::size_t Append(const JoinedRows& from, const std::vector<Column>& columns, std::size_t stride, std::size_t offset,
                   SampledRows& to) {
  const std::size_t width = from.feature_names.size();
  to.columns.resize(columns.size());
  if (!from.classes.empty()) to.classes = from.classes;
  std::vector<std::size_t> places;
  for (const Column& column : columns) {
    const auto found = std::find(from.feature_names.begin(), from.feature_names.end(), column.name);
    places.push_back(static_cast<std::size_t>(found - from.feature_names.begin()));
  }
  std::size_t row = offset;
  for (; row < from.size(); row += stride) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const float value = places[i] < width ? from.features[row * width + places[i]] : kNaN;
      to.columns[i].push_back(Checked(columns[i], value));
    }
    to.predictions.push_back(PredictionOf(from, row));
    to.event_times_us.push_back(from.event_times_us[row]);
  }
  return row - from.size();
}

Task<Result<SampledRows>> ReadSampledRows(predictions::Predictions& predictions, predictions::WindowRange range,
                                          std::vector<Column> columns, std::size_t rows_max) {
  const std::vector<predictions::WindowSummary> windows = predictions.Windows(range);
  std::int64_t sampled = 0;
  for (const predictions::WindowSummary& window : windows) sampled += window.sampled_rows;
  const auto all = static_cast<std::size_t>(std::max<std::int64_t>(sampled, 0));
  const std::size_t stride = std::max<std::size_t>(1, (all + rows_max - 1) / rows_max);
  SampledRows out;
  out.columns.resize(columns.size());
  if (sampled <= kRowsAtOnce) {
    const predictions::JoinedRows rows = CO_TRY(co_await predictions.Joined(range));
    Append(rows, columns, stride, 0, out);
    co_return out;
  }
  std::size_t offset = 0;
  for (const predictions::WindowSummary& window : windows) {
    const predictions::WindowRange hour{range.endpoint, range.version, window.window_start,
                                        window.window_start + window.window_length};
    const predictions::JoinedRows rows = CO_TRY(co_await predictions.Joined(hour));
    offset = Append(rows, columns, stride, offset, out);
  }
  co_return out;
}

sketch::Baseline MakeBaseline(const SampledRows& rows, const Places& places, const std::vector<Column>& columns,
                              std::size_t edges_max, std::size_t counts_max) {
  std::vector<std::int64_t> times(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) times[i] = rows.event_times_us[places[i]];
  sketch::BaselineMaker maker({places.size(), columns.size() + 1, "event time", times, edges_max, counts_max});
  for (std::size_t i = 0; i < columns.size(); ++i) {
    maker.Add(SpecOf(columns[i]), Picked(rows.columns[i], places), CategoriesOf(columns[i]));
  }
  maker.Add(PredictionSpec(rows), Picked(rows.predictions, places), rows.classes);
  return maker.Finish();
}

WindowView ViewOf(const BaselineView& baseline, const SampledRows& rows, const Places& places,
                  const std::vector<Column>& columns) {
  WindowView out;
  out.rows = static_cast<double>(places.size());
  for (std::size_t i = 0; i < baseline.features.size(); ++i) {
    const sketch::ColumnProfile profile =
        sketch::ProfileOf(SpecOf(columns[i]), Picked(rows.columns[i], places), CategoriesOf(columns[i]));
    out.features.emplace_back(PeriodOf(baseline.features[i], profile));
  }
  if (!baseline.prediction || places.empty()) return out;
  const sketch::ColumnProfile answers =
      sketch::ProfileOf(PredictionSpec(rows), Picked(rows.predictions, places), rows.classes);
  out.prediction = PeriodOf(*baseline.prediction, answers);
  return out;
}

}  // namespace mw::monitoring
