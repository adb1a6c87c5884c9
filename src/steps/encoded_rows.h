// A dataset's rows as a model sees them: floats by the one encoder, labels, event times, and the text
// columns that reports slice by. Rows without a label are left out and counted. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/dataset.h"
#include "evaluation/answers.h"
#include "schema/encoder.h"
#include "steps/task.h"

namespace mw::steps {

struct EncodedRows {
  std::size_t count = 0;
  std::size_t num_features = 0;
  std::vector<float> values;         ///< count x num_features, row-major, NaN where missing
  std::vector<double> labels;        ///< 0 or 1; a place in `classes`; or the number itself
  std::vector<std::string> classes;  ///< of several classes; those wanted first, in their order
  std::vector<std::int64_t> times;   ///< event time, microseconds UTC; empty without one
  std::vector<evaluation::SliceColumn> texts;
  std::int64_t unlabelled = 0;  ///< rows left out

  /// What the labels are like, for rows of the problem; not empty.
  [[nodiscard]] evaluation::TrainingLabels LabelsOf(goals::Problem problem) const;
  /// The rows' labels beside what a model answered, as Score gives it; `blocks` as BlocksOf gives them.
  [[nodiscard]] evaluation::AnsweredRows AnsweredWith(goals::Problem problem, std::vector<double> answers,
                                                      std::vector<std::uint32_t> blocks) const;
};

struct RowsWanted {
  const schema::Encoder* encoder = nullptr;
  std::string label;
  std::vector<std::string> texts;  ///< columns to read as text; a missing value reads "(missing)"
  goals::Problem problem = goals::Problem::kBinaryClassification;
  std::vector<std::string> classes{};  ///< of several; those that the rows have besides come behind, sorted
};

/// The rows of the input called `input`, in the dataset's order. Errors: kInvalidArgument for a column that
/// the dataset lacks (the nearest one named), a label other than true, false, 0 and 1 of two classes or that is
/// no float32 of a regression, more than evaluation::kClassesMax classes, a value that the encoder refuses (with its
/// row), or no labelled row at all.
Result<EncodedRows> LoadRows(const StepTask& task, std::string_view input, const RowsWanted& wanted);

}  // namespace mw::steps
