// mw-step predict: the rows of files through a model into one Parquet file, with the engine that answers online.
//
// Killed at any moment, the same arguments go on where it was: OUTPUT.unfinished (batch_marker.h) says where, and the
// output is, byte for byte, that of a run that nobody disturbed. It has its name only when it is whole.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace mw::steps {

/// `mw-step predict --input FILE|DIRECTORY|PATTERN --output FILE.parquet (--model PATH | --version
/// MODEL[@VERSION|@ALIAS]
/// --url URL) [--keep key|all|COLUMN,...] [--record-as ENDPOINT] [--no-recording] [--strict] [--part-rows N] [--json]`.
/// --version: of the control plane at --url, with MILLWRIGHT_TOKEN; without @ the one in production. Its rows are
/// recorded for the endpoint of the model's name, or that of --record-as. Prints a summary. Errors: kInvalidArgument
/// for arguments, rows that do not fit the model and, with --strict, a bad row; kUnavailable when what was recorded
/// could not be delivered: the output is there, and the same arguments try the delivery again.
Status PredictBatch(const std::vector<std::string>& arguments);

}  // namespace mw::steps
