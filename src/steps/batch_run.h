// The work of a batch prediction: rows from files through a model into parts, as one pipeline of three threads, and the
// parts put together.
//
//   reader: DuckDB --RowBatch--> caller's: encode, predict, record --AnsweredBlock--> writer: Parquet part, marker
//
// A few thousand rows are on their way between two threads, so memory does not grow with the input. The marker is
// written after each part: what a kill costs is the part at hand.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "serving/model.h"
#include "steps/batch_input.h"
#include "steps/batch_marker.h"
#include "steps/batch_recorder.h"
#include "steps/batch_tensors.h"

namespace mw::steps {

struct BatchJob {
  const serving::Model* model = nullptr;
  BatchTensors* tensors = nullptr;  ///< of a model that a backend runs, else null
  std::vector<InputFile> files;
  Keep keep;
  std::string directory;               ///< OUTPUT.unfinished
  std::int64_t part_rows = 1'048'576;  ///< between two checkpoints
  bool strict = false;                 ///< the first bad row is an error
  BatchRecorder* recorder = nullptr;   ///< null: nothing is recorded
  /// Called by the caller's thread after each 2,048 rows or so.
  std::function<void(std::int64_t rows)> progress;
};

/// The added columns are prediction_id ("<batch id>/<row>"), those of the model's answer, and prediction_error.
inline constexpr std::string_view kIdColumn = "prediction_id";
inline constexpr std::string_view kErrorColumn = "prediction_error";

/// Goes on where `marker` stands, to the end of the input; `marker` says then how it ended. Errors: kInvalidArgument
/// for columns that do not fit the model, names of kept columns that the answer has too, a bad row when strict; those
/// of reading and writing. What was done until then is kept.
Status PredictParts(const BatchJob& job, BatchMarker& marker);
/// All parts as one file with `metadata` (JSON) under the key "millwright"; it gets its name when it is whole.
Status JoinParts(const std::string& directory, const BatchMarker& marker, const Json& metadata,
                 const std::string& output);

}  // namespace mw::steps
