// A dataset's rows as a model sees them: floats by the one encoder, labels, event times, and the text
// columns that reports slice by. Rows without a label are left out and counted. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/dataset.h"
#include "evaluation/evaluate.h"
#include "schema/encoder.h"
#include "steps/task.h"

namespace mw::steps {

struct EncodedRows {
  std::size_t count = 0;
  std::size_t num_features = 0;
  std::vector<float> values;         ///< count x num_features, row-major, NaN where missing
  std::vector<std::uint8_t> labels;  ///< 0 or 1
  std::vector<std::int64_t> times;   ///< event time, microseconds UTC; empty without one
  std::vector<evaluation::SliceColumn> texts;
  std::int64_t unlabelled = 0;  ///< rows left out

  [[nodiscard]] double PositiveShare() const;
};

struct RowsWanted {
  const schema::Encoder* encoder = nullptr;
  std::string label;
  std::vector<std::string> texts;  ///< columns to read as text; a missing value reads "(missing)"
};

/// The rows of the input called `input`, in the dataset's order. Errors: kInvalidArgument for a column that
/// the dataset lacks (the nearest one named), a label other than true, false, 0 and 1, a value that the
/// encoder refuses (with its row), or no labelled row at all.
Result<EncodedRows> LoadRows(const StepTask& task, std::string_view input, const RowsWanted& wanted);

}  // namespace mw::steps
