// baseline.bin of a model package: what the training rows, their label and the model's answers to them looked
// like, whole and day by day (sketch/baseline.h); and slices.bin, the same for slices of them
// (sketch/sliced_baselines.h). Monitoring compares windows of predictions with both. One thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "schema/encoder.h"
#include "steps/encoded_rows.h"

namespace mw::steps {

struct BaselineSource {
  const schema::Encoder& encoder;
  const EncodedRows& rows;
  std::string label;
  std::string event_time;              ///< the column's name; empty without one
  std::span<const float> predictions;  ///< one for each row, or one for each of its classes
};

/// Writes sketch::kBaselineFile into `directory` (made when absent), before wire::WritePackage lists the files.
/// With several classes `prediction` is the likeliest class.
Status WriteBaseline(const std::string& directory, const BaselineSource& source);

/// What WriteSlices kept.
struct SlicesKept {
  std::size_t slices = 0;
  std::size_t bytes = 0;  ///< of the file; 0 when there is none
};
/// Writes sketch::kSlicesFile with the most frequent values of each of `columns`, features that can be sliced by
/// (schema/slice.h); nothing when no value has rows enough. After WriteBaseline.
Result<SlicesKept> WriteSlices(const std::string& directory, const BaselineSource& source,
                               const std::vector<std::string>& columns);

}  // namespace mw::steps
