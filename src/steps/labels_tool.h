// mw-step labels: brings the labels in a file to an endpoint's predictions. CSV, Parquet and datasets by their
// columns, NDJSON as the API takes it (wire/label_text.h).
// In a table the label is what it was in the table that the model was made of: a class by its name, or a number.
//
// Batches are named by what the file holds and how it is read: the same file sent again counts once.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace mw::steps {

/// `mw-step labels FILE --endpoint NAME --labels-to URL [--id COLUMN | --key COLUMN] [--label COLUMN] [--time COLUMN]
/// [--json]`. Columns are prediction_id or key, label, and time when there is one, unless others are named; rows
/// without a label are passed over. Prints how many were sent. Errors: kInvalidArgument naming the row or line;
/// kNotFound; kUnavailable when the control plane stayed away.
Status SendLabels(const std::vector<std::string>& arguments);

}  // namespace mw::steps
