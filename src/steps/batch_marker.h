// How far a batch prediction has come: OUTPUT.unfinished/progress.json, written after every part. Pure but for reading
// and writing that file.
//
//   OUTPUT.unfinished/   lock, progress.json, model/ (a registered version's package), parts/part-<n>.parquet,
//                        windows/ (recorded rows that the control plane has not got yet)
//
// Invariant: parts 0..parts-1 are whole on the disk, hold the answers to the first `rows` rows of the input, and all
// that is to be recorded of them is in windows/ or with the control plane.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace mw::steps {

struct BatchMarker {
  // What is predicted: a run with other arguments begins anew.
  Json arguments;  ///< input files with size and time of change, model, what is kept, ...
  // Decided by the first run.
  std::string batch_id;
  Timestamp started;
  std::string model;         ///< as its package calls it; empty for a bare file
  std::int64_t version = 0;  ///< 0: not a registered one
  std::string model_digest;  ///< of a registered version's package, or of the file
  std::int64_t rows_expected = 0;
  std::vector<std::string> kept_types;
  // How far it has come.
  std::int64_t rows = 0;
  std::int64_t parts = 0;
  std::int64_t file = 0;      ///< place of the file that comes next
  std::int64_t file_row = 0;  ///< rows of it that are done
  std::int64_t bad_rows = 0;
  std::vector<std::string> first_bad_rows;  ///< a sentence each
  std::int64_t unknown_categories = 0;
  std::int64_t sampled_rows = 0;
  bool complete = false;  ///< the output is whole and has its name
};

/// Nothing when there is none. Errors: kDataLoss for a file that is none of ours.
Result<std::optional<BatchMarker>> ReadMarker(const std::string& directory);
Status WriteMarker(const std::string& directory, const BatchMarker& marker);

}  // namespace mw::steps
