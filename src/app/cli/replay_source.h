// The dataset that a replay sends: a directory that was named, or the one from which an endpoint's version
// was made, found by lineage of the run and fetched from the control plane once.
#pragma once

#include <string>

#include "app/cli/command.h"

namespace mw::app::cli {

struct ReplaySource {
  std::string directory;  ///< data.parquet and dataset.json
  std::string model;      ///< the endpoint to ask
};

/// `source`: a directory, an endpoint's name, or that of a table that an endpoint's data came from. Errors: kNotFound
/// with what to do.
Result<ReplaySource> FindReplaySource(const Options& options, const std::string& source);

}  // namespace mw::app::cli
