// The rows' columns, one after the other, into a baseline: of all rows, or of those of a slice.
#include "steps/baseline_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "schema/slice.h"
#include "sketch/baseline_maker.h"
#include "sketch/sliced_baselines.h"

namespace mw::steps {
namespace {

using sketch::ColumnSpec;
using sketch::ValueKind;

/// Rows by their number.
using Places = std::vector<std::uint32_t>;

Places AllOf(const EncodedRows& rows) {
  Places all(rows.count);
  for (std::size_t row = 0; row < rows.count; ++row) all[row] = static_cast<std::uint32_t>(row);
  return all;
}

std::vector<float> ColumnOf(const EncodedRows& rows, std::size_t feature, const Places& places) {
  std::vector<float> column(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) column[i] = rows.values[places[i] * rows.num_features + feature];
  return column;
}

template <typename Number>
std::vector<float> Picked(std::span<const Number> values, const Places& places) {
  std::vector<float> out(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) out[i] = static_cast<float>(values[places[i]]);
  return out;
}

// The place of each row's largest answer.
std::vector<float> LikeliestClasses(std::span<const float> answers, std::size_t classes) {
  std::vector<float> likeliest;
  for (std::size_t at = 0; at + classes <= answers.size(); at += classes) {
    const auto row = answers.subspan(at, classes);
    likeliest.push_back(static_cast<float>(std::max_element(row.begin(), row.end()) - row.begin()));
  }
  return likeliest;
}

// Labels and answers: numbers, or categories when there are several classes.
void AddOutcome(sketch::BaselineMaker& maker, std::string_view name, std::span<const float> values,
                const std::vector<std::string>& classes) {
  maker.Add({std::string(name), classes.empty() ? ValueKind::kNumber : ValueKind::kCategory}, values, classes);
}

struct Fineness {
  std::size_t edges_max = sketch::kBaselineEdges;
  std::size_t counts_max = sketch::kBaselineCountsMax;
};

sketch::Baseline MakeBaseline(const BaselineSource& source, const Places& places, Fineness fineness) {
  const EncodedRows& rows = source.rows;
  const std::size_t features = source.encoder.num_features();
  std::vector<std::int64_t> times;
  for (const std::uint32_t row : rows.times.empty() ? Places() : places) times.push_back(rows.times[row]);
  sketch::BaselineMaker maker(
      {places.size(), features + 2, source.event_time, times, fineness.edges_max, fineness.counts_max});
  for (std::size_t i = 0; i < features; ++i) {
    const schema::Column& column = source.encoder.column(static_cast<int>(i));
    const bool category = column.type == schema::ColumnType::kCategory;
    maker.Add({column.name, category ? ValueKind::kCategory : ValueKind::kNumber}, ColumnOf(rows, i, places),
              category ? std::span<const std::string>(column.vocabulary) : std::span<const std::string>());
  }
  const std::vector<float> likeliest =
      rows.classes.empty() ? std::vector<float>() : LikeliestClasses(source.predictions, rows.classes.size());
  const std::span<const float> answers = rows.classes.empty() ? source.predictions : likeliest;
  AddOutcome(maker, sketch::kPredictionColumn, Picked(answers, places), rows.classes);
  AddOutcome(maker, source.label, Picked(std::span<const double>(rows.labels), places), rows.classes);
  return maker.Finish();
}

// The rows of each value of a column, the most frequent value first, equal ones by value.
std::vector<std::pair<std::string, Places>> ValuesOf(const BaselineSource& source, std::size_t feature) {
  const schema::Column& column = source.encoder.column(static_cast<int>(feature));
  std::map<float, Places> rows_of;
  for (std::size_t row = 0; row < source.rows.count; ++row) {
    const float value = source.rows.values[row * source.rows.num_features + feature];
    if (!std::isnan(value)) rows_of[value].push_back(static_cast<std::uint32_t>(row));
  }
  std::vector<std::pair<std::string, Places>> out;
  for (auto& [value, places] : rows_of) {
    const std::optional<std::string> text = schema::SliceText(column, value);
    if (text && places.size() >= sketch::kSliceRowsMin) out.emplace_back(*text, std::move(places));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.second.size() > b.second.size(); });
  if (out.size() > sketch::kSliceValuesMax) out.resize(sketch::kSliceValuesMax);
  return out;
}

}  // namespace

Status WriteBaseline(const std::string& directory, const BaselineSource& source) {
  const std::string bytes = MakeBaseline(source, AllOf(source.rows), {}).Bytes();
  if (bytes.size() > sketch::kBaselineBytesMax) {
    return ResourceExhausted("the training rows' baseline has ", bytes.size(), " bytes, at most ",
                             sketch::kBaselineBytesMax, " are kept; train on fewer features");
  }
  TRY(MakeDirectories(directory));
  return WriteFileDurably(Cat(directory, "/", sketch::kBaselineFile), bytes);
}

Result<SlicesKept> WriteSlices(const std::string& directory, const BaselineSource& source,
                               const std::vector<std::string>& columns) {
  const Fineness fineness{sketch::kSliceEdges, sketch::kSlicesCountsMax / sketch::kSlicesMax};
  sketch::SlicesWriter slices;
  for (const std::string& column : columns) {
    const int feature = source.encoder.FeatureIndex(column);
    if (feature < 0) continue;
    for (const auto& [value, places] : ValuesOf(source, static_cast<std::size_t>(feature))) {
      if (slices.size() == sketch::kSlicesMax) break;
      slices.Add({column, value, MakeBaseline(source, places, fineness)});
    }
  }
  if (slices.size() == 0) return SlicesKept{};
  const std::string bytes = slices.Bytes();
  TRY(WriteFileDurably(Cat(directory, "/", sketch::kSlicesFile), bytes));
  return SlicesKept{slices.size(), bytes.size()};
}

}  // namespace mw::steps
