// baseline.bin of a model package: what the training rows, their label and the model's answers to them looked
// like, whole and day by day (sketch/baseline.h). Monitoring compares windows of predictions with it. One thread.
#pragma once

#include <span>
#include <string>

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

}  // namespace mw::steps
