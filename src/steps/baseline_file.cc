// The rows' columns, one after the other, into a baseline.
#include "steps/baseline_file.h"

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "sketch/baseline_maker.h"

namespace mw::steps {
namespace {

using sketch::ColumnSpec;
using sketch::ValueKind;

std::vector<float> ColumnOf(const EncodedRows& rows, std::size_t feature) {
  std::vector<float> column(rows.count);
  for (std::size_t row = 0; row < rows.count; ++row) column[row] = rows.values[row * rows.num_features + feature];
  return column;
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

}  // namespace

Status WriteBaseline(const std::string& directory, const BaselineSource& source) {
  const EncodedRows& rows = source.rows;
  const std::size_t features = source.encoder.num_features();
  sketch::BaselineMaker maker({rows.count, features + 2, source.event_time, rows.times});
  for (std::size_t i = 0; i < features; ++i) {
    const schema::Column& column = source.encoder.column(static_cast<int>(i));
    const bool category = column.type == schema::ColumnType::kCategory;
    maker.Add({column.name, category ? ValueKind::kCategory : ValueKind::kNumber}, ColumnOf(rows, i),
              category ? std::span<const std::string>(column.vocabulary) : std::span<const std::string>());
  }
  const std::vector<float> likeliest =
      rows.classes.empty() ? std::vector<float>() : LikeliestClasses(source.predictions, rows.classes.size());
  AddOutcome(maker, sketch::kPredictionColumn, rows.classes.empty() ? source.predictions : likeliest, rows.classes);
  AddOutcome(maker, source.label, std::vector<float>(rows.labels.begin(), rows.labels.end()), rows.classes);
  const std::string bytes = maker.Finish().Bytes();
  if (bytes.size() > sketch::kBaselineBytesMax) {
    return ResourceExhausted("the training rows' baseline has ", bytes.size(), " bytes, at most ",
                             sketch::kBaselineBytesMax, " are kept; train on fewer features");
  }
  TRY(MakeDirectories(directory));
  return WriteFileDurably(Cat(directory, "/", sketch::kBaselineFile), bytes);
}

}  // namespace mw::steps
